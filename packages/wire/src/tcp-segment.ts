/**
 * TCP. Read: RFC 9293 §3.1, RFC 3168 (ECE, CWR), RFC 9768 (AE).
 *
 *      0  source port 16 │ destination port 16
 *      4  sequence number 32
 *      8  acknowledgment number 32
 *     12  data offset 4 │ reserved 3 │ flags 9 │ window 16
 *     16  checksum 16 │ urgent pointer 16
 *     20  options, 0 to 40 bytes
 */
import { checksumOf } from "./checksum.ts";
import { type Decoded, decoded, malformed } from "./decoded.ts";
import { IpProtocol } from "./ip-protocol.ts";
import { type PseudoHeader, sumPseudoHeader } from "./pseudo-header.ts";

export const TCP_HEADER_LENGTH = 20;
const MAX_OPTIONS = 40;

/** Offsets for code that works on packets in place. */
export const TcpField = {
  sourcePort: 0,
  destinationPort: 2,
  sequence: 4,
  acknowledgment: 8,
  dataOffset: 12,
  flags: 13,
  window: 14,
  checksum: 16,
  urgent: 18,
} as const;

export const TcpFlag = {
  fin: 0x01,
  syn: 0x02,
  rst: 0x04,
  psh: 0x08,
  ack: 0x10,
  urg: 0x20,
  ece: 0x40,
  cwr: 0x80,
} as const;

export interface TcpSegment {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgment: number;
  /** The low twelve bits of the fourth word: reserved and flags. */
  readonly flags: number;
  readonly window: number;
  readonly urgent: number;
  /** A multiple of 4 bytes. */
  readonly options: Uint8Array;
  readonly payload: Uint8Array;
}

export const tcpSegmentLength = (segment: TcpSegment): number =>
  TCP_HEADER_LENGTH + segment.options.length + segment.payload.length;

/** `bytes` is exactly the segment. With `addresses` the checksum is verified too. */
export function decodeTcpSegment(bytes: Uint8Array, addresses?: PseudoHeader): Decoded<TcpSegment> {
  if (bytes.length < TCP_HEADER_LENGTH) return malformed("shorter than a TCP header");
  const headerLength = (bytes[12]! >> 4) * 4;
  if (headerLength < TCP_HEADER_LENGTH || headerLength > bytes.length) {
    return malformed("TCP data offset out of bounds");
  }
  if (addresses !== undefined) {
    const sum = sumPseudoHeader(addresses, IpProtocol.tcp, bytes.length);
    if (checksumOf(bytes, sum) !== 0) return malformed("TCP checksum");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return decoded({
    sourcePort: view.getUint16(0),
    destinationPort: view.getUint16(2),
    sequence: view.getUint32(4),
    acknowledgment: view.getUint32(8),
    flags: view.getUint16(12) & 0xfff,
    window: view.getUint16(14),
    urgent: view.getUint16(18),
    options: bytes.slice(TCP_HEADER_LENGTH, headerLength),
    payload: bytes.slice(headerLength),
  });
}

export function encodeTcpSegment(segment: TcpSegment, addresses: PseudoHeader): Uint8Array {
  if (segment.options.length > MAX_OPTIONS || segment.options.length % 4 !== 0) {
    throw new RangeError(`${segment.options.length} bytes of TCP options`);
  }
  const bytes = new Uint8Array(tcpSegmentLength(segment));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, segment.sourcePort);
  view.setUint16(2, segment.destinationPort);
  view.setUint32(4, segment.sequence);
  view.setUint32(8, segment.acknowledgment);
  view.setUint16(12, ((TCP_HEADER_LENGTH + segment.options.length) << 10) | (segment.flags & 0xfff));
  view.setUint16(14, segment.window);
  view.setUint16(18, segment.urgent);
  bytes.set(segment.options, TCP_HEADER_LENGTH);
  bytes.set(segment.payload, TCP_HEADER_LENGTH + segment.options.length);
  view.setUint16(16, checksumOf(bytes, sumPseudoHeader(addresses, IpProtocol.tcp, bytes.length)));
  return bytes;
}
