/** Octet strings: joining, comparing, hexadecimal, and the big-endian integers of the key exchanges. */

/** A fresh array that holds the parts one after the other. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Compares without a branch on the contents. Lengths are public: different ones are unequal at once. */
export function constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

const HEX: readonly string[] = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));

export function bytesToHex(bytes: Uint8Array): string {
  let out = "";
  for (const byte of bytes) out += HEX[byte]!;
  return out;
}

/** `hex` has an even number of digits and may contain white space; anything else is a programmer's error and throws. */
export function hexToBytes(hex: string): Uint8Array {
  const out = new Uint8Array(hex.length >> 1);
  let digits = 0;
  for (let i = 0; i < hex.length; i++) {
    const code = hex.charCodeAt(i);
    const value = code < 128 ? DIGITS[code]! : NO_DIGIT;
    if (value === WHITE_SPACE || (code >= 128 && /\s/.test(hex[i]!))) continue;
    if (value === NO_DIGIT) throw new RangeError("not an even number of hexadecimal digits");
    out[digits >> 1] = (out[digits >> 1]! << 4) | value;
    digits++;
  }
  if (digits % 2 !== 0) throw new RangeError("not an even number of hexadecimal digits");
  return digits === hex.length ? out : out.slice(0, digits / 2);
}

const NO_DIGIT = 255;
const WHITE_SPACE = 254;
/** Value of each ASCII character as a hexadecimal digit. Every message has a dozen SPIs. */
const DIGITS: Uint8Array = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  if (/\s/.test(character)) return WHITE_SPACE;
  return /[0-9a-fA-F]/.test(character) ? Number.parseInt(character, 16) : NO_DIGIT;
});

export function bytesToBigInt(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${bytesToHex(bytes)}`);
}

/** Big-endian, exactly `length` bytes, with leading zeros (RFC 7296 §2.14, §3.4). Throws when it does not fit. */
export function bigIntToBytes(value: bigint, length: number): Uint8Array {
  const hex = value.toString(16);
  if (value < 0n || hex.length > 2 * length) throw new RangeError(`integer does not fit ${length} bytes`);
  return hexToBytes(hex.padStart(2 * length, "0"));
}

/** `value` with zeros in front up to `length`. */
export function leftPad(value: Uint8Array, length: number): Uint8Array {
  if (value.length === length) return value;
  const out = new Uint8Array(length);
  out.set(value, length - value.length);
  return out;
}
