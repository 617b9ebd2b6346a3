import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalAddress, formatAddress, parseAddress } from "../src/address.ts";
import {
  makePrefix,
  parsePrefix,
  prefixContains,
  prefixContainsAddress,
  prefixesOverlap,
} from "../src/prefix.ts";

const address = fc
  .constantFrom(4, 16)
  .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));

test("addresses both ways, canonical as RFC 5952 says", () => {
  fc.assert(fc.property(address, (bytes) => void expect(parseAddress(formatAddress(bytes))).toEqual(bytes)));
  expect(canonicalAddress("2001:DB8:0:0:1:0:0:1")).toBe("2001:db8::1:0:0:1"); // §4.2.3: the first of equal runs
  expect(canonicalAddress("2001:db8:0:1:1:1:1:1")).toBe("2001:db8:0:1:1:1:1:1"); // §4.2.2: no :: for one field
  expect(canonicalAddress("::")).toBe("::");
  for (const text of [
    "",
    "1.2.3",
    "1.2.3.4.5",
    "256.1.1.1",
    "fe80::1%eth0",
    "1.2.3.4/8",
    "::1::",
    "hello",
    "01.2.3.4",
    "1..2.3",
    "1.2.3.",
    ".1.2.3",
    "1.2.3.1000",
    "1.2.3.4 ",
  ]) {
    expect(parseAddress(text), text).toBeUndefined();
  }
});

test("prefixes: host bits are cleared, containment is by bits", () => {
  expect(parsePrefix("10.1.2.3/8")?.text).toBe("10.0.0.0/8");
  expect(parsePrefix("2001:db8::1")?.text).toBe("2001:db8::1/128");
  for (const text of ["10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "x/8"]) {
    expect(parsePrefix(text), text).toBeUndefined();
  }
  fc.assert(
    fc.property(address, fc.nat(128), fc.nat(128), (bytes, a, b) => {
      const [short, long] = [a, b].map((n) => n % (bytes.length * 8 + 1)).sort((x, y) => x - y) as [
        number,
        number,
      ];
      const outer = makePrefix(bytes, short);
      const inner = makePrefix(bytes, long);
      expect(prefixContains(outer, inner)).toBe(true);
      expect(prefixContainsAddress(outer, bytes)).toBe(true);
      expect(prefixContains(inner, outer)).toBe(short === long);
      expect(prefixesOverlap(inner, outer)).toBe(true);
    }),
  );
});
