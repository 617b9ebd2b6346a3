/**
 * The chain of IPv6 extension headers. Read: RFC 8200 §4, §4.5 (fragment), RFC 6564 (uniform format), RFC 4302 §2.2 (AH length).
 */
import { IpProtocol } from "./ip-protocol.ts";
import { IPV6_HEADER_LENGTH } from "./ipv6-header.ts";

/** Longest chain that is walked: a packet with more is treated as malformed (RFC 8504 §5.3 lets a node limit it). */
export const MAX_EXTENSION_HEADERS = 8;

export interface ExtensionWalk {
  /** Protocol of what follows the chain; `fragment` fields say whether that is only a part. */
  protocol: number;
  /** Where it starts, counted as `offset` was. */
  payloadOffset: number;
  /** Offset of the fragment header, -1 when there is none. */
  fragmentHeader: number;
  /** In bytes. */
  fragmentOffset: number;
  moreFragments: boolean;
}

export const createExtensionWalk = (): ExtensionWalk => ({
  protocol: 0,
  payloadOffset: 0,
  fragmentHeader: -1,
  fragmentOffset: 0,
  moreFragments: false,
});

/**
 * Walks the chain of the IPv6 packet at `offset` up to `end` and fills `into`, without allocating. False when the chain is cut
 * or too long. Stops at ESP, at "no next header", at an unknown header and behind a fragment header of offset > 0, after which
 * nothing can be read.
 */
export function walkExtensions(bytes: Uint8Array, offset: number, end: number, into: ExtensionWalk): boolean {
  into.fragmentHeader = -1;
  into.fragmentOffset = 0;
  into.moreFragments = false;
  if (end > bytes.length || offset + IPV6_HEADER_LENGTH > end) return false;
  let protocol = bytes[offset + 6]!;
  let at = offset + IPV6_HEADER_LENGTH;
  for (let headers = 0; headers <= MAX_EXTENSION_HEADERS; headers++) {
    into.protocol = protocol;
    into.payloadOffset = at;
    let length: number;
    switch (protocol) {
      case IpProtocol.hopByHop:
      case IpProtocol.routing:
      case IpProtocol.destinationOptions:
      case IpProtocol.mobility:
        if (at + 8 > end) return false;
        length = (bytes[at + 1]! + 1) * 8;
        break;
      case IpProtocol.ah:
        if (at + 8 > end) return false;
        length = (bytes[at + 1]! + 2) * 4;
        break;
      case IpProtocol.fragment: {
        if (at + 8 > end) return false;
        length = 8;
        const field = (bytes[at + 2]! << 8) | bytes[at + 3]!;
        into.fragmentHeader = at;
        into.fragmentOffset = field & 0xfff8;
        into.moreFragments = (field & 1) !== 0;
        break;
      }
      default:
        return true;
    }
    if (at + length > end) return false;
    protocol = bytes[at]!;
    at += length;
    if (into.fragmentOffset > 0) {
      into.protocol = protocol;
      into.payloadOffset = at;
      return true;
    }
  }
  return false;
}
