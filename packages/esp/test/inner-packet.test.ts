import { seededRandom } from "@tandem/sansio";
import { describe, expect, it } from "vitest";
import { InnerPacket, readInnerPacket } from "../src/inner-packet.ts";

const read = (bytes: Uint8Array): InnerPacket | undefined => {
  const packet = new InnerPacket();
  return readInnerPacket(packet, bytes, new DataView(bytes.buffer), 0, bytes.length) ? packet : undefined;
};

describe("reading an inner packet", () => {
  it("finds ports behind IPv6 extension headers and knows fragments", () => {
    const bytes = new Uint8Array(40 + 8 + 8 + 8);
    bytes.set([0x60, 0, 0, 0, 0, 24, 0, 64]); // next: hop-by-hop
    bytes.set([44, 0, 1, 4, 0, 0, 0, 0], 40); // hop-by-hop, next: fragment
    bytes.set([17, 0, 0, 1, 0, 0, 0, 7], 48); // first fragment of UDP, more to come, id 7
    bytes.set([0x12, 0x34, 0x56, 0x78, 0, 8, 0, 0], 56);
    const packet = read(bytes)!;
    expect(packet).toMatchObject({
      family: 6,
      protocol: 17,
      upper: 56,
      fragment: true,
      fragmentOffset: 0,
      identification: 7,
      sourcePort: 0x1234,
      destinationPort: 0x5678,
    });
  });

  it.each([
    ["empty", []],
    ["version 5", [0x55, ...new Array(40).fill(0)]],
    ["IPv4 header length 4", [0x44, 0, 0, 20, ...new Array(16).fill(0)]],
    ["IPv4 total length past the end", [0x45, 0, 0, 30, ...new Array(16).fill(0)]],
    ["IPv4 total length inside the header", [0x46, 0, 0, 20, ...new Array(20).fill(0)]],
    ["IPv6 cut", [0x60, ...new Array(30).fill(0)]],
    [
      "IPv6 extension past the end",
      [0x60, 0, 0, 0, 0, 8, 0, 64, ...new Array(32).fill(0), 17, 9, ...new Array(6).fill(0)],
    ],
  ])("refuses %s", (_name, list) => {
    expect(read(Uint8Array.from(list))).toBeUndefined();
  });

  it("never throws and never reads past the end, whatever comes", () => {
    const random = seededRandom(7);
    for (let i = 0; i < 20_000; i++) {
      const bytes = random.bytes(random.below(100));
      if (bytes.length > 0) bytes[0] = (i % 2 === 0 ? 0x40 : 0x60) | (bytes[0]! & 15);
      const packet = read(bytes);
      if (packet !== undefined) expect(packet.upper).toBeLessThanOrEqual(bytes.length);
    }
  });
});
