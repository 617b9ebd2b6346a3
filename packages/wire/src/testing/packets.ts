/** Whole packets for tests, from text addresses; both families. Throws a RangeError on a text that is no address. */
import { parseAddress } from "../address.ts";
import { encodeIcmpMessage, IcmpType, Icmpv6Type } from "../icmp-message.ts";
import { IpProtocol } from "../ip-protocol.ts";
import { encodeIpv4Packet } from "../ipv4-header.ts";
import { encodeIpv6Packet } from "../ipv6-header.ts";
import type { PseudoHeader } from "../pseudo-header.ts";
import { encodeTcpSegment, TcpFlag, type TcpSegment } from "../tcp-segment.ts";
import { encodeUdpDatagram } from "../udp-datagram.ts";

export interface PacketEnds {
  readonly source: string;
  readonly destination: string;
  readonly tos?: number;
  readonly ttl?: number;
}

export function ipPacket(ends: PacketEnds, protocol: number, payload: Uint8Array): Uint8Array {
  const { tos = 0, ttl = 64 } = ends;
  const addresses = endsOf(ends);
  return addresses.source.length === 4
    ? encodeIpv4Packet({ ...addresses, protocol, tos, ttl }, payload)
    : encodeIpv6Packet({ ...addresses, nextHeader: protocol, trafficClass: tos, hopLimit: ttl }, payload);
}

export function udpPacket(
  ends: PacketEnds & { readonly sourcePort: number; readonly destinationPort: number },
  payload: Uint8Array,
): Uint8Array {
  const { sourcePort, destinationPort } = ends;
  const datagram = encodeUdpDatagram({ sourcePort, destinationPort, payload }, endsOf(ends));
  return ipPacket(ends, IpProtocol.udp, datagram);
}

export function tcpPacket(
  ends: PacketEnds & { readonly sourcePort: number; readonly destinationPort: number },
  segment: Partial<Omit<TcpSegment, "sourcePort" | "destinationPort">>,
): Uint8Array {
  const { sourcePort, destinationPort } = ends;
  const whole = {
    sequence: 1,
    acknowledgment: 1,
    flags: TcpFlag.ack,
    window: 65535,
    urgent: 0,
    options: new Uint8Array(0),
    payload: new Uint8Array(0),
    ...segment,
    sourcePort,
    destinationPort,
  };
  return ipPacket(ends, IpProtocol.tcp, encodeTcpSegment(whole, endsOf(ends)));
}

/** An echo request, ICMP or ICMPv6 by the family of the addresses. */
export function echoPacket(
  ends: PacketEnds,
  identifier: number,
  sequence: number,
  body: Uint8Array,
): Uint8Array {
  const addresses = endsOf(ends);
  const six = addresses.source.length === 16;
  const message = {
    type: six ? Icmpv6Type.echoRequest : IcmpType.echoRequest,
    code: 0,
    rest: identifier * 65536 + sequence,
    body,
  };
  return ipPacket(
    ends,
    six ? IpProtocol.icmpv6 : IpProtocol.icmp,
    encodeIcmpMessage(message, six ? addresses : undefined),
  );
}

function endsOf(ends: PacketEnds): PseudoHeader {
  const source = parseAddress(ends.source);
  const destination = parseAddress(ends.destination);
  if (source === undefined || destination === undefined || source.length !== destination.length) {
    throw new RangeError(`no two addresses of one family: "${ends.source}" and "${ends.destination}"`);
  }
  return { source, destination };
}
