/**
 * IP addresses as values. Across package borders and processes an address is its canonical text
 * (RFC 5952 for IPv6): it compares with `===`, keys a Map and serialises. Hot paths use the bytes.
 */
import { Address6 } from "ip-address";

export type AddressFamily = 4 | 6;

/** 4 or 16 bytes in network order, or undefined when `text` is no address (prefix lengths and zones are refused). */
export function parseAddress(text: string): Uint8Array | undefined {
  if (text.includes("/") || text.includes("%")) return undefined;
  if (text.includes(":")) {
    if (!Address6.isValid(text)) return undefined;
    return Uint8Array.from(padLeft(new Address6(text).toUnsignedByteArray(), 16));
  }
  return parseIpv4(text);
}

/** Every message of IKE is full of them, so without a library: four decimal octets, no leading zeros. */
function parseIpv4(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4);
  let at = 0;
  let digits = 0;
  let value = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : DOT;
    if (code === DOT) {
      if (digits === 0 || at === 4 || value > 255) return undefined;
      bytes[at++] = value;
      digits = 0;
      value = 0;
      continue;
    }
    if (code < ZERO || code > NINE || digits === 3 || (digits > 0 && value === 0)) return undefined;
    value = value * 10 + code - ZERO;
    digits++;
  }
  return at === 4 ? bytes : undefined;
}

const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;

/** Canonical text of 4 or 16 bytes; throws a RangeError on any other length (a programmer's error). */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
  if (bytes.length === 16) return Address6.fromUnsignedByteArray(Array.from(bytes)).correctForm();
  throw new RangeError(`an address has 4 or 16 bytes, not ${bytes.length}`);
}

/** Canonical text, or undefined when `text` is no address. */
export function canonicalAddress(text: string): string | undefined {
  const bytes = parseAddress(text);
  return bytes === undefined ? undefined : formatAddress(bytes);
}

export const addressFamily = (text: string): AddressFamily => (text.includes(":") ? 6 : 4);

function padLeft(bytes: readonly number[], length: number): number[] {
  return [...new Array(Math.max(0, length - bytes.length)).fill(0), ...bytes];
}
