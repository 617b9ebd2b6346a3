/**
 * The facts about an IP packet that a packet path decides by, read in place without allocating: lengths, addresses, transport
 * protocol, ports, fragment or not. Every offset it reports was checked against the end of the packet.
 */
import { IpProtocol } from "./ip-protocol.ts";
import { IPV4_HEADER_LENGTH, IPV4_MORE_FRAGMENTS } from "./ipv4-header.ts";
import { createExtensionWalk, type ExtensionWalk, walkExtensions } from "./ipv6-extension.ts";
import { IPV6_HEADER_LENGTH } from "./ipv6-header.ts";

/** One reusable object per loop. Offsets count as `offset` of `inspectIpPacket` did. */
export interface IpPacketFacts {
  family: 4 | 6;
  /** Of the whole packet, from its own header. */
  length: number;
  /** Transport protocol, behind IPv6 extension headers. */
  protocol: number;
  tos: number;
  ttl: number;
  sourceOffset: number;
  destinationOffset: number;
  /** 4 or 16. */
  addressLength: 4 | 16;
  transportOffset: number;
  /** Any fragment but a whole packet. */
  fragment: boolean;
  /** A fragment that does not carry the transport header. */
  laterFragment: boolean;
  /** Ports of TCP, UDP, SCTP and DCCP; type and code of ICMP as (type, code); -1 when not there (later fragment, other protocol, cut). */
  sourcePort: number;
  destinationPort: number;
  readonly walk: ExtensionWalk;
}

export const createIpPacketFacts = (): IpPacketFacts => ({
  family: 4,
  length: 0,
  protocol: 0,
  tos: 0,
  ttl: 0,
  sourceOffset: 0,
  destinationOffset: 0,
  addressLength: 4,
  transportOffset: 0,
  fragment: false,
  laterFragment: false,
  sourcePort: -1,
  destinationPort: -1,
  walk: createExtensionWalk(),
});

const SCTP = 132;
const DCCP = 33;

/** Fills `facts` from the packet at `offset` with `available` bytes. False when it is no whole IP packet. */
export function inspectIpPacket(
  bytes: Uint8Array,
  offset: number,
  available: number,
  facts: IpPacketFacts,
): boolean {
  if (available < IPV4_HEADER_LENGTH || offset + available > bytes.length) return false;
  const version = bytes[offset]! >> 4;
  if (version === 4) {
    const headerLength = (bytes[offset]! & 15) * 4;
    const length = (bytes[offset + 2]! << 8) | bytes[offset + 3]!;
    if (headerLength < IPV4_HEADER_LENGTH || length < headerLength || length > available) return false;
    const fragment = (bytes[offset + 6]! << 8) | bytes[offset + 7]!;
    facts.family = 4;
    facts.length = length;
    facts.protocol = bytes[offset + 9]!;
    facts.tos = bytes[offset + 1]!;
    facts.ttl = bytes[offset + 8]!;
    facts.sourceOffset = offset + 12;
    facts.destinationOffset = offset + 16;
    facts.addressLength = 4;
    facts.transportOffset = offset + headerLength;
    facts.laterFragment = (fragment & 0x1fff) !== 0;
    facts.fragment = facts.laterFragment || (fragment & IPV4_MORE_FRAGMENTS) !== 0;
  } else if (version === 6) {
    if (available < IPV6_HEADER_LENGTH) return false;
    const length = IPV6_HEADER_LENGTH + ((bytes[offset + 4]! << 8) | bytes[offset + 5]!);
    if (length > available || !walkExtensions(bytes, offset, offset + length, facts.walk)) return false;
    facts.family = 6;
    facts.length = length;
    facts.protocol = facts.walk.protocol;
    facts.tos = ((bytes[offset]! & 15) << 4) | (bytes[offset + 1]! >> 4);
    facts.ttl = bytes[offset + 7]!;
    facts.sourceOffset = offset + 8;
    facts.destinationOffset = offset + 24;
    facts.addressLength = 16;
    facts.transportOffset = facts.walk.payloadOffset;
    facts.laterFragment = facts.walk.fragmentOffset > 0;
    facts.fragment = facts.laterFragment || facts.walk.moreFragments;
  } else return false;
  readPorts(bytes, offset + facts.length, facts);
  return true;
}

function readPorts(bytes: Uint8Array, end: number, facts: IpPacketFacts): void {
  facts.sourcePort = -1;
  facts.destinationPort = -1;
  const at = facts.transportOffset;
  if (facts.laterFragment || at + 4 > end) return;
  switch (facts.protocol) {
    case IpProtocol.tcp:
    case IpProtocol.udp:
    case SCTP:
    case DCCP:
      facts.sourcePort = (bytes[at]! << 8) | bytes[at + 1]!;
      facts.destinationPort = (bytes[at + 2]! << 8) | bytes[at + 3]!;
      break;
    case IpProtocol.icmp:
    case IpProtocol.icmpv6:
      facts.sourcePort = bytes[at]!;
      facts.destinationPort = bytes[at + 1]!;
      break;
  }
}
