/** Asks a host's agent (host-agent.ts) to measure. */
import { nodeFileName } from "@tandem/contract";
import { callControl } from "../control/control-client.ts";
import type { CommandResult } from "../process/run-command.ts";
import { controlSocketPath, type StateFolder } from "../state-folder.ts";

/** The agent answers so much later than the program must have ended. */
const GRACE_MILLISECONDS = 2_000;

export const hostSocket = (folder: StateFolder, host: string): string =>
  controlSocketPath(folder, `host-${nodeFileName(host)}`);

export async function runInHost(
  folder: StateFolder,
  host: string,
  argv: readonly string[],
  milliseconds: number,
): Promise<CommandResult> {
  return (await callControl(
    hostSocket(folder, host),
    "run",
    { argv, milliseconds },
    milliseconds + GRACE_MILLISECONDS,
  )) as CommandResult;
}

export async function startProberInHost(folder: StateFolder, host: string, config: string): Promise<void> {
  await callControl(hostSocket(folder, host), "prober", { config });
}
