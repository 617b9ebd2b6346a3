/** What the supervisor adds to the processes' own words: reasons, draining instances, the profile in force. */
import { type LabPlan, LabStatus, type Profile } from "@tandem/contract";
import { callControl } from "../control/control-client.ts";
import { reasonOf } from "../lab-error.ts";
import { readProcesses } from "../lab-record.ts";
import type { StateFolder } from "../state-folder.ts";

export interface SupervisorView {
  readonly profile: Profile | undefined;
  readonly reasons: readonly string[];
  readonly draining: ReadonlySet<string>;
}

const SUPERVISOR_TIMEOUT_MILLISECONDS = 1_000;

/** A lab without a supervisor, or whose supervisor has died, is judged by its processes alone. */
export async function supervisorView(folder: StateFolder, plan: LabPlan): Promise<SupervisorView> {
  const node = plan.nodes.find((one) => one.kind === "supervisor");
  const started = readProcesses(folder).some((record) => record.node === node?.name);
  if (node === undefined || !started) return { profile: undefined, reasons: [], draining: new Set() };
  try {
    const answer = await callControl(
      node.config.controlSocket,
      "status",
      undefined,
      SUPERVISOR_TIMEOUT_MILLISECONDS,
    );
    const parsed = LabStatus.safeParse(answer);
    if (!parsed.success) return { profile: undefined, reasons: [], draining: new Set() };
    const draining = parsed.data.instances
      .filter(({ state }) => state === "draining")
      .map(({ name }) => name);
    return { profile: parsed.data.profile, reasons: [], draining: new Set(draining) };
  } catch (error) {
    return {
      profile: undefined,
      reasons: [`supervisor: ${reasonOf(error).replace(/^nothing answers.*: /, "")}`],
      draining: new Set(),
    };
  }
}
