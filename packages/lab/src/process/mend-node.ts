/** Undoes what was done to a node, whatever it was: wakes it, ends its drain, or starts it again. */
import { refuseInContainers } from "../container/in-containers.ts";
import { supervisorOf } from "../control/supervisor.ts";
import { readPlan } from "../lab-record.ts";
import type { StateFolder } from "../state-folder.ts";
import { labStatus } from "../status/lab-status.ts";
import { processesOfNode } from "./process-control.ts";
import { isStopped } from "./process-identity.ts";
import { type Restored, restoreNode } from "./restore-node.ts";

export type Mended = Restored | "restored" | "takes traffic again";

export async function mendNode(folder: StateFolder, name: string): Promise<Mended> {
  refuseInContainers(
    folder,
    name,
    `restore ${name}`,
    (service, id) => `docker compose start ${service}, or docker unpause ${id}`,
  );
  const instance = readPlan(folder).nodes.some((node) => node.name === name && node.kind === "instance");
  if (!instance || processesOfNode(folder, name).some(isStopped)) return await restoreNode(folder, name);
  const { instances } = await labStatus(folder);
  const draining = instances.some((one) => one.name === name && one.state === "draining");
  try {
    const supervisor = supervisorOf(folder);
    if (draining) await supervisor.call("drain", { target: name, off: true });
    else await supervisor.call("restore", { instance: name });
    return draining ? "takes traffic again" : "restored";
  } catch {
    // An instance is the supervisor's to start; where it does not run, the lab does it.
    return await restoreNode(folder, name);
  }
}
