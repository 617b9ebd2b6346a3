import type { LabFile } from "../lab-file.ts";
import type { LabPlan } from "../plan.ts";

export interface CompileOptions {
  /** The lab's name; by default the topology's. */
  readonly name?: string;
  /** The topology's name when the file does not say it. */
  readonly topology: string;
  /** Absolute; sockets, configs and logs go below it. Keep it short: socket paths end at 107 bytes. */
  readonly runDirectory: string;
  /** Fresh secrets: `bytes` random bytes as lower-case hex. */
  readonly randomHex: (bytes: number) => string;
  /** Overrides of the command line. */
  readonly profile?: LabPlan["profile"];
  readonly deviceKind?: "tandem" | "strongswan";
}

export function compileLab(_file: LabFile, _options: CompileOptions): LabPlan {
  throw new Error("under construction");
}
