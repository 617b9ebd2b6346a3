import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatAddress } from "../src/address.ts";
import {
  decodeIpv4Header,
  encodeIpv4Header,
  type Ipv4Header,
  ipv4ChecksumValid,
  ipv4HeaderLength,
} from "../src/ipv4-header.ts";
import {
  decodeIpv6Header,
  encodeIpv6Header,
  IPV6_HEADER_LENGTH,
  type Ipv6Header,
} from "../src/ipv6-header.ts";
import { formatHex, parseHex } from "../src/text.ts";

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

describe("IPv4 header", () => {
  // Provenance: the worked example of "IPv4 header checksum", Wikipedia; a UDP packet of 115 bytes.
  const hex = "450000730000400040 11b861 c0a80001 c0a800c7";

  test("decodes and encodes the example, checksum included", () => {
    const header = parseHex(hex)!;
    const packet = new Uint8Array(115);
    packet.set(header);
    expect(ipv4ChecksumValid(packet)).toBe(true);
    const decoded = decodeIpv4Header(packet);
    if (!decoded.ok) throw new Error(decoded.reason);
    expect(decoded.value).toMatchObject({ totalLength: 115, ttl: 64, protocol: 17, dontFragment: true });
    expect(formatAddress(decoded.value.destination)).toBe("192.168.0.199");
    expect(formatHex(encodeIpv4Header(decoded.value))).toBe(hex.replaceAll(" ", ""));
    packet[8]!--;
    expect(ipv4ChecksumValid(packet)).toBe(false);
  });

  const arbitrary: fc.Arbitrary<Ipv4Header> = fc
    .record({
      tos: fc.nat(255),
      identification: fc.nat(65535),
      dontFragment: fc.boolean(),
      moreFragments: fc.boolean(),
      fragmentOffset: fc.nat(8191).map((units) => units * 8),
      ttl: fc.nat(255),
      protocol: fc.nat(255),
      source: bytes(4),
      destination: bytes(4),
      options: fc.nat(10).chain((words) => bytes(words * 4)),
      payload: fc.nat(100),
    })
    .map(({ payload, ...header }) => ({ ...header, totalLength: 20 + header.options.length + payload }));

  test("decode(encode(x)) = x", () => {
    fc.assert(
      fc.property(arbitrary, (header) => {
        const packet = new Uint8Array(header.totalLength);
        const encoded = encodeIpv4Header(header);
        expect(encoded.length).toBe(ipv4HeaderLength(header));
        packet.set(encoded);
        expect(decodeIpv4Header(packet)).toEqual({ ok: true, value: header });
        expect(ipv4ChecksumValid(packet)).toBe(true);
      }),
    );
  });

  test.each([
    ["cut", "4500", /shorter/],
    ["of version 6", "60".padEnd(40, "0"), /version/],
    ["with a header length of 16", "44".padEnd(40, "0"), /below 20/],
    ["longer than its bytes", "45000015".padEnd(40, "0"), /past the end/],
    ["shorter than its header", "45000013".padEnd(40, "0"), /below the header/],
  ])("refuses one %s", (_name, text, reason) => {
    expect(decodeIpv4Header(parseHex(text)!)).toEqual({ ok: false, reason: expect.stringMatching(reason) });
  });
});

describe("IPv6 header", () => {
  const arbitrary: fc.Arbitrary<Ipv6Header> = fc.record({
    trafficClass: fc.nat(255),
    flowLabel: fc.nat(0xfffff),
    payloadLength: fc.nat(200),
    nextHeader: fc.nat(255),
    hopLimit: fc.nat(255),
    source: bytes(16),
    destination: bytes(16),
  });

  test("decode(encode(x)) = x", () => {
    fc.assert(
      fc.property(arbitrary, (header) => {
        const packet = new Uint8Array(IPV6_HEADER_LENGTH + header.payloadLength);
        packet.set(encodeIpv6Header(header));
        expect(decodeIpv6Header(packet)).toEqual({ ok: true, value: header });
      }),
    );
  });

  test("refuses what is cut or of another version", () => {
    const header = encodeIpv6Header({
      trafficClass: 0,
      flowLabel: 0,
      payloadLength: 1,
      nextHeader: 59,
      hopLimit: 64,
      source: new Uint8Array(16),
      destination: new Uint8Array(16),
    });
    expect(decodeIpv6Header(header)).toMatchObject({ ok: false });
    expect(decodeIpv6Header(header.subarray(1))).toMatchObject({ ok: false });
    expect(decodeIpv6Header(parseHex("45".padEnd(80, "0"))!)).toMatchObject({ ok: false });
  });
});
