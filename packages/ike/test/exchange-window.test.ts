import { seededRandom } from "@tandem/sansio";
import { describe, expect, it } from "vitest";
import { DeadlineHeap } from "../src/deadline-heap.ts";
import { ExchangeWindow } from "../src/exchange-window.ts";
import { Reassembly, splitOctets } from "../src/fragmentation.ts";
import { identityMatches, identityText, parseIdentity } from "../src/identity.ts";
import { retransmitSchedule } from "../src/retransmit.ts";

describe("the window of requests", () => {
  const request = { messageId: 5, datagrams: [Uint8Array.of(1)] };
  it("repeats by the schedule and gives up after its last wait", () => {
    const window = new ExchangeWindow([100, 200, 400]);
    window.begin(request, 0);
    expect(window.handleTimeout(99)).toBe("wait");
    expect(window.handleTimeout(100)).toBe(request.datagrams);
    expect(window.handleTimeout(300)).toBe(request.datagrams);
    expect(window.handleTimeout(700)).toBe("exhausted");
    expect(window.nextSend).toBe(6);
  });
  it("goes on with its last wait until a deadline", () => {
    const window = new ExchangeWindow([100, 200]);
    window.begin(request, 0, 1000);
    for (const at of [100, 300, 500, 700, 900]) expect(window.handleTimeout(at)).toBe(request.datagrams);
    expect(window.nextTimeout()).toBe(1000);
    expect(window.handleTimeout(1000)).toBe("exhausted");
  });
  it("takes the answer to the request under way only, once", () => {
    const window = new ExchangeWindow([100]);
    window.begin(request, 0);
    expect(window.answered(4)).toBe(false);
    expect(window.answered(5)).toBe(true);
    expect(window.answered(5)).toBe(false);
  });
  it("knows new, repeated and foreign requests", () => {
    const window = new ExchangeWindow([100]);
    expect(window.classify(0)).toBe("new");
    expect(window.classify(1)).toBe("out-of-window");
    window.responded({ messageId: 0, datagrams: [] });
    expect(window.classify(0)).toBe("repeat");
    expect(window.classify(1)).toBe("new");
  });
});

it("the default schedule tries for a minute at most", () => {
  const schedule = retransmitSchedule();
  expect(schedule).toHaveLength(8);
  const total = schedule.reduce((a, b) => a + b, 0);
  expect(total).toBeGreaterThan(40_000);
  expect(total).toBeLessThan(70_000);
});

it("the heap of deadlines agrees with a sorted list through random changes", () => {
  const random = seededRandom(1);
  const heap = new DeadlineHeap<number>();
  const model = new Map<number, number>();
  for (let i = 0; i < 20_000; i++) {
    const key = random.below(200);
    const at = random.below(4) === 0 ? undefined : random.below(1000);
    heap.set(key, at);
    if (at === undefined) model.delete(key);
    else model.set(key, at);
    if (random.below(10) === 0) {
      const now = random.below(1000);
      const due = heap.popDue(now);
      const least = Math.min(...model.values());
      if (due === undefined) expect(model.size === 0 || least > now).toBe(true);
      else {
        expect(model.get(due)).toBe(least);
        model.delete(due);
      }
    }
    expect(heap.size).toBe(model.size);
  }
});

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

describe("identities", () => {
  it.each([
    ["192.0.2.1", 1],
    ["2001:db8::1", 5],
    ["gw.example.com", 2],
    ["fqdn:192.0.2.1", 2],
    ["user@example.com", 3],
    ["keyid:router-7", 11],
    ["O=Lab, CN=gw", 9],
  ])("%s has type %i and comes back as text", (text, type) => {
    const id = parseIdentity(text)!;
    expect(id.idType).toBe(type);
    expect(identityText(id)).toBe(text.replace("fqdn:", ""));
    expect(identityMatches(text, id)).toBe(true);
    expect(identityMatches("%any", id)).toBe(true);
    expect(identityMatches("other.example.com", id)).toBe(false);
  });
  it("names compare without case, control characters are shown escaped", () => {
    expect(identityMatches("GW.example.com", parseIdentity("gw.EXAMPLE.com")!)).toBe(true);
    expect(identityText({ idType: 2, data: Uint8Array.of(0x1b, 0x5b, 0x41) })).toBe("\\x1b[A");
  });
});
