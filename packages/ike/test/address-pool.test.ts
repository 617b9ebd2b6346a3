import { describe, expect, it } from "vitest";
import { type AddressPool, AddressPools } from "../src/address-pool.ts";

const pool = (...prefixes: string[]): AddressPool => new AddressPools().of("t", prefixes);

describe("the address pool", () => {
  it("gives every address of its prefixes but network and broadcast, once", () => {
    const own = pool("10.0.0.0/29", "10.1.0.0/31", "10.2.0.7/32");
    const given = Array.from({ length: 10 }, (_, i) => own.take(`client-${i}`, 4));
    expect(given).toEqual([
      ...[1, 2, 3, 4, 5, 6].map((n) => `10.0.0.${n}`),
      "10.1.0.1",
      "10.2.0.7",
      undefined,
      undefined,
    ]);
  });

  it("gives an owner its last address again, and a wished one that is free", () => {
    const own = pool("10.0.0.0/29");
    expect(own.take("a", 4)).toBe("10.0.0.1");
    own.release("10.0.0.1");
    expect(own.take("b", 4)).toBe("10.0.0.2"); // a's stays for a as long as there are others
    expect(own.take("a", 4)).toBe("10.0.0.1");
    expect(own.take("c", 4, "10.0.0.3")).toBe("10.0.0.3");
    expect(own.take("d", 4, "10.0.0.3")).toBe("10.0.0.4");
    expect(own.take("e", 4, "192.0.2.1")).toBe("10.0.0.5");
  });

  it("gives what was given back longest ago when nothing else is left", () => {
    const own = pool("10.0.0.0/29", "fd00::/126");
    for (const name of "abcdef") own.take(name, 4);
    expect(own.take("g", 4)).toBeUndefined();
    for (const n of [4, 2, 4]) own.release(`10.0.0.${n}`);
    expect(own.take("g", 4)).toBe("10.0.0.4");
    expect(own.take("h", 4)).toBe("10.0.0.2");
    expect(own.take("i", 4)).toBeUndefined();
    expect([1, 2, 3, 4].map((n) => own.take(`six-${n}`, 6))).toEqual([
      "fd00::1",
      "fd00::2",
      "fd00::3",
      undefined,
    ]);
  });

  it("leaves out what was adopted from the partner", () => {
    const own = pool("10.0.0.0/29");
    own.claim("a", "10.0.0.1");
    own.claim("b", "10.0.0.3");
    expect(["c", "d"].map((name) => own.take(name, 4))).toEqual(["10.0.0.2", "10.0.0.4"]);
    expect(own.take("b", 4)).toBe("10.0.0.3");
  });

  it("does not look at the addresses in use: 30,000 clients, and then again and again one that goes and one that comes", () => {
    const own = pool("10.0.0.0/17");
    const given = Array.from({ length: 30_000 }, (_, i) => own.take(`client-${i}`, 4)!);
    expect(new Set(given).size).toBe(30_000);
    // With a walk over those in use this would take half an hour.
    for (let i = 0; i < 50_000; i++) {
      own.release(given[i]!);
      given.push(own.take(`late-${i}`, 4)!);
    }
    expect(given).not.toContain(undefined);
    expect(new Set(given.slice(50_000)).size).toBe(30_000);
  });
});
