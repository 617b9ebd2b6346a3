export {
  type AddressFamily,
  addressFamily,
  canonicalAddress,
  formatAddress,
  parseAddress,
} from "./address.ts";
export { ByteReader } from "./byte-reader.ts";
export { ByteWriter } from "./byte-writer.ts";
export {
  checksumOf,
  finishChecksum,
  foldSum,
  sumBytes,
  swapWord,
  updateChecksum,
} from "./checksum.ts";
export { type Decoded, decoded, malformed } from "./decoded.ts";
export {
  decodeIcmpMessage,
  encodeIcmpMessage,
  ICMP_HEADER_LENGTH,
  type IcmpMessage,
  IcmpType,
  IcmpUnreachable,
  Icmpv6Type,
  Icmpv6Unreachable,
  icmpMessageLength,
} from "./icmp-message.ts";
export { createIpPacketFacts, type IpPacketFacts, inspectIpPacket } from "./ip-packet.ts";
export { IpProtocol, ipProtocolName } from "./ip-protocol.ts";
export {
  decodeIpv4Header,
  encodeIpv4Header,
  encodeIpv4Packet,
  IPV4_DONT_FRAGMENT,
  IPV4_HEADER_LENGTH,
  IPV4_MORE_FRAGMENTS,
  Ipv4Field,
  type Ipv4Header,
  ipv4ChecksumValid,
  ipv4HeaderLength,
} from "./ipv4-header.ts";
export { createExtensionWalk, type ExtensionWalk, walkExtensions } from "./ipv6-extension.ts";
export {
  decodeIpv6Header,
  encodeIpv6Header,
  encodeIpv6Packet,
  IPV6_HEADER_LENGTH,
  Ipv6Field,
  type Ipv6Header,
  ipv6HeaderLength,
} from "./ipv6-header.ts";
export { LinkType, type PacketDirectionName } from "./pcapng/block.ts";
export { decodePcapng, type PcapngFile, type PcapngInterface } from "./pcapng/reader.ts";
export { type CapturedPacket, PcapngWriter } from "./pcapng/writer.ts";
export {
  makePrefix,
  maskBytes,
  type Prefix,
  parsePrefix,
  prefixContains,
  prefixContainsAddress,
  prefixesOverlap,
} from "./prefix.ts";
export { type PseudoHeader, sumPseudoHeader, sumPseudoHeaderAt } from "./pseudo-header.ts";
export {
  decodeTcpSegment,
  encodeTcpSegment,
  TCP_HEADER_LENGTH,
  TcpField,
  TcpFlag,
  type TcpSegment,
  tcpSegmentLength,
} from "./tcp-segment.ts";
export { decodeUtf8, encodeUtf8, formatHex, parseHex } from "./text.ts";
export {
  decodeUdpDatagram,
  encodeUdpDatagram,
  UDP_HEADER_LENGTH,
  type UdpDatagram,
  UdpField,
  udpDatagramLength,
} from "./udp-datagram.ts";
