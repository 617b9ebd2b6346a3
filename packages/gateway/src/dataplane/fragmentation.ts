/**
 * Fragmentation of inner IPv4 packets before encryption (RFC 791 §3.2, RFC 4301 §8.2): only when DF is clear.
 * IPv6 is never fragmented here; its source is told (RFC 8200 §5).
 */
import type { InnerPacket } from "@tandem/esp";
import { type Checksum, fold } from "./checksum.ts";
import type { SegmentTarget } from "./segment-template.ts";

const COPIED = 0x80;

/**
 * Cuts the IPv4 packet into fragments of at most `mtu` bytes. The packet may itself be a fragment. False when even 8 bytes of payload do not fit.
 */
export function fragmentIpv4(
  packet: InnerPacket,
  mtu: number,
  arena: { readonly bytes: Uint8Array; readonly view: DataView },
  checksum: Checksum,
  target: SegmentTarget,
): boolean {
  const { bytes, view } = arena;
  const start = packet.offset;
  const headerLength = (bytes[start]! & 15) * 4;
  const field = view.getUint16(start + 6);
  const room = (mtu - headerLength) & ~7;
  if (room < 8) return false;
  const payload = packet.length - headerLength;
  const later = laterHeaderLength(bytes, start, headerLength);
  for (let sent = 0; sent < payload; ) {
    const length = Math.min(payload - sent, room);
    const header = sent === 0 ? headerLength : later;
    const at = target.place(header + length);
    if (sent === 0) bytes.copyWithin(at, start, start + headerLength);
    else copyLaterHeader(bytes, start, headerLength, at);
    bytes.copyWithin(at + header, start + headerLength + sent, start + headerLength + sent + length);
    const more = sent + length < payload || (field & 0x2000) !== 0;
    bytes[at] = 0x40 | (header / 4);
    view.setUint16(at + 2, header + length);
    view.setUint16(at + 6, (more ? 0x2000 : 0) | ((field & 0x1fff) + sent / 8));
    view.setUint16(at + 10, 0);
    view.setUint16(at + 10, ~fold(checksum.add(0, at, header)) & 0xffff, true);
    target.commit(at, header + length);
    sent += length;
  }
  return true;
}

const laterHeaderLength = (bytes: Uint8Array, from: number, headerLength: number): number =>
  copyLaterHeader(bytes, from, headerLength, -1);

/** Header for fragments after the first: only options with the copied flag (RFC 791 §3.1). Returns its length; `to` -1 only counts. */
function copyLaterHeader(bytes: Uint8Array, from: number, headerLength: number, to: number): number {
  if (to >= 0) bytes.copyWithin(to, from, from + 20);
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
      if (to >= 0) bytes.copyWithin(to + out, from + at, from + at + length);
      out += length;
    }
    at += length;
  }
  for (; out % 4 !== 0; out++) if (to >= 0) bytes[to + out] = 0;
  return out;
}
