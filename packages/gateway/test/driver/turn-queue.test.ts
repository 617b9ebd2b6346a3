import { describe, expect, it } from "vitest";
import { TurnQueue } from "../../src/driver/turn-queue.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Time passes when work is done, and only then: another process may have the core meanwhile. */
let time = 0;
const now = (): number => time;
function busy(milliseconds: number): void {
  time += milliseconds;
}

describe("TurnQueue", () => {
  it("does at once what the budget has room for, and the rest in its order", async () => {
    const queue = new TurnQueue(5, now);
    const done: number[] = [];
    const work = (n: number) => () => {
      busy(3);
      done.push(n);
    };
    expect([1, 2, 3, 4, 5, 6].map((n) => queue.run(work(n)))).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
    expect(done).toEqual([1, 2]);
    while (done.length < 6) await turn();
    expect(done).toEqual([1, 2, 3, 4, 5, 6]);
    expect(queue.run(work(7))).toBe(true);
  });

  it("leaves the event loop after each budget's worth", async () => {
    const queue = new TurnQueue(5, now);
    let done = 0;
    for (let n = 0; n < 20; n++) {
      queue.run(() => {
        busy(2);
        done++;
      });
    }
    while (done < 20) {
      const before = done;
      await turn();
      expect(done - before).toBeLessThanOrEqual(3);
    }
  });

  it("keeps its order when work brings more work, and survives work that throws", async () => {
    const queue = new TurnQueue(1000, now);
    const done: string[] = [];
    queue.run(() => {
      queue.run(() => done.push("inner"));
      done.push("outer");
    });
    queue.run(() => done.push("next"));
    await turn();
    expect(done).toEqual(["outer", "inner", "next"]);
    expect(() =>
      queue.run(() => {
        throw new Error("fault");
      }),
    ).toThrow("fault");
    expect(queue.run(() => done.push("after"))).toBe(true);
  });
});
