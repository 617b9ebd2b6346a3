/** Third-party devices answer no control socket: of their programs the lab knows whether they run. */
import type { DeviceNode, LabPlan } from "@tandem/contract";
import { readProcesses } from "../lab-record.ts";
import { isAlive, isStopped } from "../process/process-identity.ts";
import type { StateFolder } from "../state-folder.ts";

const isThirdParty = (node: LabPlan["nodes"][number]): node is DeviceNode =>
  node.kind === "device" && node.software !== "tandem";

/** Why a device cannot serve. In containers nothing is known of another's processes, and nothing is said. */
export function missingPrograms(folder: StateFolder, plan: LabPlan): string[] {
  const devices = plan.nodes.filter(isThirdParty);
  if (devices.length === 0) return [];
  const records = readProcesses(folder);
  return devices.flatMap(({ name }) => {
    const own = records.filter(({ node }) => node === name);
    return [...new Set(own.map(({ role }) => role))].flatMap((role) => {
      const living = own.filter((one) => one.role === role && isAlive(one.identity));
      if (living.length === 0) return [`${name}: ${role} is not running`];
      return living.every(({ identity }) => isStopped(identity)) ? [`${name}: ${role} is stopped`] : [];
    });
  });
}
