/** Ends processes: asked first, then made to. */
import { setTimeout as delay } from "node:timers/promises";
import { isAlive, type ProcessIdentity, signal } from "./process-identity.ts";

/**
 * SIGTERM (after SIGCONT, so that a paused process can take it), then SIGKILL when `graceMilliseconds` have passed.
 * Resolves when none of them is alive; the answer lists those that could not be ended.
 */
export async function terminate(
  processes: readonly ProcessIdentity[],
  graceMilliseconds: number,
): Promise<ProcessIdentity[]> {
  let left = processes.filter(isAlive);
  if (graceMilliseconds > 0) {
    for (const one of left) {
      signal(one, "SIGTERM");
      signal(one, "SIGCONT");
    }
    left = await waitForExit(left, graceMilliseconds);
  }
  for (const one of left) signal(one, "SIGKILL");
  return waitForExit(left, 5_000);
}

async function waitForExit(
  processes: readonly ProcessIdentity[],
  milliseconds: number,
): Promise<ProcessIdentity[]> {
  const deadline = performance.now() + milliseconds;
  let left = processes.filter(isAlive);
  while (left.length > 0 && performance.now() < deadline) {
    await delay(10);
    left = left.filter(isAlive);
  }
  return left;
}
