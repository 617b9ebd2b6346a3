import { seededRandom } from "@tandem/sansio";
import { describe, expect, it } from "vitest";
import { ChangeList, type ChangeReader } from "../../src/rib/change-list.ts";

const drain = (list: ChangeList, reader: ChangeReader, most = Infinity): number[] => {
  const seen: number[] = [];
  while (seen.length < most) {
    const id = list.advance(reader);
    if (id === 0) break;
    seen.push(id);
  }
  return seen;
};

describe("change list", () => {
  it("shows a prefix once however often it changed, in the order of the last change", () => {
    const list = new ChangeList();
    const reader = list.join();
    for (const p of [1, 2, 3, 1, 1, 2]) list.touch(p);
    expect(drain(list, reader)).toEqual([3, 1, 2]);
    expect(list.hasNews(reader)).toBe(false);
    list.touch(2);
    expect(drain(list, reader)).toEqual([2]);
  });

  it("shows a new reader everything", () => {
    const list = new ChangeList();
    for (let p = 1; p <= 5000; p++) list.touch(p);
    expect(drain(list, list.join())).toHaveLength(5000);
  });

  it("tells every reader the last state of everything, whatever moves under its feet", () => {
    const random = seededRandom(11);
    const list = new ChangeList();
    const version = new Map<number, number>();
    const readers: { reader: ChangeReader; seen: Map<number, number> }[] = [];
    for (let i = 0; i < 30_000; i++) {
      const p = 1 + random.below(60);
      if (random.below(10) === 0) {
        list.drop(p);
        version.delete(p);
        for (const r of readers) r.seen.delete(p);
      } else {
        list.touch(p);
        version.set(p, i);
      }
      if (random.below(500) === 0) readers.push({ reader: list.join(), seen: new Map() });
      if (readers.length > 8) list.leave(readers.shift()!.reader);
      if (random.below(400) === 0 && readers[0] !== undefined) list.rewind(readers[0].reader);
      for (const r of readers) {
        if (random.below(4) > 0) continue;
        for (const seen of drain(list, r.reader, random.below(6))) r.seen.set(seen, version.get(seen)!);
      }
    }
    for (const r of readers) {
      for (const seen of drain(list, r.reader)) r.seen.set(seen, version.get(seen)!);
      expect([...r.seen].toSorted()).toEqual([...version].toSorted());
    }
    expect(list.readByAll()).toBe(list.stamp);
  });

  it("knows what every reader has passed", () => {
    const list = new ChangeList();
    const fast = list.join();
    const slow = list.join();
    for (const p of [1, 2, 3]) list.touch(p);
    drain(list, fast);
    expect(list.readByAll()).toBe(0);
    drain(list, slow, 2);
    expect(list.readByAll()).toBe(2);
    drain(list, slow);
    expect(list.readByAll()).toBe(3);
  });
});
