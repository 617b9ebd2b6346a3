/**
 * ICMP and ICMPv6. Read: RFC 792, RFC 1191 §4 (next-hop MTU), RFC 4443 §2.1, §3.2 (packet too big).
 *
 *      0  type 8 │ code 8 │ checksum 16
 *      4  depends on the type 32 (identifier and sequence number, MTU, pointer)
 *      8  body: echo data, or as much of the offending packet as fits
 */
import { checksumOf } from "./checksum.ts";
import { type Decoded, decoded, malformed } from "./decoded.ts";
import { IpProtocol } from "./ip-protocol.ts";
import { type PseudoHeader, sumPseudoHeader } from "./pseudo-header.ts";

export const ICMP_HEADER_LENGTH = 8;

/** IANA "ICMP Type Numbers" and codes of type 3 (RFC 792). */
export const IcmpType = {
  echoReply: 0,
  unreachable: 3,
  echoRequest: 8,
  timeExceeded: 11,
  parameterProblem: 12,
} as const;
export const IcmpUnreachable = {
  net: 0,
  host: 1,
  protocol: 2,
  port: 3,
  fragmentationNeeded: 4,
  prohibited: 13,
} as const;

/** IANA "ICMPv6 type Numbers" (RFC 4443). */
export const Icmpv6Type = {
  unreachable: 1,
  packetTooBig: 2,
  timeExceeded: 3,
  parameterProblem: 4,
  echoRequest: 128,
  echoReply: 129,
} as const;
export const Icmpv6Unreachable = { noRoute: 0, prohibited: 1, address: 3, port: 4, policy: 5 } as const;

export interface IcmpMessage {
  readonly type: number;
  readonly code: number;
  /** The 32 bits after the checksum: (identifier << 16 | sequence) of an echo, the MTU of "too big". */
  readonly rest: number;
  readonly body: Uint8Array;
}

export const icmpMessageLength = (message: IcmpMessage): number => ICMP_HEADER_LENGTH + message.body.length;

/** ICMPv6 when `addresses` is given: its checksum covers a pseudo header. The checksum is verified. */
export function decodeIcmpMessage(bytes: Uint8Array, addresses?: PseudoHeader): Decoded<IcmpMessage> {
  if (bytes.length < ICMP_HEADER_LENGTH) return malformed("shorter than an ICMP header");
  if (checksumOf(bytes, pseudo(bytes.length, addresses)) !== 0) return malformed("ICMP checksum");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return decoded({
    type: bytes[0]!,
    code: bytes[1]!,
    rest: view.getUint32(4),
    body: bytes.slice(ICMP_HEADER_LENGTH),
  });
}

export function encodeIcmpMessage(message: IcmpMessage, addresses?: PseudoHeader): Uint8Array {
  const bytes = new Uint8Array(icmpMessageLength(message));
  const view = new DataView(bytes.buffer);
  bytes[0] = message.type;
  bytes[1] = message.code;
  view.setUint32(4, message.rest);
  bytes.set(message.body, ICMP_HEADER_LENGTH);
  view.setUint16(2, checksumOf(bytes, pseudo(bytes.length, addresses)));
  return bytes;
}

const pseudo = (length: number, addresses: PseudoHeader | undefined): number =>
  addresses === undefined ? 0 : sumPseudoHeader(addresses, IpProtocol.icmpv6, length);
