/**
 * A live change: the changed lab file is compiled as a whole and, when nothing is wrong with it, every process whose
 * configuration is another one now gets it pushed; it applies the difference itself.
 *
 *      changed file ─▶ rules ─▶ plan ─▶ same nodes and links? ─▶ config files ─▶ `configure` to who differs ─▶ plan.json
 */
import { type InstanceConfigInput, type LabPlan, type PlanNode, ProcessStatus } from "@tandem/contract";
import { callControl } from "../control/control-client.ts";
import { LabError, reasonOf } from "../lab-error.ts";
import { readPlan, readSource, writePlan, writeSource } from "../lab-record.ts";
import { compileLabText } from "../lab-source.ts";
import { strongswanReload } from "../peers/strongswan.ts";
import { fillCertificates } from "../plan/certificates.ts";
import { processesOfNode } from "../process/process-control.ts";
import { restoreNode } from "../process/restore-node.ts";
import { terminate } from "../process/terminate.ts";
import { type StateFolder, writeJson } from "../state-folder.ts";

export interface AppliedChange {
  readonly node: string;
  /** In the process's own words; empty when it found nothing to change. */
  readonly changed: readonly string[];
}

type Configured = Extract<PlanNode, { kind: "instance" | "device" }>;

export async function applySource(
  folder: StateFolder,
  edit: (value: unknown) => unknown,
): Promise<AppliedChange[]> {
  const stored = readSource(folder);
  const before = readPlan(folder);
  const value = edit(stored.value);
  const text = JSON.stringify(value, null, 2);
  const compiled = compileLabText("the changed lab file", text, folder.root, {
    ...stored.options,
    seed: stored.seed,
  });
  const after = await fillCertificates(compiled.plan);
  refuseOtherShape(before, after);
  const changed = after.nodes.filter(
    (node): node is Configured =>
      (node.kind === "instance" || node.kind === "device") && !sameConfig(before, node),
  );
  // At once: an end that changes its key or proposals before the other meets refusals, and waits before it tries again.
  const applied = await Promise.all(changed.map((node) => push(folder, node)));
  writePlan(folder, after);
  writeSource(folder, { ...stored, value });
  if (changed.length > 0) await renewSupervisor(folder, after);
  return applied;
}

/** Processes come and go with the lab, not with a change: its links were laid when it came up. */
function refuseOtherShape(before: LabPlan, after: LabPlan): void {
  const names = (plan: LabPlan): string =>
    plan.nodes
      .map(({ name }) => name)
      .sort()
      .join(" ");
  if (names(before) === names(after) && JSON.stringify(before.links) === JSON.stringify(after.links)) return;
  throw new LabError(
    "the change would add or remove devices, hosts or links, which a running lab cannot do",
    "bring the lab down and up with the changed file",
  );
}

function sameConfig(before: LabPlan, node: Configured): boolean {
  const old = before.nodes.find(({ name }) => name === node.name);
  return old !== undefined && "config" in old && JSON.stringify(old.config) === JSON.stringify(node.config);
}

async function push(folder: StateFolder, node: Configured): Promise<AppliedChange> {
  if (node.kind === "device" && node.software === "strongswan") {
    return { node: node.name, changed: await strongswanReload(folder, node) };
  }
  const config = await withSeatsHeld(node.config);
  writeJson(node.configFile, node.config);
  try {
    const answer = (await callControl(node.config.controlSocket, "configure", config)) as {
      changed?: string[];
    };
    return { node: node.name, changed: answer.changed ?? [] };
  } catch (error) {
    throw new LabError(
      `${node.name} refused the change: ${reasonOf(error)}`,
      "nothing was changed there; see ./tandem status",
    );
  }
}

/** A seat may have moved since the lab came up: a change of configuration must not move it back. */
async function withSeatsHeld(config: InstanceConfigInput): Promise<InstanceConfigInput> {
  if (config.kind === "device") return config;
  const status = ProcessStatus.parse(await callControl(config.controlSocket, "status"));
  const held = status.seats.map(({ name, publicIp, bgpIp, epoch }) => ({
    name,
    publicIps: config.seats.find((seat) => seat.name === name)?.publicIps ?? [publicIp],
    bgpIp,
    epoch,
  }));
  return { ...config, seats: held };
}

/** It starts instances with the configuration that it was started with; it may end at any moment and picks up what it finds. */
async function renewSupervisor(folder: StateFolder, plan: LabPlan): Promise<void> {
  for (const node of plan.nodes) {
    if (node.kind !== "supervisor") continue;
    const running = processesOfNode(folder, node.name);
    if (running.length === 0) continue;
    await terminate(running, 2_000);
    await restoreNode(folder, node.name);
  }
}
