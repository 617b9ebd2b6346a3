import { type AddressFamily, formatAddress, parseAddress } from "./address.ts";

/** An IP prefix. `bytes` has 4 or 16 bytes; bits past `length` are zero. `text` is canonical ("10.0.0.0/8") and compares with `===`. */
export interface Prefix {
  readonly family: AddressFamily;
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly text: string;
}

/** Reads "10.0.0.0/8" or "2001:db8::/32". A bare address is a host prefix. Host bits are cleared; undefined when it is no prefix. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf("/");
  const bytes = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (bytes === undefined) return undefined;
  const max = bytes.length * 8;
  const lengthText = slash < 0 ? String(max) : text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(lengthText)) return undefined;
  const length = Number(lengthText);
  if (length > max) return undefined;
  return makePrefix(bytes, length);
}

/** Copies `bytes` and clears the host bits. */
export function makePrefix(bytes: Uint8Array, length: number): Prefix {
  const masked = maskBytes(bytes, length);
  return {
    family: masked.length === 4 ? 4 : 6,
    bytes: masked,
    length,
    text: `${formatAddress(masked)}/${length}`,
  };
}

export function maskBytes(bytes: Uint8Array, length: number): Uint8Array {
  const out = bytes.slice();
  for (let i = 0; i < out.length; i++) {
    const keep = Math.min(8, Math.max(0, length - i * 8));
    out[i] = out[i]! & (0xff << (8 - keep)) & 0xff;
  }
  return out;
}

/** True when every address of `inner` lies in `outer` (equal prefixes included). */
export function prefixContains(outer: Prefix, inner: Prefix): boolean {
  if (outer.family !== inner.family || inner.length < outer.length) return false;
  return prefixContainsAddress(outer, inner.bytes);
}

export function prefixContainsAddress(prefix: Prefix, address: Uint8Array): boolean {
  if (address.length !== prefix.bytes.length) return false;
  for (let i = 0, left = prefix.length; left > 0; i++, left -= 8) {
    const mask = left >= 8 ? 0xff : (0xff << (8 - left)) & 0xff;
    if (((address[i]! ^ prefix.bytes[i]!) & mask) !== 0) return false;
  }
  return true;
}

export const prefixesOverlap = (a: Prefix, b: Prefix): boolean =>
  prefixContains(a, b) || prefixContains(b, a);
