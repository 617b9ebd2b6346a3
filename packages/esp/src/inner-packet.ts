/**
 * The reading of one IP packet in the arena: what selectors, flow spreading, joining and ICMP need, taken once into
 * reused fields. RFC 791, RFC 8200 §4 (extension headers), RFC 9293 §3.1, RFC 768.
 *
 * `readInnerPacket` checks each length before it reads and returns false on anything that is not a whole IP packet.
 */
export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_ICMPV6 = 58;

const EXTENSION_HOP_BY_HOP = 0;
const EXTENSION_ROUTING = 43;
const EXTENSION_FRAGMENT = 44;
const EXTENSION_DESTINATION = 60;
/** Implementation: longer chains are treated as opaque. */
const MAX_EXTENSIONS = 8;

export class InnerPacket {
  family: 4 | 6 = 4;
  /** Offset of the IP header in the arena. */
  offset = 0;
  /** Total length by the IP header. */
  length = 0;
  /** Offsets of the addresses; 4 or 16 bytes each. */
  source = 0;
  destination = 0;
  /** Upper-layer protocol, past extension headers. */
  protocol = 0;
  /** Offset of the upper-layer header. */
  upper = 0;
  /** TCP and UDP ports, ICMP type and code as RFC 4301 §4.4.1.1 puts them (type in the source port's place); -1 when unknown. */
  sourcePort = -1;
  destinationPort = -1;
  /** Traffic class: DSCP and ECN. */
  trafficClass = 0;
  hopLimit = 0;
  dontFragment = false;
  /** True for any fragment; a later one (`fragmentOffset` > 0) has no upper-layer header. */
  fragment = false;
  fragmentOffset = 0;
  identification = 0;
}

/** Reads the packet of at most `available` bytes at `offset`. False when it is no whole IPv4 or IPv6 packet. */
export function readInnerPacket(
  out: InnerPacket,
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  available: number,
): boolean {
  if (available < 20) return false;
  const version = bytes[offset]! >> 4;
  out.offset = offset;
  if (version === 4) return readIpv4(out, bytes, view, offset, available);
  if (version === 6) return readIpv6(out, bytes, view, offset, available);
  return false;
}

function readIpv4(
  out: InnerPacket,
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  available: number,
): boolean {
  const headerLength = (bytes[offset]! & 15) * 4;
  const length = view.getUint16(offset + 2);
  if (headerLength < 20 || length < headerLength || length > available) return false;
  const fragmentField = view.getUint16(offset + 6);
  out.family = 4;
  out.length = length;
  out.source = offset + 12;
  out.destination = offset + 16;
  out.protocol = bytes[offset + 9]!;
  out.upper = offset + headerLength;
  out.trafficClass = bytes[offset + 1]!;
  out.hopLimit = bytes[offset + 8]!;
  out.dontFragment = (fragmentField & 0x4000) !== 0;
  out.fragment = (fragmentField & 0x3fff) !== 0;
  out.fragmentOffset = (fragmentField & 0x1fff) * 8;
  out.identification = view.getUint16(offset + 4);
  readPorts(out, view, offset + length);
  return true;
}

function readIpv6(
  out: InnerPacket,
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  available: number,
): boolean {
  if (available < 40) return false;
  const length = 40 + view.getUint16(offset + 4);
  if (length > available) return false;
  out.family = 6;
  out.length = length;
  out.source = offset + 8;
  out.destination = offset + 24;
  out.trafficClass = (view.getUint16(offset) >> 4) & 0xff;
  out.hopLimit = bytes[offset + 7]!;
  out.dontFragment = true;
  out.fragment = false;
  out.fragmentOffset = 0;
  out.identification = 0;
  const end = offset + length;
  let next = bytes[offset + 6]!;
  let at = offset + 40;
  for (let i = 0; i < MAX_EXTENSIONS && at + 8 <= end; i++) {
    if (next === EXTENSION_FRAGMENT) {
      const field = view.getUint16(at + 2);
      out.fragment = true;
      out.fragmentOffset = field & 0xfff8;
      out.identification = view.getUint32(at + 4);
      next = bytes[at]!;
      at += 8;
      if (out.fragmentOffset > 0) break;
    } else if (
      next === EXTENSION_HOP_BY_HOP ||
      next === EXTENSION_ROUTING ||
      next === EXTENSION_DESTINATION
    ) {
      const skip = 8 + bytes[at + 1]! * 8;
      if (at + skip > end) return false;
      next = bytes[at]!;
      at += skip;
    } else break;
  }
  out.protocol = next;
  out.upper = at;
  readPorts(out, view, end);
  return true;
}

function readPorts(out: InnerPacket, view: DataView, end: number): void {
  out.sourcePort = -1;
  out.destinationPort = -1;
  if (out.fragmentOffset > 0 || out.upper + 4 > end) return;
  const protocol = out.protocol;
  if (protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP) {
    out.sourcePort = view.getUint16(out.upper);
    out.destinationPort = view.getUint16(out.upper + 2);
  } else if (protocol === PROTOCOL_ICMP || protocol === PROTOCOL_ICMPV6) {
    // RFC 4301 §4.4.1.1: the selector is the 16-bit value type * 256 + code.
    out.sourcePort = view.getUint16(out.upper);
    out.destinationPort = out.sourcePort;
  }
}
