import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TrafficSelector } from "../src/config.ts";
import {
  intersectSelectors,
  isNarrowed,
  narrowSelectors,
  selectorContains,
  selectorOfText,
  selectorsText,
  selectorText,
} from "../src/traffic-selector.ts";

const s = (text: string, more: Partial<TrafficSelector> = {}): TrafficSelector => ({
  ...selectorOfText(text)!,
  ...more,
});

describe("narrowing (RFC 7296 §2.9)", () => {
  it.each([
    ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/8"],
    ["10.1.0.0/16", "10.0.0.0/8", "10.1.0.0/16"],
    ["10.1.0.0/16 10.2.0.0/16", "10.0.0.0/8", "10.1.0.0/16 10.2.0.0/16"],
    ["10.0.0.0/8", "10.1.0.0/16 10.1.2.0/24 192.168.0.0/16", "10.1.0.0/16"],
    ["10.0.0.0/8", "10.1.2.0/24 10.1.0.0/16", "10.1.0.0/16"],
    ["10.0.0.0/8", "192.168.0.0/16", ""],
    ["0.0.0.0/0 ::/0", "2001:db8::/32 10.0.0.0/8", "2001:db8::/32 10.0.0.0/8"],
    ["::/0", "10.0.0.0/8", ""],
  ])("policy %s, proposed %s: %s", (policy, proposed, expected) => {
    const list = (text: string) => text.split(" ").map((t) => s(t));
    expect(selectorsText(narrowSelectors(list(policy), list(proposed)))).toBe(expected);
  });

  it("keeps protocols and ports", () => {
    const https = s("10.0.0.0/8", { protocol: 6, startPort: 443, endPort: 443 });
    expect(selectorText(narrowSelectors([https], [s("0.0.0.0/0")])[0]!)).toBe("10.0.0.0/8[tcp/443]");
    const udp = s("0.0.0.0/0", { protocol: 17 });
    expect(narrowSelectors([https], [udp])).toHaveLength(0);
    const range = s("10.0.0.0/8", { protocol: 6, startPort: 400, endPort: 500 });
    expect(selectorText(intersectSelectors(range, https)!)).toBe("10.0.0.0/8[tcp/443]");
    const opaque = s("10.0.0.0/8", { protocol: 6, startPort: 65535, endPort: 0 });
    expect(selectorText(opaque)).toBe("10.0.0.0/8[tcp/OPAQUE]");
    expect(intersectSelectors(opaque, https)).toBeUndefined();
    expect(intersectSelectors(opaque, s("0.0.0.0/0"))).toEqual(opaque);
  });

  it("leaves only what both contain", () => {
    const address = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 255 }));
    const range = fc.tuple(address, address).map(([[a, b], [c, d]]): TrafficSelector => {
      const [x, y] = [a * 256 + b, c * 256 + d].sort((p, q) => p - q) as [number, number];
      return {
        ...s("0.0.0.0/0"),
        startAddress: `10.0.${x >> 8}.${x & 255}`,
        endAddress: `10.0.${y >> 8}.${y & 255}`,
      };
    });
    fc.assert(
      fc.property(
        fc.array(range, { maxLength: 4 }),
        fc.array(range, { maxLength: 4 }),
        (policy, proposed) => {
          const found = narrowSelectors(policy, proposed);
          if (found.length > 0) expect(isNarrowed(found, policy) && isNarrowed(found, proposed)).toBe(true);
          for (const p of proposed)
            for (const q of policy) {
              const both = intersectSelectors(p, q);
              if (both !== undefined) expect(found.some((f) => selectorContains(f, both))).toBe(true);
            }
        },
      ),
      { numRuns: 500 },
    );
  });
});

it("ranges that are no prefix show both ends", () => {
  expect(selectorText({ ...s("10.0.0.0/24"), endAddress: "10.0.0.9" })).toBe("10.0.0.0..10.0.0.9");
});
