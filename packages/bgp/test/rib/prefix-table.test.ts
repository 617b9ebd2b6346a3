import { seededRandom } from "@tandem/sansio";
import { makePrefix, parsePrefix } from "@tandem/wire";
import { describe, expect, it } from "vitest";
import { PrefixTable } from "../../src/rib/prefix-table.ts";

describe("prefix table", () => {
  for (const wide of [false, true]) {
    it(`agrees with a Map through random changes, ${wide ? "IPv6" : "IPv4"}`, () => {
      const random = seededRandom(wide ? 6 : 4);
      const table = new PrefixTable(wide);
      const model = new Map<string, number>();
      const octets = wide ? 16 : 4;
      for (let i = 0; i < 60_000; i++) {
        // Few distinct bytes, so that prefixes come again and again.
        const bytes = random.bytes(octets).map((b) => b & 0x81);
        const prefix = makePrefix(bytes, random.below(octets * 8 + 1));
        const known = model.get(prefix.text);
        expect(table.find(prefix)).toBe(known ?? 0);
        if (known === undefined) {
          const id = table.intern(prefix);
          expect(table.text(id)).toBe(prefix.text);
          model.set(prefix.text, id);
        } else if (random.below(3) === 0) {
          table.remove(known);
          model.delete(prefix.text);
        }
        expect(table.size).toBe(model.size);
      }
      for (const [text, id] of model) expect(table.find(parsePrefix(text)!)).toBe(id);
      expect([...table.ids()].toSorted((a, b) => a - b)).toEqual(
        [...model.values()].toSorted((a, b) => a - b),
      );
    });
  }

  it("writes and reads NLRI of every length", () => {
    for (const wide of [false, true]) {
      const table = new PrefixTable(wide);
      const out = new Uint8Array(32);
      const bytes = seededRandom(9).bytes(wide ? 16 : 4);
      for (let bits = 0; bits <= (wide ? 128 : 32); bits++) {
        const id = table.intern(makePrefix(bytes, bits));
        const end = table.write(id, out, 3);
        expect(end).toBe(4 + Math.ceil(bits / 8));
        expect(table.findWire(out, 4, out[3]!)).toBe(id);
      }
    }
  });

  it("ignores host bits on the wire", () => {
    const table = new PrefixTable(false);
    const id = table.internWire(Uint8Array.of(10, 1, 255), 0, 17);
    expect(table.text(id)).toBe("10.1.128.0/17");
  });
});
