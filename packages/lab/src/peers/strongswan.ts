import type { DeviceNode, LabPlan } from "@tandem/contract";
import { LabError } from "../lab-error.ts";
import type { ProcessRecord } from "../lab-record.ts";
import type { Realm } from "../netns/realm.ts";
import type { StateFolder } from "../state-folder.ts";

export async function startStrongswanDevice(
  _realm: Realm,
  _folder: StateFolder,
  _plan: LabPlan,
  node: DeviceNode,
  _step: (text: string) => void,
): Promise<ProcessRecord[]> {
  throw new LabError(`${node.name}: not written yet`);
}
