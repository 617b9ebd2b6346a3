import { seededRandom } from "@tandem/sansio";
import { expect, it } from "vitest";
import { DeadlineHeap } from "../src/deadline-heap.ts";

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
