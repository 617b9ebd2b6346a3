/** What the supervisor adds to the processes' own words: reasons, draining instances, the profile in force. */
import { type LabPlan, LabStatus, type Profile } from "@tandem/contract";
import { callControl } from "../control/control-client.ts";
import { reasonOf } from "../lab-error.ts";
import { readProcesses } from "../lab-record.ts";
import type { StateFolder } from "../state-folder.ts";

export interface SupervisorView {
  readonly profile: Profile | undefined;
  /** What speaks against "ready", by instance, seat or other part. */
  readonly reasons: readonly { readonly subject: string; readonly reason: string }[];
  /** To whom the fabric sends the packets of each seat; empty when nobody can tell. */
  readonly owners: ReadonlyMap<string, string | null>;
  readonly draining: ReadonlySet<string>;
}

const SILENT: SupervisorView = {
  profile: undefined,
  reasons: [],
  owners: new Map(),
  draining: new Set(),
};
const SUPERVISOR_TIMEOUT_MILLISECONDS = 1_000;

/** A lab without a supervisor, or whose supervisor has died, is judged by its processes alone. */
export async function supervisorView(folder: StateFolder, plan: LabPlan): Promise<SupervisorView> {
  const node = plan.nodes.find((one) => one.kind === "supervisor");
  const started = readProcesses(folder).some((record) => record.node === node?.name);
  if (node === undefined || !started) return SILENT;
  try {
    const answer = await callControl(
      node.config.controlSocket,
      "status",
      undefined,
      SUPERVISOR_TIMEOUT_MILLISECONDS,
    );
    const parsed = LabStatus.safeParse(answer);
    if (!parsed.success) return SILENT;
    const draining = parsed.data.instances
      .filter(({ state }) => state === "draining")
      .map(({ name }) => name);
    return {
      profile: parsed.data.profile,
      reasons: parsed.data.supervision ?? [],
      owners: new Map(parsed.data.seats.map(({ name, owner }) => [name, owner])),
      draining: new Set(draining),
    };
  } catch (error) {
    const reason = reasonOf(error).replace(/^nothing answers.*: /, "");
    return { ...SILENT, reasons: [{ subject: "supervisor", reason }] };
  }
}
