/**
 * Fragmentation of inner IPv4 packets before encryption (RFC 791 §3.2, RFC 4301 §8.2): only when DF is clear.
 * IPv6 is never fragmented here; its source is told (RFC 8200 §5).
 */
import type { InnerPacket } from "@tandem/esp";
import { type Checksum, fold } from "./checksum.ts";
import type { SegmentSink } from "./segment-tcp.ts";

const COPIED = 0x80;

/**
 * Cuts the IPv4 packet into fragments of at most `mtu` bytes, built one after another at `scratch`. The packet may itself
 * be a fragment. False when even 8 bytes of payload do not fit.
 */
export function fragmentIpv4(
  packet: InnerPacket,
  mtu: number,
  arena: { readonly bytes: Uint8Array; readonly view: DataView },
  checksum: Checksum,
  scratch: number,
  sink: SegmentSink,
): boolean {
  const { bytes, view } = arena;
  const start = packet.offset;
  const headerLength = (bytes[start]! & 15) * 4;
  const field = view.getUint16(start + 6);
  const room = (mtu - headerLength) & ~7;
  if (room < 8) return false;
  const payload = packet.length - headerLength;
  let laterHeader = headerLength;
  for (let sent = 0; sent < payload; ) {
    const length = payload - sent < room ? payload - sent : room;
    const first = sent === 0;
    if (first) bytes.copyWithin(scratch, start, start + headerLength);
    else if (laterHeader === headerLength) laterHeader = copyLaterHeader(bytes, start, headerLength, scratch);
    const header = first ? headerLength : laterHeader;
    bytes.copyWithin(scratch + header, start + headerLength + sent, start + headerLength + sent + length);
    const more = sent + length < payload || (field & 0x2000) !== 0;
    bytes[scratch] = 0x40 | (header / 4);
    view.setUint16(scratch + 2, header + length);
    view.setUint16(scratch + 6, (more ? 0x2000 : 0) | ((field & 0x1fff) + sent / 8));
    view.setUint16(scratch + 10, 0);
    view.setUint16(scratch + 10, ~fold(checksum.add(0, scratch, header)) & 0xffff, true);
    sink(scratch, header + length);
    sent += length;
  }
  return true;
}

/** Header for fragments after the first: only options with the copied flag (RFC 791 §3.1). Returns its length. */
function copyLaterHeader(bytes: Uint8Array, from: number, headerLength: number, to: number): number {
  bytes.copyWithin(to, from, from + 20);
  let out = 20;
  for (let at = 20; at < headerLength; ) {
    const kind = bytes[from + at]!;
    if (kind === 0) break;
    if (kind === 1) {
      at++;
      continue;
    }
    const length = at + 1 < headerLength ? bytes[from + at + 1]! : 0;
    if (length < 2 || at + length > headerLength) break;
    if ((kind & COPIED) !== 0) {
      bytes.copyWithin(to + out, from + at, from + at + length);
      out += length;
    }
    at += length;
  }
  while (out % 4 !== 0) bytes[to + out++] = 0;
  return out;
}
