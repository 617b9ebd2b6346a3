/** Waits for a lab to be ready: every planned tunnel with a Child SA, every BGP session established, and packets across. */
import { setTimeout as delay } from "node:timers/promises";
import type { LabStatus } from "@tandem/contract";
import type { StateFolder } from "../state-folder.ts";
import { labStatus } from "./lab-status.ts";
import { brokenPaths } from "./path-check.ts";

const POLL_MILLISECONDS = 50;

/** The last status seen; `ready` is false in it when the time ran out. `stop` ends the wait early (a process has died). */
export async function waitUntilReady(
  folder: StateFolder,
  timeoutMilliseconds: number,
  onProgress?: (status: LabStatus) => void,
  stop?: () => boolean,
): Promise<LabStatus> {
  const deadline = performance.now() + timeoutMilliseconds;
  for (;;) {
    const status = await withPaths(await labStatus(folder), folder);
    onProgress?.(status);
    if (status.ready || performance.now() >= deadline || stop?.() === true) return status;
    await delay(POLL_MILLISECONDS);
  }
}

/** The ping is sent only when nothing else is missing. */
async function withPaths(status: LabStatus, folder: StateFolder): Promise<LabStatus> {
  if (!status.ready) return status;
  const broken = await brokenPaths(folder);
  // Asked once more, so that the counters show what has just gone across.
  return broken.length === 0
    ? await labStatus(folder)
    : { ...status, ready: false, state: "degraded", reasons: broken };
}
