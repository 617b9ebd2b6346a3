/** The order of a hand-over's steps, and that none but the fabric's change is needed. */
import { expect, test } from "vitest";
import { handOver } from "../src/hand-over.ts";

const CHANGE = { seat: "gw/0", owner: "gw/IN_1", epoch: 7, drained: false };

async function play(failing: readonly string[]) {
  const steps: string[] = [];
  const warnings: string[] = [];
  const call =
    (who: string) =>
    (method: string, params: unknown): Promise<unknown> => {
      const { final, off } = params as { final?: boolean; off?: boolean };
      const step = `${who} ${method}${final === true ? " final" : ""}${off === true ? " off" : ""}`;
      steps.push(step);
      return failing.includes(step) ? Promise.reject(new Error("no answer")) : Promise.resolve({ epoch: 7 });
    };
  const result = await handOver(CHANGE, {
    fabric: call("fabric"),
    from: call("old"),
    to: call("new"),
    warn: (step) => warnings.push(step),
  }).then(
    () => "changed",
    () => "not changed",
  );
  return { steps, warnings, result };
}

const ALL = [
  "fabric prepare-owner",
  "old seat-quiesce",
  "fabric set-owner",
  "old seat-quiesce final",
  "new seat-release",
];

test("VNet flows first, then what the old owner has, then the public IP, then what it has seen", async () => {
  expect(await play([])).toEqual({ steps: ALL, warnings: [], result: "changed" });
});

test("a step that fails is said, and the rest is done", async () => {
  const failing = ALL.filter((step) => step !== "fabric set-owner");
  const { steps, warnings, result } = await play(failing);
  expect({ steps, result }).toEqual({ steps: ALL, result: "changed" });
  expect(warnings).toHaveLength(failing.length);
});

test("without the fabric's change the old owner stays, and the new one is not left waiting", async () => {
  const { steps, result } = await play(["fabric set-owner"]);
  expect(result).toBe("not changed");
  expect(steps.slice(3)).toEqual(["old seat-quiesce off", "new seat-release"]);
});
