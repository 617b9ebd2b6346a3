import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeIcmpMessage, encodeIcmpMessage } from "../src/icmp-message.ts";
import type { PseudoHeader } from "../src/pseudo-header.ts";
import { decodeTcpSegment, encodeTcpSegment, tcpSegmentLength } from "../src/tcp-segment.ts";
import { formatHex, parseHex } from "../src/text.ts";
import { decodeUdpDatagram, encodeUdpDatagram, udpDatagramLength } from "../src/udp-datagram.ts";

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const addresses: fc.Arbitrary<PseudoHeader> = fc
  .constantFrom(4, 16)
  .chain((length) => fc.record({ source: bytes(length), destination: bytes(length) }));
const port = fc.nat(65535);
const payload = fc.uint8Array({ maxLength: 100 });

/** Flipping any one bit must be noticed. */
function expectTamperRefused(
  packet: Uint8Array,
  bit: number,
  decode: (bytes: Uint8Array) => { ok: boolean },
): void {
  const touched = packet.slice();
  touched[(bit >> 3) % touched.length]! ^= 1 << (bit & 7);
  expect(decode(touched).ok).toBe(false);
}

describe("UDP", () => {
  test("decode(encode(x)) = x, and a flipped bit is refused", () => {
    const arbitrary = fc.record({ sourcePort: port, destinationPort: port, payload });
    fc.assert(
      fc.property(arbitrary, addresses, fc.nat(), (datagram, pseudo, bit) => {
        const packet = encodeUdpDatagram(datagram, pseudo);
        expect(packet.length).toBe(udpDatagramLength(datagram));
        expect(decodeUdpDatagram(packet, pseudo)).toEqual({ ok: true, value: datagram });
        // A bit of the checksum field may turn it to zero, which over IPv4 means "none".
        if (!(pseudo.source.length === 4 && [6, 7].includes((bit >> 3) % packet.length))) {
          expectTamperRefused(packet, bit, (touched) => decodeUdpDatagram(touched, pseudo));
        }
      }),
    );
  });

  test("RFC 768: a checksum that computes to zero is sent as ffff", () => {
    const pseudo = { source: new Uint8Array(4), destination: new Uint8Array(4) };
    // ports + length twice + protocol = ffff: 0xffff - 17 - 8 - 8 in the source port
    const packet = encodeUdpDatagram(
      { sourcePort: 0xffff - 33, destinationPort: 0, payload: new Uint8Array(0) },
      pseudo,
    );
    expect(formatHex(packet.subarray(6))).toBe("ffff");
    expect(decodeUdpDatagram(packet, pseudo).ok).toBe(true);
  });

  test("no checksum passes over IPv4 and not over IPv6 (RFC 8200 §8.1)", () => {
    const packet = parseHex("01f4 1194 0009 0000 aa")!;
    const four = { source: new Uint8Array(4), destination: new Uint8Array(4) };
    const six = { source: new Uint8Array(16), destination: new Uint8Array(16) };
    expect(decodeUdpDatagram(packet, four).ok).toBe(true);
    expect(decodeUdpDatagram(packet, six).ok).toBe(false);
    expect(decodeUdpDatagram(packet.subarray(0, 8)).ok).toBe(false);
  });
});

describe("TCP", () => {
  test("decode(encode(x)) = x, and a flipped bit is refused", () => {
    const arbitrary = fc.record({
      sourcePort: port,
      destinationPort: port,
      sequence: fc.nat(0xffffffff),
      acknowledgment: fc.nat(0xffffffff),
      flags: fc.nat(0xfff),
      window: port,
      urgent: port,
      options: fc.nat(10).chain((words) => bytes(words * 4)),
      payload,
    });
    fc.assert(
      fc.property(arbitrary, addresses, fc.nat(), (segment, pseudo, bit) => {
        const packet = encodeTcpSegment(segment, pseudo);
        expect(packet.length).toBe(tcpSegmentLength(segment));
        expect(decodeTcpSegment(packet, pseudo)).toEqual({ ok: true, value: segment });
        expectTamperRefused(packet, bit, (touched) => decodeTcpSegment(touched, pseudo));
      }),
    );
  });
});

describe("ICMP and ICMPv6", () => {
  test("decode(encode(x)) = x, and a flipped bit is refused", () => {
    const arbitrary = fc.record({
      type: fc.nat(255),
      code: fc.nat(255),
      rest: fc.nat(0xffffffff),
      body: payload,
    });
    fc.assert(
      fc.property(arbitrary, addresses, fc.nat(), (message, pseudo, bit) => {
        const covered = pseudo.source.length === 16 ? pseudo : undefined;
        const packet = encodeIcmpMessage(message, covered);
        expect(decodeIcmpMessage(packet, covered)).toEqual({ ok: true, value: message });
        expectTamperRefused(packet, bit, (touched) => decodeIcmpMessage(touched, covered));
      }),
    );
  });
});
