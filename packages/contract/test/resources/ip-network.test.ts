import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addressFromEnd,
  formatIp,
  networksOverlap,
  parseIp,
  parseNetwork,
} from "../../src/resources/ip-network.ts";

describe("addresses", () => {
  test.each([
    ["2001:db8:0:0:0:0:0:1", "2001:db8::1"],
    ["::", "::"],
    ["::ffff:192.0.2.1", "::ffff:c000:201"],
    ["fe80:0:0:1:0:0:0:1", "fe80:0:0:1::1"],
    ["10.0.0.1", "10.0.0.1"],
  ])("%s is written %s (RFC 5952)", (text, canonical) => {
    expect(formatIp(parseIp(text)!)).toBe(canonical);
  });

  test.each(["", "1.2.3", "1.2.3.256", "01.2.3.4", "1:2", ":::", "1::2::3", "g::", "1.2.3.4.5", "::1.2.3"])(
    "%j is no address",
    (text) => {
      expect(parseIp(text)).toBeUndefined();
    },
  );

  test("what is formatted parses to the same value", () => {
    fc.assert(
      fc.property(fc.bigInt(0n, (1n << 128n) - 1n), (value) => {
        expect(parseIp(formatIp({ family: 6, value }))?.value).toBe(value);
      }),
    );
    fc.assert(
      fc.property(fc.bigInt(0n, (1n << 32n) - 1n), (value) => {
        expect(parseIp(formatIp({ family: 4, value }))?.value).toBe(value);
      }),
    );
  });
});

test("the last usable address of a /27", () => {
  expect(addressFromEnd(parseNetwork("10.12.255.0/27")!, 1)).toBe("10.12.255.30");
});

test("overlap is containment in either direction", () => {
  const overlap = (a: string, b: string) => networksOverlap(parseNetwork(a)!, parseNetwork(b)!);
  expect(overlap("10.0.0.0/8", "10.1.0.0/16")).toBe(true);
  expect(overlap("10.1.0.0/16", "10.0.0.0/8")).toBe(true);
  expect(overlap("10.0.0.0/16", "10.1.0.0/16")).toBe(false);
  expect(overlap("::/0", "10.0.0.0/8")).toBe(false);
});
