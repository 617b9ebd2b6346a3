import { expect, test } from "vitest";
import { decodeIcmpMessage } from "../../src/icmp-message.ts";
import { createIpPacketFacts, inspectIpPacket } from "../../src/ip-packet.ts";
import { decodeTcpSegment } from "../../src/tcp-segment.ts";
import { echoPacket, tcpPacket, udpPacket } from "../../src/testing/index.ts";
import { decodeUdpDatagram } from "../../src/udp-datagram.ts";

test.each([
  ["10.0.0.1", "10.0.0.2"],
  ["2001:db8::1", "2001:db8::2"],
])("packets from %s to %s are whole, and their checksums right", (source, destination) => {
  const ends = { source, destination, sourcePort: 1000, destinationPort: 2000, tos: 0x02, ttl: 7 };
  const open = (packet: Uint8Array) => {
    const facts = createIpPacketFacts();
    expect(inspectIpPacket(packet, 0, packet.length, facts)).toBe(true);
    expect(facts).toMatchObject({ length: packet.length, tos: 2, ttl: 7 });
    const at = (offset: number) => packet.slice(offset, offset + facts.addressLength);
    return {
      transport: packet.slice(facts.transportOffset),
      addresses: { source: at(facts.sourceOffset), destination: at(facts.destinationOffset) },
    };
  };
  const payload = Uint8Array.of(1, 2, 3);
  const udp = open(udpPacket(ends, payload));
  expect(decodeUdpDatagram(udp.transport, udp.addresses)).toMatchObject({ ok: true, value: { payload } });
  const tcp = open(tcpPacket(ends, { payload, sequence: 9 }));
  expect(decodeTcpSegment(tcp.transport, tcp.addresses)).toMatchObject({ ok: true, value: { sequence: 9 } });
  const echo = open(echoPacket(ends, 0xffff, 1, payload));
  const covered = source.includes(":") ? echo.addresses : undefined;
  expect(decodeIcmpMessage(echo.transport, covered)).toMatchObject({ ok: true, value: { rest: 0xffff0001 } });
});

test("ends of two families are refused", () => {
  const ends = { source: "10.0.0.1", destination: "::1", sourcePort: 1, destinationPort: 2 };
  expect(() => udpPacket(ends, new Uint8Array(0))).toThrow(RangeError);
});
