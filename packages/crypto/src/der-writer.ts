/** The few DER forms this package writes (X.690 §8, §10): every function returns one complete TLV. */
import { concatBytes } from "./octets.ts";

/** Tag, length in the shortest form, contents. */
export function derTlv(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const body = concatBytes(...contents);
  const n = body.length;
  let head: number[];
  if (n < 0x80) head = [tag, n];
  else if (n < 0x100) head = [tag, 0x81, n];
  else if (n < 0x10000) head = [tag, 0x82, n >> 8, n & 0xff];
  else head = [tag, 0x83, n >> 16, (n >> 8) & 0xff, n & 0xff];
  return concatBytes(Uint8Array.from(head), body);
}

export function derSequence(...contents: readonly Uint8Array[]): Uint8Array {
  return derTlv(0x30, ...contents);
}

/** An unsigned integer given in big-endian bytes, with or without leading zeros. */
export function derUnsigned(value: Uint8Array): Uint8Array {
  let start = 0;
  while (start < value.length - 1 && value[start] === 0) start++;
  const digits = value.subarray(start);
  if (digits.length === 0) return derTlv(0x02, Uint8Array.of(0));
  return (digits[0]! & 0x80) !== 0 ? derTlv(0x02, Uint8Array.of(0), digits) : derTlv(0x02, digits);
}

export function derOctetString(contents: Uint8Array): Uint8Array {
  return derTlv(0x04, contents);
}

/** A BIT STRING of whole bytes. */
export function derBitString(contents: Uint8Array): Uint8Array {
  return derTlv(0x03, Uint8Array.of(0), contents);
}

export function derNull(): Uint8Array {
  return Uint8Array.of(0x05, 0x00);
}

/** An OBJECT IDENTIFIER from its dotted form. */
export function derOid(dotted: string): Uint8Array {
  const arcs = dotted.split(".").map(Number);
  const bytes: number[] = [];
  const push = (arc: number): void => {
    const digits = [arc & 0x7f];
    for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128))
      digits.unshift((rest & 0x7f) | 0x80);
    bytes.push(...digits);
  };
  push(arcs[0]! * 40 + arcs[1]!);
  for (const arc of arcs.slice(2)) push(arc);
  return derTlv(0x06, Uint8Array.from(bytes));
}
