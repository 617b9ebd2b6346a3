/** Columns of numbers that grow. The caller keeps the new array; the old one is dead. */

/** Four times as long while that is cheap, then twice: fewer copies on the way to a full table. */
export const grownLength = (length: number): number => length * (length < 1 << 18 ? 4 : 2);

export function growInt32(column: Int32Array, length: number): Int32Array {
  const grown = new Int32Array(length);
  grown.set(column);
  return grown;
}

export function growUint8(column: Uint8Array, length: number): Uint8Array {
  const grown = new Uint8Array(length);
  grown.set(column);
  return grown;
}

export function growUint16(column: Uint16Array, length: number): Uint16Array {
  const grown = new Uint16Array(length);
  grown.set(column);
  return grown;
}
