/**
 * Cuts a TCP super-packet from the TUN into segments (what a network card does for TSO): RFC 9293 §3.1 headers,
 * IPv4 identification counted up, PSH and FIN only on the last segment, CWR only on the first (RFC 3168 §6.1.2).
 *
 * Each segment is built where it will be encrypted: headers from a template, the payload copied and summed in one pass.
 */
import type { InnerPacket } from "@tandem/esp";
import { type Checksum, fold, swap16 } from "./checksum.ts";

const FIN = 0x01;
const PSH = 0x08;
const CWR = 0x80;

/** Where the packets go that are cut here. */
export interface SegmentTarget {
  /** Offset at which the next packet of `length` bytes is to be built. */
  place(length: number): number;
  /** The packet stands there. */
  commit(offset: number, length: number): void;
}

/**
 * `segmentSize` is payload per segment. `headers` is an arena region of at least 128 bytes for the template.
 * False when the headers contradict the packet; nothing has been passed on then.
 */
export function segmentTcp(
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
  if (packet.upper + 20 > end) return false;
  const headerLength = ipLength + (bytes[packet.upper + 12]! >> 4) * 4;
  if (headerLength < ipLength + 20 || headerLength > 255 || start + headerLength >= end || segmentSize === 0)
    return false;

  const four = packet.family === 4;
  const tcp = packet.upper;
  const lastFlags = bytes[tcp + 13]!;
  const sequence = view.getUint32(tcp + 4);
  let identification = four ? view.getUint16(start + 4) : 0;

  // The template, with everything zero that differs per segment, and the sums of what does not.
  if (four) {
    view.setUint16(start + 2, 0);
    view.setUint16(start + 4, 0);
    view.setUint16(start + 10, 0);
  } else view.setUint16(start + 4, 0);
  view.setUint32(tcp + 4, 0);
  view.setUint16(tcp + 16, 0);
  bytes[tcp + 13] = lastFlags & ~(FIN | PSH | CWR);
  bytes.copyWithin(headers, start, start + headerLength);
  const ipSum = four ? checksum.add(0, headers, ipLength) : 0;
  const addressLength = four ? 8 : 32;
  const tcpSum =
    checksum.add(0, headers + (packet.source - start), addressLength) +
    swap16(6) +
    checksum.add(0, headers + ipLength, headerLength - ipLength);
  const fixedFlags = lastFlags & ~(FIN | PSH | CWR);

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
    let flags = fixedFlags;
    if (sent === 0) flags |= lastFlags & CWR;
    if (sent + length >= payload) flags |= lastFlags & (FIN | PSH);
    const number = (sequence + sent) >>> 0;
    const header = at + ipLength;
    view.setUint32(header + 4, number);
    bytes[header + 13] = flags;
    const sum =
      tcpSum +
      swap16(total - ipLength) +
      swap16(number >>> 16) +
      swap16(number & 0xffff) +
      ((flags ^ fixedFlags) << 8);
    const whole = checksum.copy(sum, at + headerLength, body + sent, length);
    view.setUint16(header + 16, ~fold(whole) & 0xffff, true);
    target.commit(at, total);
    sent += length;
  }
  return true;
}

/** A copy of a few dozen bytes: word stores beat the call that copyWithin is. */
export function copyHeaders(
  bytes: Uint8Array,
  view: DataView,
  from: number,
  to: number,
  length: number,
): void {
  let i = 0;
  for (; i + 4 <= length; i += 4) view.setInt32(to + i, view.getInt32(from + i, true), true);
  for (; i < length; i++) bytes[to + i] = bytes[from + i]!;
}
