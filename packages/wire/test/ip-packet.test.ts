import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createIpPacketFacts, inspectIpPacket } from "../src/ip-packet.ts";
import { IpProtocol } from "../src/ip-protocol.ts";
import { encodeIpv4Packet } from "../src/ipv4-header.ts";
import { MAX_EXTENSION_HEADERS } from "../src/ipv6-extension.ts";
import { encodeIpv6Packet } from "../src/ipv6-header.ts";

const v4 = { source: Uint8Array.of(10, 0, 0, 1), destination: Uint8Array.of(10, 0, 0, 2) };
const v6 = { source: new Uint8Array(16).fill(1), destination: new Uint8Array(16).fill(2) };
const ports = Uint8Array.of(0x01, 0xf4, 0x11, 0x94, 0, 8, 0, 0);

function inspect(packet: Uint8Array, offset = 0): ReturnType<typeof createIpPacketFacts> | undefined {
  const facts = createIpPacketFacts();
  const memory = new Uint8Array(offset + packet.length);
  memory.set(packet, offset);
  return inspectIpPacket(memory, offset, packet.length, facts) ? facts : undefined;
}

/** An extension header of 8 bytes with this next header. */
const extension = (next: number): number[] => [next, 0, 0, 0, 0, 0, 0, 0];

describe("facts of a packet", () => {
  test("IPv4 UDP, at any offset", () => {
    const packet = encodeIpv4Packet({ ...v4, protocol: 17, tos: 0xb8, options: new Uint8Array(4) }, ports);
    expect(inspect(packet, 3)).toMatchObject({
      family: 4,
      length: 32,
      protocol: 17,
      tos: 0xb8,
      ttl: 64,
      sourceOffset: 15,
      destinationOffset: 19,
      transportOffset: 27,
      fragment: false,
      sourcePort: 500,
      destinationPort: 4500,
    });
  });

  test("IPv4 fragments: the first has ports, a later one has none", () => {
    const first = encodeIpv4Packet({ ...v4, protocol: 17, moreFragments: true }, ports);
    expect(inspect(first)).toMatchObject({ fragment: true, laterFragment: false, sourcePort: 500 });
    const later = encodeIpv4Packet({ ...v4, protocol: 17, fragmentOffset: 8 }, ports);
    expect(inspect(later)).toMatchObject({ fragment: true, laterFragment: true, sourcePort: -1 });
  });

  test("ICMP gives type and code, other protocols and cut headers no ports", () => {
    const icmp = encodeIpv4Packet({ ...v4, protocol: 1 }, Uint8Array.of(3, 4, 0, 0));
    expect(inspect(icmp)).toMatchObject({ sourcePort: 3, destinationPort: 4 });
    expect(inspect(encodeIpv4Packet({ ...v4, protocol: 50 }, ports))).toMatchObject({ sourcePort: -1 });
    const cut = encodeIpv4Packet({ ...v4, protocol: 17 }, ports.subarray(0, 3));
    expect(inspect(cut)).toMatchObject({ protocol: 17, sourcePort: -1 });
  });

  test("IPv6: behind hop-by-hop, routing, destination options and AH", () => {
    const ah = [IpProtocol.udp, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]; // (1 + 2) * 4 = 12 bytes
    const chain = [
      ...extension(IpProtocol.routing),
      ...extension(IpProtocol.destinationOptions),
      ...extension(IpProtocol.ah),
      ...ah,
    ];
    const packet = encodeIpv6Packet(
      { ...v6, nextHeader: IpProtocol.hopByHop, trafficClass: 0x2e },
      Uint8Array.from([...chain, ...ports]),
    );
    expect(inspect(packet, 5)).toMatchObject({
      family: 6,
      protocol: 17,
      tos: 0x2e,
      transportOffset: 5 + 40 + 36,
      sourcePort: 500,
      destinationPort: 4500,
      addressLength: 16,
    });
  });

  test("IPv6 fragments: offset and more-fragments are told apart, atomic fragments are whole", () => {
    const fragment = (field: number): Uint8Array =>
      Uint8Array.from([IpProtocol.udp, 0, field >> 8, field & 0xff, 0, 0, 0, 1, ...ports]);
    const facts = (field: number) =>
      inspect(encodeIpv6Packet({ ...v6, nextHeader: IpProtocol.fragment }, fragment(field)));
    expect(facts(1)).toMatchObject({ fragment: true, laterFragment: false, sourcePort: 500 });
    expect(facts(0x0048)).toMatchObject({
      fragment: true,
      laterFragment: true,
      protocol: 17,
      sourcePort: -1,
    });
    expect(facts(0)).toMatchObject({ fragment: false, sourcePort: 500, walk: { fragmentHeader: 40 } });
  });

  test("a chain that is cut or endless is no packet", () => {
    const cut = encodeIpv6Packet(
      { ...v6, nextHeader: IpProtocol.hopByHop },
      Uint8Array.of(17, 5, 0, 0, 0, 0, 0, 0),
    );
    expect(inspect(cut)).toBeUndefined();
    const headers = Array.from({ length: MAX_EXTENSION_HEADERS + 1 }, () =>
      extension(IpProtocol.destinationOptions),
    );
    const endless = encodeIpv6Packet(
      { ...v6, nextHeader: IpProtocol.destinationOptions },
      Uint8Array.from(headers.flat()),
    );
    expect(inspect(endless)).toBeUndefined();
  });

  test("never throws and never points outside the packet, on any bytes", () => {
    const headers = fc.constantFrom(0x45, 0x46, 0x4f, 0x60, 0x6f, 0x00);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), headers, fc.nat(130), (bytes, first, available) => {
        const facts = createIpPacketFacts();
        if (bytes.length > 0) bytes[0] = first;
        // Plausible lengths, else nearly everything fails at the first check.
        if (bytes.length > 6) {
          bytes[2] = 0;
          bytes[4] = 0;
          bytes[6] = bytes[6]! % 61;
        }
        if (!inspectIpPacket(bytes, 0, available, facts)) return;
        expect(facts.length).toBeLessThanOrEqual(Math.min(available, bytes.length));
        expect(facts.transportOffset).toBeLessThanOrEqual(facts.length);
        expect(facts.destinationOffset + facts.addressLength).toBeLessThanOrEqual(facts.length);
        if (facts.sourcePort >= 0) expect(facts.transportOffset + 4).toBeLessThanOrEqual(facts.length);
      }),
      { numRuns: 3000 },
    );
  });
});
