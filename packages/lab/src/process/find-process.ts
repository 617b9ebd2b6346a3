/** Finds the processes of a lab by what they carry, also those that the supervisor has started since the lab came up. */
import { readdirSync, readFileSync } from "node:fs";
import { identify, type ProcessIdentity } from "./process-identity.ts";

/** The processes started with `--config FILE` for each of the files; the newest where there are several. */
export function findProcessesByConfig(files: readonly string[]): Map<string, ProcessIdentity> {
  const found = new Map<string, ProcessIdentity>();
  for (const pid of allProcesses()) {
    const words = listAt(`/proc/${pid}/cmdline`);
    const file = words[words.indexOf("--config") + 1];
    if (file === undefined || !files.includes(file) || !words.includes("--config")) continue;
    const identity = identify(pid);
    if (identity === undefined) continue;
    const other = found.get(file);
    if (other === undefined || BigInt(identity.startTime) > BigInt(other.startTime))
      found.set(file, identity);
  }
  return found;
}

/** The variable that marks every process of a lab, whoever started it: its value is the lab's state folder. */
export const LAB_MARK = "TANDEM_LAB";

/** Every living process that carries the lab's mark, except this one and its ancestors. */
export function findProcessesOfLab(stateFolder: string): ProcessIdentity[] {
  const own = ancestry();
  const mark = `${LAB_MARK}=${stateFolder}`;
  return allProcesses()
    .filter((pid) => !own.has(pid) && listAt(`/proc/${pid}/environ`).includes(mark))
    .map(identify)
    .filter((identity) => identity !== undefined);
}

function allProcesses(): number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
}

/** `lab down` may be typed in a shell that `lab exec` opened. */
function ancestry(): Set<number> {
  const pids = new Set<number>();
  let pid = process.pid;
  while (pid > 1 && !pids.has(pid)) {
    pids.add(pid);
    pid = Number(/^PPid:\s*(\d+)/m.exec(textAt(`/proc/${pid}/status`))?.[1] ?? 0);
  }
  return pids;
}

/** Words that end in NUL; empty when the process is gone or not ours to look at. */
function listAt(path: string): string[] {
  return textAt(path).split("\0");
}

function textAt(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
