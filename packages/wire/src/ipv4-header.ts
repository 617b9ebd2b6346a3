/**
 * IPv4. Read: RFC 791 §3.1, RFC 2474 (DS field), RFC 3168 (ECN).
 *
 *      0  version 4 │ IHL 4 │ TOS 8 │ total length 16
 *      4  identification 16 │ flags 3 (-, DF, MF) │ fragment offset 13, in units of 8 bytes
 *      8  TTL 8 │ protocol 8 │ header checksum 16
 *     12  source address 32
 *     16  destination address 32
 *     20  options, 0 to 40 bytes
 */
import { checksumOf } from "./checksum.ts";
import { type Decoded, decoded, malformed } from "./decoded.ts";

export const IPV4_HEADER_LENGTH = 20;
const MAX_OPTIONS = 40;

/** Offsets for code that works on packets in place. */
export const Ipv4Field = {
  tos: 1,
  totalLength: 2,
  identification: 4,
  fragment: 6,
  ttl: 8,
  protocol: 9,
  checksum: 10,
  source: 12,
  destination: 16,
} as const;

export const IPV4_DONT_FRAGMENT = 0x4000;
export const IPV4_MORE_FRAGMENTS = 0x2000;

export interface Ipv4Header {
  readonly tos: number;
  /** Header and payload. */
  readonly totalLength: number;
  readonly identification: number;
  readonly dontFragment: boolean;
  readonly moreFragments: boolean;
  /** In bytes, a multiple of 8. */
  readonly fragmentOffset: number;
  readonly ttl: number;
  readonly protocol: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** A multiple of 4 bytes. */
  readonly options: Uint8Array;
}

export const ipv4HeaderLength = (header: Ipv4Header): number => IPV4_HEADER_LENGTH + header.options.length;

/** Checks lengths, not the checksum (`ipv4ChecksumValid`). Bytes past the total length are allowed and ignored. */
export function decodeIpv4Header(bytes: Uint8Array): Decoded<Ipv4Header> {
  if (bytes.length < IPV4_HEADER_LENGTH) return malformed("shorter than an IPv4 header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes[0]! >> 4 !== 4) return malformed("version is not 4");
  const headerLength = (bytes[0]! & 15) * 4;
  if (headerLength < IPV4_HEADER_LENGTH) return malformed("header length below 20");
  const totalLength = view.getUint16(2);
  if (totalLength < headerLength) return malformed("total length below the header length");
  if (totalLength > bytes.length) return malformed("total length past the end");
  const fragment = view.getUint16(6);
  return decoded({
    tos: bytes[1]!,
    totalLength,
    identification: view.getUint16(4),
    dontFragment: (fragment & IPV4_DONT_FRAGMENT) !== 0,
    moreFragments: (fragment & IPV4_MORE_FRAGMENTS) !== 0,
    fragmentOffset: (fragment & 0x1fff) * 8,
    ttl: bytes[8]!,
    protocol: bytes[9]!,
    source: bytes.slice(12, 16),
    destination: bytes.slice(16, 20),
    options: bytes.slice(IPV4_HEADER_LENGTH, headerLength),
  });
}

/** The header with its checksum; throws a RangeError on options that do not fit. */
export function encodeIpv4Header(header: Ipv4Header): Uint8Array {
  if (header.options.length > MAX_OPTIONS || header.options.length % 4 !== 0) {
    throw new RangeError(`${header.options.length} bytes of IPv4 options`);
  }
  const length = ipv4HeaderLength(header);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x40 | (length / 4);
  bytes[1] = header.tos;
  view.setUint16(2, header.totalLength);
  view.setUint16(4, header.identification);
  view.setUint16(
    6,
    (header.dontFragment ? IPV4_DONT_FRAGMENT : 0) |
      (header.moreFragments ? IPV4_MORE_FRAGMENTS : 0) |
      (header.fragmentOffset >> 3),
  );
  bytes[8] = header.ttl;
  bytes[9] = header.protocol;
  bytes.set(header.source, 12);
  bytes.set(header.destination, 16);
  bytes.set(header.options, IPV4_HEADER_LENGTH);
  view.setUint16(10, checksumOf(bytes));
  return bytes;
}

/** True when the checksum of the header at the start of `bytes` is right. */
export function ipv4ChecksumValid(bytes: Uint8Array): boolean {
  const length = (bytes[0]! & 15) * 4;
  return (
    bytes.length >= length && length >= IPV4_HEADER_LENGTH && checksumOf(bytes.subarray(0, length)) === 0
  );
}

/** A whole packet; the common fields have defaults. */
export function encodeIpv4Packet(
  header: {
    readonly source: Uint8Array;
    readonly destination: Uint8Array;
    readonly protocol: number;
  } & Partial<Omit<Ipv4Header, "totalLength">>,
  payload: Uint8Array,
): Uint8Array {
  const options = header.options ?? new Uint8Array(0);
  const head = encodeIpv4Header({
    tos: 0,
    identification: 0,
    dontFragment: true,
    moreFragments: false,
    fragmentOffset: 0,
    ttl: 64,
    ...header,
    options,
    totalLength: IPV4_HEADER_LENGTH + options.length + payload.length,
  });
  const packet = new Uint8Array(head.length + payload.length);
  packet.set(head);
  packet.set(payload, head.length);
  return packet;
}
