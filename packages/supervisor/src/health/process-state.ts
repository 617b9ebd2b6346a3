import { readFileSync } from "node:fs";

/** PF_EXITING of the kernel's sched.h: the process is on its way out, and will run none of its own code again. */
const EXITING = 0x4;
/** proc(5): "flags" is the 9th field, the 7th after the name. */
const FLAGS_AFTER_NAME = 6;

/**
 * What the kernel says of a process: running (or sleeping), stopped by a signal, or gone. A zombie is gone, and so is
 * one that is exiting: its sockets are closed in the order of their numbers, and closing a TUN device on the way takes
 * the kernel tens of milliseconds, so this sign is earlier than any closed socket.
 */
export function processState(pid: number): "running" | "stopped" | "gone" {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return "gone";
  }
  // The name in parentheses may itself hold parentheses and spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ", FLAGS_AFTER_NAME + 1);
  if ((Number(fields[FLAGS_AFTER_NAME]) & EXITING) !== 0) return "gone";
  switch (fields[0]) {
    case "Z":
    case "X":
      return "gone";
    case "T":
      return "stopped";
    default:
      return "running";
  }
}
