/**
 * Cuts a TCP super-packet from the TUN into segments (what a network card does for TSO): PSH and FIN only on the last
 * segment, CWR only on the first (RFC 9293 §3.1, RFC 3168 §6.1.2).
 */
import type { InnerPacket } from "@tandem/esp";
import { fold, swap16 } from "./checksum.ts";
import { LONGEST_HEADERS, type SegmentTarget, type SegmentTemplate } from "./segment-template.ts";

const FIN = 0x01;
const PSH = 0x08;
const CWR = 0x80;

/** `segmentSize` is payload per segment. False when the headers contradict the packet; nothing has been passed on then. */
export function segmentTcp(
  packet: InnerPacket,
  segmentSize: number,
  { bytes, view }: { readonly bytes: Uint8Array; readonly view: DataView },
  template: SegmentTemplate,
  target: SegmentTarget,
): boolean {
  const start = packet.offset;
  const end = start + packet.length;
  const tcp = packet.upper;
  if (tcp + 20 > end) return false;
  const upperLength = (bytes[tcp + 12]! >> 4) * 4;
  const headerLength = tcp - start + upperLength;
  if (upperLength < 20 || headerLength > LONGEST_HEADERS || start + headerLength >= end || segmentSize === 0)
    return false;

  const lastFlags = bytes[tcp + 13]!;
  const fixedFlags = lastFlags & ~(FIN | PSH | CWR);
  const sequence = view.getUint32(tcp + 4);
  view.setUint32(tcp + 4, 0);
  view.setUint16(tcp + 16, 0);
  bytes[tcp + 13] = fixedFlags;
  template.take(packet, upperLength);
  const { ipLength } = template;

  const payload = end - start - headerLength;
  const body = start + headerLength;
  for (let sent = 0; sent < payload; ) {
    const length = Math.min(payload - sent, segmentSize);
    const total = headerLength + length;
    const at = target.place(total);
    const sum = template.build(at, total, body + sent);
    let flags = fixedFlags;
    if (sent === 0) flags |= lastFlags & CWR;
    if (sent + length >= payload) flags |= lastFlags & (FIN | PSH);
    const number = (sequence + sent) >>> 0;
    const header = at + ipLength;
    view.setUint32(header + 4, number);
    bytes[header + 13] = flags;
    const whole =
      sum +
      swap16(total - ipLength) +
      swap16(number >>> 16) +
      swap16(number & 0xffff) +
      ((flags ^ fixedFlags) << 8);
    view.setUint16(header + 16, ~fold(whole) & 0xffff, true);
    target.commit(at, total);
    sent += length;
  }
  return true;
}
