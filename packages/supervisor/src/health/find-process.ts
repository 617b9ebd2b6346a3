import { readdirSync, readFileSync } from "node:fs";

/**
 * Processes that were started with this argument, also by a supervisor that has died since. Reads all of /proc: for
 * the moment before a start, not for the path of a failover.
 */
export function processesWithArgument(argument: string): number[] {
  return readdirSync("/proc").flatMap((entry) => {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) return [];
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(argument) ? [pid] : [];
    } catch {
      return []; // it has ended meanwhile
    }
  });
}
