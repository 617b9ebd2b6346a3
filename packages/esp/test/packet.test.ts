import { describe, expect, it } from "vitest";
import { innerMtu, mssFor } from "../src/mtu.ts";
import { espPacketLength, espPadding } from "../src/packet.ts";

const GCM = { ivLength: 8, icvLength: 16, blockLength: 4 };
const CBC_SHA256 = { ivLength: 16, icvLength: 16, blockLength: 16 };

describe("ESP lengths", () => {
  it("pads to the alignment (RFC 4303 §2.4)", () => {
    expect([1, 2, 3, 4, 5].map((n) => espPadding(4, n))).toEqual([1, 0, 3, 2, 1]);
    expect(espPadding(16, 14)).toBe(0);
    expect(espPadding(16, 15)).toBe(15);
  });

  it.each([
    ["AES-GCM in UDP over IPv4", GCM, 4, true, 1438],
    ["AES-GCM as protocol 50 over IPv4", GCM, 4, false, 1446],
    ["AES-GCM in UDP over IPv6", GCM, 6, true, 1418],
    ["AES-CBC with SHA-256 in UDP over IPv4", CBC_SHA256, 4, true, 1422],
  ] as const)(
    "the inner MTU fills 1500 bytes and not one more: %s",
    (_name, framing, family, udp, expected) => {
      const mtu = innerMtu(framing, 1500, family, udp);
      expect(mtu).toBe(expected);
      const outer = (family === 4 ? 20 : 40) + (udp ? 8 : 0);
      expect(outer + espPacketLength(framing, mtu)).toBeLessThanOrEqual(1500);
      expect(outer + espPacketLength(framing, mtu + 1)).toBeGreaterThan(1500);
    },
  );

  it("an MTU of 1400 leaves an MSS of 1360", () => {
    expect([mssFor(1400, 4), mssFor(1400, 6)]).toEqual([1360, 1340]);
  });
});
