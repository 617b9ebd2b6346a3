/**
 * IPv6. Read: RFC 8200 §3.
 *
 *      0  version 4 │ traffic class 8 │ flow label 20
 *      4  payload length 16 │ next header 8 │ hop limit 8
 *      8  source address 128
 *     24  destination address 128
 */
import { type Decoded, decoded, malformed } from "./decoded.ts";

export const IPV6_HEADER_LENGTH = 40;

/** Offsets for code that works on packets in place. */
export const Ipv6Field = {
  payloadLength: 4,
  nextHeader: 6,
  hopLimit: 7,
  source: 8,
  destination: 24,
} as const;

export interface Ipv6Header {
  readonly trafficClass: number;
  readonly flowLabel: number;
  readonly payloadLength: number;
  readonly nextHeader: number;
  readonly hopLimit: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

export const ipv6HeaderLength = (_header: Ipv6Header): number => IPV6_HEADER_LENGTH;

/** Bytes past the payload length are allowed and ignored. Jumbograms (RFC 2675) are not known: their length 0 is taken as it stands. */
export function decodeIpv6Header(bytes: Uint8Array): Decoded<Ipv6Header> {
  if (bytes.length < IPV6_HEADER_LENGTH) return malformed("shorter than an IPv6 header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = view.getUint32(0);
  if (first >>> 28 !== 6) return malformed("version is not 6");
  const payloadLength = view.getUint16(4);
  if (IPV6_HEADER_LENGTH + payloadLength > bytes.length) return malformed("payload length past the end");
  return decoded({
    trafficClass: (first >>> 20) & 0xff,
    flowLabel: first & 0xfffff,
    payloadLength,
    nextHeader: bytes[6]!,
    hopLimit: bytes[7]!,
    source: bytes.slice(8, 24),
    destination: bytes.slice(24, 40),
  });
}

export function encodeIpv6Header(header: Ipv6Header): Uint8Array {
  const bytes = new Uint8Array(IPV6_HEADER_LENGTH);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, (0x60000000 | (header.trafficClass << 20) | header.flowLabel) >>> 0);
  view.setUint16(4, header.payloadLength);
  bytes[6] = header.nextHeader;
  bytes[7] = header.hopLimit;
  bytes.set(header.source, 8);
  bytes.set(header.destination, 24);
  return bytes;
}

/** A whole packet; the common fields have defaults. */
export function encodeIpv6Packet(
  header: {
    readonly source: Uint8Array;
    readonly destination: Uint8Array;
    readonly nextHeader: number;
  } & Partial<Omit<Ipv6Header, "payloadLength">>,
  payload: Uint8Array,
): Uint8Array {
  const packet = new Uint8Array(IPV6_HEADER_LENGTH + payload.length);
  packet.set(
    encodeIpv6Header({
      trafficClass: 0,
      flowLabel: 0,
      hopLimit: 64,
      ...header,
      payloadLength: payload.length,
    }),
  );
  packet.set(payload, IPV6_HEADER_LENGTH);
  return packet;
}
