/** Columns of numbers that grow by doubling. The caller keeps the new array; the old one is dead. */

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
