/** RFC 4303 §3.4.3 and appendix A; the cases as a table. */
import { describe, expect, it } from "vitest";
import { DropReason } from "../src/drop-reason.ts";
import { ReplayWindow } from "../src/replay-window.ts";

const SEEN = DropReason["replay-seen"];
const OLD = DropReason["replay-too-old"];
const TWO_32 = 2 ** 32;

function after(size: number, esn: boolean, ...sequences: number[]): ReplayWindow {
  const window = new ReplayWindow(size, esn);
  for (const sequence of sequences) {
    expect(window.check(sequence)).toBe(0);
    window.commit(sequence);
  }
  return window;
}

describe("replay window", () => {
  it.each([
    ["zero is never used", [], 0, SEEN],
    ["the first", [], 1, 0],
    ["a repeated one", [1], 1, SEEN],
    ["one ahead", [1], 2, 0],
    ["a far jump", [1], 1_000_000, 0],
    ["the oldest in the window", [64], 1, 0],
    ["just past the oldest", [65], 1, OLD],
    ["a hole left behind by a jump", [1, 40], 20, 0],
    ["seen before a jump inside the window", [10, 60], 10, SEEN],
    ["cleared by a jump over the whole ring, then the same slot", [10, 10 + 128], 10 + 128 - 63, 0],
    ["cleared words between", [32, 95], 64, 0],
  ] as const)("size 64: %s", (_name, committed, sequence, verdict) => {
    expect(after(64, false, ...committed).check(sequence)).toBe(verdict);
  });

  it("check changes nothing: only commit does", () => {
    const window = new ReplayWindow(64, false);
    expect(window.check(500)).toBe(0);
    expect(window.top).toBe(0);
    expect(window.check(1)).toBe(0);
  });

  it.each([64, 96, 1024, 4096])("agrees with a set of numbers, size %i", (size) => {
    const window = new ReplayWindow(size, false);
    const seen = new Set<number>();
    let top = 0;
    let state = 12345;
    for (let i = 0; i < 20_000; i++) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      const jump = state % 97 === 0 ? size * 3 : (state >>> 8) % 40;
      const sequence = Math.max(1, top + jump - ((state >>> 16) % (size + 20)));
      const expected = sequence <= top - size ? OLD : seen.has(sequence) ? SEEN : 0;
      expect(window.check(sequence)).toBe(expected);
      if (expected !== 0) continue;
      window.commit(sequence);
      seen.add(sequence);
      top = Math.max(top, sequence);
    }
  });

  it("size 0 turns the check off", () => {
    const window = new ReplayWindow(0, false);
    window.commit(5);
    expect(window.check(5)).toBe(0);
  });

  it.each([
    ["inside the first subspace", [100], 101, 101],
    ["over the edge of the first subspace", [TWO_32 - 10], 5, TWO_32 + 5],
    ["back over the edge", [TWO_32 - 10, TWO_32 + 5], TWO_32 - 20, TWO_32 - 20],
    ["in the middle of a later subspace, ahead", [3 * TWO_32 + 1000], 2000, 3 * TWO_32 + 2000],
    ["in the middle, just behind", [3 * TWO_32 + 1000], 990, 3 * TWO_32 + 990],
    ["far behind means the next subspace", [3 * TWO_32 + 1000], 10, 4 * TWO_32 + 10],
  ] as const)("extended numbers: %s (RFC 4303 A2.2)", (_name, committed, low, full) => {
    const window = after(64, true, ...committed);
    expect(window.infer(low % TWO_32)).toBe(full);
  });

  it("knows what another holder of the SA has seen, whichever of the two is ahead", () => {
    for (const [here, there] of [
      [
        [1, 5, 100],
        [2, 60, 300],
      ],
      [
        [2, 60, 300],
        [1, 5, 100],
      ],
      [[], [7]],
      [[7], []],
      [[TWO_32 + 9], [TWO_32 - 3]],
    ] as const) {
      const window = after(512, true, ...here);
      window.merge(after(512, true, ...there).export());
      for (const sequence of [...here, ...there]) expect(window.check(sequence)).toBe(SEEN);
      expect(window.top).toBe(Math.max(0, ...here, ...there));
      expect(window.check(8)).toBe(window.top > TWO_32 ? DropReason["replay-too-old"] : 0);
    }
  });

  it("moves to another window, of another size too", () => {
    const window = after(128, true, 1, 5, TWO_32 + 100, TWO_32 + 7, TWO_32 + 60);
    const state = window.export();
    expect(state.top).toBe(TWO_32 + 100);
    for (const size of [128, 64, 1024]) {
      const adopted = new ReplayWindow(size, true);
      adopted.adopt(state);
      expect(adopted.check(TWO_32 + 60)).toBe(SEEN);
      expect(adopted.check(TWO_32 + 61)).toBe(0);
      expect(adopted.check(TWO_32 + 100)).toBe(SEEN);
      expect(adopted.infer(101)).toBe(TWO_32 + 101);
    }
  });
});
