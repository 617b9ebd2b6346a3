import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { identify, isAlive, isStopped, signal } from "../../src/process/process-identity.ts";
import { terminate } from "../../src/process/terminate.ts";

it("knows its own process and no recycled one", () => {
  const own = identify(process.pid);
  expect(own).toBeDefined();
  if (own === undefined) return;
  expect(isAlive(own)).toBe(true);
  expect(isAlive({ ...own, startTime: "1" })).toBe(false);
  expect(signal({ ...own, startTime: "1" }, "SIGKILL")).toBe(false);
});

it("sees a paused process and ends it all the same", async () => {
  const child = spawn("sleep", ["60"], { stdio: "ignore" });
  await once(child, "spawn");
  const identity = identify(child.pid ?? 0);
  expect(identity).toBeDefined();
  if (identity === undefined) return;
  signal(identity, "SIGSTOP");
  await expect.poll(() => isStopped(identity)).toBe(true);
  expect(await terminate([identity], 1_000)).toEqual([]);
  expect(isAlive(identity)).toBe(false);
});
