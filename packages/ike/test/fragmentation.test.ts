import { describe, expect, it } from "vitest";
import { Reassembly, splitOctets } from "../src/fragmentation.ts";

describe("reassembly (RFC 7383 §2.6)", () => {
  const inner = Uint8Array.from({ length: 1000 }, (_, i) => i & 255);
  const pieces = splitOctets(inner, 300);
  const add = (r: Reassembly, i: number, total = pieces.length, id = 1) =>
    r.add(id, { number: i + 1, total }, i === 0 ? 35 : 0, pieces[i]!, 0);
  it("takes pieces in any order, once each", () => {
    const r = new Reassembly();
    for (const i of [2, 0, 0, 3]) expect(add(r, i)).toBeUndefined();
    expect(r.missing()).toEqual([2]);
    expect(add(r, 1)).toEqual({ first: 35, inner });
  });
  it("refuses numbers out of range and absurd totals", () => {
    const r = new Reassembly();
    expect(r.add(1, { number: 0, total: 2 }, 0, inner, 0)).toHaveProperty("refused");
    expect(r.add(1, { number: 3, total: 2 }, 0, inner, 0)).toHaveProperty("refused");
    expect(r.add(1, { number: 1, total: 60_000 }, 0, inner, 0)).toHaveProperty("refused");
  });
  it("starts over when the sender divides more finely, and for another message", () => {
    const r = new Reassembly();
    add(r, 0, 4);
    r.add(1, { number: 1, total: 8 }, 35, inner.subarray(0, 10), 0);
    expect(r.total).toBe(8);
    expect(add(r, 1, 4)).toHaveProperty("refused");
    add(r, 0, 4, 2);
    expect(r.total).toBe(4);
  });
  it("forgets after its time", () => {
    const r = new Reassembly();
    add(r, 0);
    expect(r.expire(14_999)).toBe(false);
    expect(r.expire(15_000)).toBe(true);
    expect(r.missing()).toEqual([]);
  });
});
