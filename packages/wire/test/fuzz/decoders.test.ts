import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeIcmpMessage } from "../../src/icmp-message.ts";
import { decodeIpv4Header, ipv4ChecksumValid } from "../../src/ipv4-header.ts";
import { decodeIpv6Header } from "../../src/ipv6-header.ts";
import { decodePcapng } from "../../src/pcapng/reader.ts";
import { decodeTcpSegment } from "../../src/tcp-segment.ts";
import { decodeUdpDatagram } from "../../src/udp-datagram.ts";

const six = { source: new Uint8Array(16), destination: new Uint8Array(16) };

test.each([
  ["IPv4 header", decodeIpv4Header],
  ["IPv6 header", decodeIpv6Header],
  ["UDP", decodeUdpDatagram],
  ["UDP over IPv6", (bytes: Uint8Array) => decodeUdpDatagram(bytes, six)],
  ["TCP", decodeTcpSegment],
  ["ICMP", decodeIcmpMessage],
  ["pcapng", decodePcapng],
])("%s: random bytes decode or are refused with a reason, nothing throws", (_name, decode) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(255), (bytes, first) => {
      if (bytes.length > 0) bytes[0] = first;
      const result = (decode as (bytes: Uint8Array) => { ok: boolean; reason?: string })(bytes);
      if (!result.ok) expect(result.reason).not.toBe("");
    }),
    { numRuns: 2000 },
  );
});

test("the IPv4 checksum of any bytes is valid or not", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => typeof ipv4ChecksumValid(bytes) === "boolean"),
  );
});
