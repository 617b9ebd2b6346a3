/**
 * Health by role, so that `docker compose up --wait` ends when traffic flows and no role waits in a circle:
 * fabric, router, instance and device are healthy when they answer (a standby holds no seat and is ready to take one);
 * the supervisor when every tunnel and session is up; a host when the other side answers its ping.
 */
import { callControl } from "../control/control-client.ts";
import { LabError, reasonOf } from "../lab-error.ts";
import { readPlan } from "../lab-record.ts";
import { tryCommand } from "../process/run-command.ts";
import { labStatus } from "../status/lab-status.ts";
import { readEnvironment } from "./preflight.ts";
import { labFolder } from "./shared-plan.ts";
import { controlSocketOf, nodeOf } from "./start-role.ts";

/** Undefined when healthy, else why not. */
export async function roleHealth(name: string): Promise<string | undefined> {
  try {
    const folder = labFolder(readEnvironment(process.env));
    const plan = readPlan(folder);
    const node = nodeOf(plan, name);
    if (node.kind === "host") return await hostHealth(plan, name);
    if (node.kind === "supervisor") {
      const status = await labStatus(folder);
      return status.ready ? undefined : status.reasons.join("; ");
    }
    await callControl(controlSocketOf(folder.control, name), "status", undefined, 2_000);
    return undefined;
  } catch (error) {
    return error instanceof LabError ? error.message : reasonOf(error);
  }
}

async function hostHealth(plan: ReturnType<typeof readPlan>, name: string): Promise<string | undefined> {
  const targets = plan.probes.flatMap((probe) => {
    if (probe.from === name) return probe.destination === undefined ? [] : [probe.destination];
    const from = plan.nodes.find((node) => node.name === probe.from);
    return probe.to === name && from?.kind === "host" && from.addresses[0] !== undefined
      ? [from.addresses[0]]
      : [];
  });
  for (const target of targets) {
    const ping = await tryCommand(["ping", "-c", "1", "-W", "1", target]);
    if (ping.status !== 0) return `${target} does not answer`;
  }
  return undefined;
}
