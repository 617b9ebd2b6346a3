import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TimerHeap } from "../src/timer-heap.ts";

describe("TimerHeap", () => {
  it("agrees with a sorted list under any sequence of operations", () => {
    const operation = fc.oneof(
      fc.record({ do: fc.constant("set" as const), key: fc.nat(20), at: fc.nat(50) }),
      fc.record({ do: fc.constant("delete" as const), key: fc.nat(20), at: fc.constant(0) }),
      fc.record({ do: fc.constant("expire" as const), key: fc.constant(0), at: fc.nat(50) }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
        const heap = new TimerHeap<number>();
        let list: { key: number; at: number; order: number }[] = [];
        let order = 0;
        for (const { do: what, key, at } of operations) {
          if (what === "set") {
            heap.set(key, at);
            const known = list.find((entry) => entry.key === key);
            if (known?.at !== at) {
              list = list.filter((entry) => entry.key !== key);
              list.push({ key, at, order: order++ });
            }
          } else if (what === "delete") {
            heap.delete(key);
            list = list.filter((entry) => entry.key !== key);
          } else {
            list.sort((a, b) => a.at - b.at || a.order - b.order);
            const due = list[0] !== undefined && list[0].at <= at ? list.shift()?.key : undefined;
            expect(heap.expire(at)).toBe(due);
          }
          list.sort((a, b) => a.at - b.at || a.order - b.order);
          expect(heap.size).toBe(list.length);
          expect(heap.next()).toBe(list[0]?.at);
        }
      }),
    );
  });
});
