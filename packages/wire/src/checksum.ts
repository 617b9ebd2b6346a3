/**
 * The Internet checksum. Read: RFC 1071 (with §2 (B), byte order independence), RFC 1624 (incremental update).
 *
 * Sums are kept unfolded, as plain numbers, so parts can be added in any order: a pseudo header, a header, a payload. Their
 * 16-bit words are taken little-endian, as the machine has them, and the result is stored little-endian: by RFC 1071 §2 (B)
 * the bytes on the wire come out right.
 *
 *      let sum = sumBytes(bytes, words, tcp, tcpLength, pseudoHeaderSum);
 *      view.setUint16(tcp + 16, finishChecksum(sum), true);
 */

/**
 * Adds `length` bytes at `offset` to `sum`. `words` views the same memory as `bytes` from index 0, which makes it fast;
 * undefined where there is no such view. An odd `length` counts as padded with a zero byte, so only the last part may be odd.
 */
export function sumBytes(
  bytes: Uint8Array,
  words: Uint32Array | undefined,
  offset: number,
  length: number,
  sum: number,
): number {
  let at = offset;
  const end = offset + length;
  let low = 0;
  let high = 0;
  if (words !== undefined && (at & 1) === 0) {
    if ((at & 2) !== 0 && end - at >= 2) {
      low += bytes[at]! | (bytes[at + 1]! << 8);
      at += 2;
    }
    // Both halves stay below 2^31: at most 65,535 bytes, so 16,384 words.
    const last = end >> 2;
    for (let i = at >> 2; i < last; i++) {
      const word = words[i]!;
      low += word & 0xffff;
      high += word >>> 16;
    }
    if (last > at >> 2) at = last << 2;
  }
  for (; at + 1 < end; at += 2) low += bytes[at]! | (bytes[at + 1]! << 8);
  if (at < end) low += bytes[at]!;
  return sum + low + high;
}

/** 16 bits, little-endian. What a TUN wants in the checksum field of a packet with "needs checksum" set (not complemented). */
export function foldSum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000);
  return folded;
}

/** The checksum to store little-endian. */
export const finishChecksum = (sum: number): number => ~foldSum(sum) & 0xffff;

/** The little-endian word of a number that stands big-endian on the wire, for adding lengths and protocols to a sum. */
export const swapWord = (value: number): number => ((value & 0xff) << 8) | ((value >>> 8) & 0xff);

/**
 * RFC 1624 §3 equation 3: the checksum after one 16-bit word of the covered data changed. All three values in the same byte
 * order, whichever it is. Never yields the wrong zero that equation 2 can.
 */
export function updateChecksum(checksum: number, oldWord: number, newWord: number): number {
  return finishChecksum((~checksum & 0xffff) + (~oldWord & 0xffff) + newWord);
}

/** Checksum of a whole message with its field zero, as a big-endian number. Not for the packet path. */
export function checksumOf(bytes: Uint8Array, sum = 0): number {
  return swapWord(finishChecksum(sumBytes(bytes, undefined, 0, bytes.length, sum)));
}
