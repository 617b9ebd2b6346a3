import { describe, expect, it } from "vitest";
import { InnerPacket, readInnerPacket } from "../src/inner-packet.ts";
import { SelectorSet, selectorsKey } from "../src/spd.ts";

const any = { protocol: 0, startPort: 0, endPort: 65535 };
const site = { ...any, startAddress: "10.1.0.0", endAddress: "10.1.255.255" };

/** A UDP packet of IPv4 from 10.1.0.9 port 1000 to 10.2.0.9 port 53; `fragment` in units of 8. */
function udp(source: readonly number[], fragment = 0): { packet: InnerPacket; bytes: Uint8Array } {
  const bytes = new Uint8Array(28);
  bytes.set([0x45, 0, 0, 28, 0, 0, 0, fragment, 64, 17, 0, 0, ...source, 10, 2, 0, 9, 3, 0xe8, 0, 53, 0, 8]);
  const packet = new InnerPacket();
  expect(readInnerPacket(packet, bytes, new DataView(bytes.buffer), 0, 28)).toBe(true);
  return { packet, bytes };
}

describe("traffic selectors", () => {
  it.each([
    [[10, 1, 0, 9], true],
    [[10, 1, 255, 255], true],
    [[10, 2, 0, 0], false],
    [[10, 0, 255, 255], false],
  ] as const)("address %j in 10.1.0.0/16: %j", (source, expected) => {
    const { packet, bytes } = udp(source);
    expect(new SelectorSet([site]).matchesSource(packet, bytes)).toBe(expected);
  });

  it("compares protocol and ports", () => {
    const { packet, bytes } = udp([10, 1, 0, 9]);
    const dns = {
      ...site,
      protocol: 17,
      startPort: 53,
      endPort: 53,
      startAddress: "0.0.0.0",
      endAddress: "255.255.255.255",
    };
    expect(new SelectorSet([dns]).matchesDestination(packet, bytes)).toBe(true);
    expect(new SelectorSet([{ ...dns, protocol: 6 }]).matchesDestination(packet, bytes)).toBe(false);
    expect(new SelectorSet([{ ...dns, startPort: 54, endPort: 60 }]).matchesDestination(packet, bytes)).toBe(
      false,
    );
  });

  it("a later fragment has no ports: only selectors without ports take it (RFC 4301 §7)", () => {
    const { packet, bytes } = udp([10, 1, 0, 9], 5);
    const ports = { ...site, startPort: 1000, endPort: 1000 };
    expect(new SelectorSet([ports]).matchesSource(packet, bytes)).toBe(false);
    expect(new SelectorSet([site]).matchesSource(packet, bytes)).toBe(true);
  });

  it("one family does not speak for the other", () => {
    const { packet, bytes } = udp([10, 1, 0, 9]);
    const v6 = { ...any, startAddress: "::", endAddress: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" };
    expect(new SelectorSet([v6]).matchesSource(packet, bytes)).toBe(false);
    expect(new SelectorSet([v6]).matchesAll(6)).toBe(true);
  });

  it("the same lists have the same key, whatever their order", () => {
    const other = { ...site, startAddress: "10.9.0.0", endAddress: "10.9.0.255" };
    expect(selectorsKey([site, other], [site])).toBe(selectorsKey([other, site], [site]));
    expect(selectorsKey([site], [other])).not.toBe(selectorsKey([other], [site]));
  });
});
