/** What the processes of this package share at their start and end. */
import { writeSync } from "node:fs";
import { setPriority } from "node:os";

export function configArgument(): string {
  const at = process.argv.indexOf("--config");
  const file = process.argv[at + 1];
  if (at < 0 || file === undefined) {
    process.stderr.write("usage: --config FILE\n");
    process.exit(2);
  }
  return file;
}

/**
 * Ahead of the processes that carry traffic: what is done here is short and rare, and others wait for it. Without the
 * right to do so nothing changes.
 */
export function raisePriority(): void {
  try {
    setPriority(-10);
  } catch {
    // not root: the lab works without
  }
}

/**
 * One JSON line on stderr, as an instance's (gateway/src/log.ts), which the lab keeps in the node's log file. A line that
 * does not fit on the disk is left out.
 */
export function log(name: string, text: string): void {
  try {
    writeSync(2, `${JSON.stringify({ at: Date.now(), level: "info", node: name, message: text })}\n`);
  } catch {
    // nobody to tell
  }
}

/** Runs `stop` once on SIGTERM or SIGINT and ends the process. */
export function onSignal(stop: () => Promise<void>): void {
  let stopping = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      void stop().finally(() => process.exit(0));
    });
  }
}
