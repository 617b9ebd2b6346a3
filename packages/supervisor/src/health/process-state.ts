import { readFileSync } from "node:fs";

/** What the kernel says of a process: running (or sleeping), stopped by a signal, or gone (a zombie is gone). */
export function processState(pid: number): "running" | "stopped" | "gone" {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return "gone";
  }
  // proc(5): the name in parentheses may itself hold parentheses and spaces.
  switch (stat.charAt(stat.lastIndexOf(")") + 2)) {
    case "Z":
    case "X":
      return "gone";
    case "T":
    case "t":
      return "stopped";
    default:
      return "running";
  }
}
