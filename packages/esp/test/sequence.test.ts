import { describe, expect, it } from "vitest";
import { LAST_SEQUENCE, SequenceCounter } from "../src/sequence.ts";

describe("sequence numbers come only from reserved blocks", () => {
  it("counts from the block's first and stops at its limit", () => {
    const counter = new SequenceCounter(false, { first: 10, limit: 12 });
    expect([counter.next(), counter.next(), counter.next()]).toEqual([10, 11, -1]);
    expect(counter.exhausted).toBe(false);
  });

  it("never hands out zero (RFC 4303 §3.3.3)", () => {
    expect(new SequenceCounter(false, { first: 0, limit: 5 }).next()).toBe(1);
  });

  it("goes on into a block that follows, and over a gap", () => {
    const counter = new SequenceCounter(false, { first: 1, limit: 3 });
    expect(counter.reserve({ first: 3, limit: 5 })).toBe(true);
    expect(counter.reserve({ first: 100, limit: 102 })).toBe(true);
    expect(Array.from({ length: 7 }, () => counter.next())).toEqual([1, 2, 3, 4, 100, 101, -1]);
    expect(counter.reservedUpTo).toBe(102);
  });

  it("refuses blocks that overlap, go back or are empty", () => {
    const counter = new SequenceCounter(false, { first: 1, limit: 100 });
    expect(counter.reserve({ first: 50, limit: 200 })).toBe(false);
    expect(counter.reserve({ first: 100, limit: 100 })).toBe(false);
    expect(counter.reservedUpTo).toBe(100);
  });

  it("asks for more when half of the last block is used", () => {
    const counter = new SequenceCounter(false, { first: 1, limit: 5 });
    expect(counter.low).toBe(false);
    counter.next();
    counter.next();
    expect(counter.low).toBe(true);
    counter.reserve({ first: 5, limit: 50 });
    expect(counter.low).toBe(false);
  });

  it("ends at 2^32 - 1 without ESN, and goes past it with", () => {
    const block = { first: LAST_SEQUENCE, limit: 2 ** 33 };
    const plain = new SequenceCounter(false, block);
    expect([plain.next(), plain.next(), plain.exhausted]).toEqual([LAST_SEQUENCE, -1, true]);
    const extended = new SequenceCounter(true, block);
    expect([extended.next(), extended.next()]).toEqual([LAST_SEQUENCE, LAST_SEQUENCE + 1]);
  });
});
