/**
 * Cuts a UDP super-packet (USO) from the TUN into datagrams of `segmentSize` payload each, the last may be shorter:
 * what the sender's UDP_SEGMENT asked for.
 */
import type { InnerPacket } from "@tandem/esp";
import { fold, swap16 } from "./checksum.ts";
import { LONGEST_HEADERS, type SegmentTarget, type SegmentTemplate } from "./segment-template.ts";

const UDP_HEADER_LENGTH = 8;

/** False when the headers contradict the packet; nothing has been passed on then. */
export function segmentUdp(
  packet: InnerPacket,
  segmentSize: number,
  { view }: { readonly view: DataView },
  template: SegmentTemplate,
  target: SegmentTarget,
): boolean {
  const start = packet.offset;
  const end = start + packet.length;
  const headerLength = packet.upper - start + UDP_HEADER_LENGTH;
  if (headerLength > LONGEST_HEADERS || start + headerLength >= end || segmentSize === 0) return false;

  view.setUint32(packet.upper + 4, 0); // length and checksum
  template.take(packet, UDP_HEADER_LENGTH);
  const { ipLength } = template;

  const payload = end - start - headerLength;
  const body = start + headerLength;
  for (let sent = 0; sent < payload; ) {
    const length = Math.min(payload - sent, segmentSize);
    const total = headerLength + length;
    const at = target.place(total);
    const partial = template.build(at, total, body + sent);
    const header = at + ipLength;
    const datagram = UDP_HEADER_LENGTH + length;
    view.setUint16(header + 4, datagram);
    // Twice: in the header, and in the pseudo-header.
    const sum = ~fold(partial + 2 * swap16(datagram)) & 0xffff;
    view.setUint16(header + 6, sum === 0 ? 0xffff : sum, true); // RFC 768: zero means none
    target.commit(at, total);
    sent += length;
  }
  return true;
}
