/** The pseudo header under transport checksums: RFC 9293 §3.1 (IPv4), RFC 8200 §8.1 (IPv6). */
import { sumBytes, swapWord } from "./checksum.ts";

export interface PseudoHeader {
  /** 4 or 16 bytes each, of one family. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

/** An unfolded little-endian sum. `length` is that of the transport header and payload. */
export function sumPseudoHeader(addresses: PseudoHeader, protocol: number, length: number): number {
  let sum = sumBytes(addresses.source, undefined, 0, addresses.source.length, 0);
  sum = sumBytes(addresses.destination, undefined, 0, addresses.destination.length, sum);
  return sum + swapWord(protocol) + swapWord(length & 0xffff) + swapWord(length >>> 16);
}

/** The same for the two addresses that stand one after the other in an IP header at `offset` (8 or 32 bytes), without allocating. */
export function sumPseudoHeaderAt(
  bytes: Uint8Array,
  words: Uint32Array | undefined,
  offset: number,
  addressesLength: 8 | 32,
  protocol: number,
  length: number,
): number {
  return (
    sumBytes(bytes, words, offset, addressesLength, 0) +
    swapWord(protocol) +
    swapWord(length & 0xffff) +
    swapWord(length >>> 16)
  );
}
