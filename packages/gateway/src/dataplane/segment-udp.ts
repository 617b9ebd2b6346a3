/**
 * Cuts a UDP super-packet (USO) from the TUN into datagrams of `segmentSize` payload each, the last may be shorter:
 * what the sender's UDP_SEGMENT asked for. Built as in segment-tcp.ts.
 */
import type { InnerPacket } from "@tandem/esp";
import { type Checksum, fold, swap16 } from "./checksum.ts";
import { copyHeaders, type SegmentTarget } from "./segment-tcp.ts";

export function segmentUdp(
  packet: InnerPacket,
  segmentSize: number,
  arena: { readonly bytes: Uint8Array; readonly view: DataView },
  checksum: Checksum,
  headers: number,
  target: SegmentTarget,
): boolean {
  const { bytes, view } = arena;
  const start = packet.offset;
  const end = start + packet.length;
  const ipLength = packet.upper - start;
  const headerLength = ipLength + 8;
  if (headerLength > 255 || start + headerLength >= end || segmentSize === 0) return false;

  const four = packet.family === 4;
  const udp = packet.upper;
  let identification = four ? view.getUint16(start + 4) : 0;
  if (four) {
    view.setUint16(start + 2, 0);
    view.setUint16(start + 4, 0);
    view.setUint16(start + 10, 0);
  } else view.setUint16(start + 4, 0);
  view.setUint32(udp + 4, 0);
  bytes.copyWithin(headers, start, start + headerLength);
  const ipSum = four ? checksum.add(0, headers, ipLength) : 0;
  const udpSum =
    checksum.add(0, headers + (packet.source - start), four ? 8 : 32) +
    swap16(17) +
    checksum.add(0, headers + ipLength, 8);

  const payload = end - start - headerLength;
  const body = start + headerLength;
  for (let sent = 0; sent < payload; ) {
    const length = Math.min(payload - sent, segmentSize);
    const total = headerLength + length;
    const at = target.place(total);
    copyHeaders(bytes, view, headers, at, headerLength);
    if (four) {
      view.setUint16(at + 2, total);
      view.setUint16(at + 4, identification);
      view.setUint16(at + 10, ~fold(ipSum + swap16(total) + swap16(identification)) & 0xffff, true);
      identification = (identification + 1) & 0xffff;
    } else view.setUint16(at + 4, total - 40);
    const header = at + ipLength;
    view.setUint16(header + 4, 8 + length);
    const whole = checksum.copy(udpSum + 2 * swap16(8 + length), at + headerLength, body + sent, length);
    const sum = ~fold(whole) & 0xffff;
    view.setUint16(header + 6, sum === 0 ? 0xffff : sum, true); // RFC 768: zero means none
    target.commit(at, total);
    sent += length;
  }
  return true;
}
