/** What tells this process from every other, also from a predecessor in a container, where each of them is pid 1. */
import { readlinkSync } from "node:fs";

export const PROCESS_IDENTITY = {
  pid: process.pid,
  pidNamespace: readlinkSync("/proc/self/ns/pid"),
  startedAt: Math.round(performance.timeOrigin),
} as const;
