/** A process by pid *and* start time, so that a recycled pid is never taken for ours and killed (proc(5)). */
import { readFileSync } from "node:fs";

export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since boot. */
  readonly startTime: string;
}

export function identify(pid: number): ProcessIdentity | undefined {
  const fields = statFields(pid);
  const startTime = fields?.[19];
  return startTime === undefined || fields?.[0] === "Z" ? undefined : { pid, startTime };
}

export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startTime === identity.startTime;
}

/** True while the process is stopped by SIGSTOP. */
export function isStopped(identity: ProcessIdentity): boolean {
  return isAlive(identity) && statFields(identity.pid)?.[0] === "T";
}

/** Signals the process if it is still the one we mean; false when it is gone. */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false;
  try {
    process.kill(identity.pid, name);
    return true;
  } catch {
    return false;
  }
}

/** Fields of /proc/PID/stat from field 3 (state) on; the command name before it may hold anything. */
function statFields(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}
