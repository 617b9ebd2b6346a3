/** Starts the processes of a plan in the order in which they need each other, each group at once. */

import { setTimeout as delay } from "node:timers/promises";
import type {
  DeviceNode,
  FabricNode,
  InstanceNode,
  LabPlan,
  RouterNode,
  SupervisorNode,
} from "@tandem/contract";
import { ControlClient } from "../control/control-client.ts";
import type { ProcessRecord } from "../lab-record.ts";
import type { Realm } from "../netns/realm.ts";
import { startStrongswanDevice } from "../peers/strongswan.ts";
import { launch } from "../process/launch.ts";
import { isAlive } from "../process/process-identity.ts";
import { GATEWAY_NODE_FLAGS, MAIN_OF } from "../repository.ts";
import { type StateFolder, writeJson } from "../state-folder.ts";
import { namespaceOf } from "./network-of-plan.ts";

type ProcessNode = InstanceNode | DeviceNode | FabricNode | RouterNode | SupervisorNode;

export async function startNodes(realm: Realm, folder: StateFolder, plan: LabPlan): Promise<ProcessRecord[]> {
  const start = (node: ProcessNode, role: string): Promise<ProcessRecord> =>
    launch(realm, folder, {
      node: node.name,
      role,
      netns: namespaceOf(plan.lab, node.name),
      argv: startCommand(node),
      logFile: node.logFile,
    });
  const of = <K extends ProcessNode["kind"]>(kind: K) =>
    plan.nodes.filter((node): node is Extract<ProcessNode, { kind: K }> => node.kind === kind);

  const network = await Promise.all([
    ...of("fabric").map((node) => start(node, "fabric-agent")),
    ...of("router").map((node) => start(node, "site-router")),
  ]);
  const devices = of("device");
  const ends = await Promise.all([
    ...of("instance").map((node) => start(node, "instance")),
    ...devices.filter(({ software }) => software === "tandem").map((node) => start(node, "device")),
  ]);
  const peers = await Promise.all(
    devices
      .filter(({ software }) => software === "strongswan")
      .map((node) => startStrongswanDevice(realm, folder, plan, node)),
  );
  // A supervisor that finds an instance still starting would take it for dead and move its seats; one that does not find the
  // fabric's agent could not place them, and whoever asks for status then would be told that seats are nowhere.
  await Promise.all([
    ...of("instance").map((node, index) => untilListening(node.config.controlSocket, ends[index])),
    ...of("fabric").map((node, index) => untilListening(node.config.controlSocket, network[index])),
  ]);
  const supervisors = await Promise.all(
    of("supervisor").map((node) => {
      writeJson(node.configFile, supervisorConfig(realm, plan, node));
      return start(node, "supervisor");
    }),
  );
  return [...network, ...ends, ...peers.flat(), ...supervisors];
}

export function startCommand(node: ProcessNode): string[] {
  const main = {
    instance: MAIN_OF.gateway,
    device: MAIN_OF.gateway,
    fabric: MAIN_OF.fabric,
    router: MAIN_OF.siteRouter,
    supervisor: MAIN_OF.supervisor,
  }[node.kind];
  // node:sqlite announces itself as experimental at every start.
  const quiet = "--disable-warning=ExperimentalWarning";
  const flags = main === MAIN_OF.gateway ? GATEWAY_NODE_FLAGS : [];
  return [process.execPath, quiet, ...flags, main, "--config", node.configFile];
}

/**
 * The supervisor runs inside the realm, in a namespace of its own: from there `ip netns exec` alone leads to an instance.
 */
export function supervisorConfig(
  realm: Realm,
  plan: LabPlan,
  node: SupervisorNode,
): SupervisorNode["config"] {
  const prefix = (name: string): string[] =>
    realm.enterNamespace(namespaceOf(plan.lab, name)).slice(realm.enter().length);
  return {
    ...node.config,
    instances: node.config.instances.map((instance) => {
      const target = plan.nodes.find(
        (one): one is InstanceNode => one.kind === "instance" && one.name === instance.name,
      );
      return target === undefined
        ? instance
        : { ...instance, startCommand: [...prefix(target.name), ...startCommand(target)] };
    }),
  };
}

const LISTENING_MILLISECONDS = 15_000;

/** Until the process answers on its control socket, has died, or has had its time; `lab up` reports the last two. */
async function untilListening(path: string, process_: ProcessRecord | undefined): Promise<void> {
  const deadline = performance.now() + LISTENING_MILLISECONDS;
  while (performance.now() < deadline && process_ !== undefined && isAlive(process_.identity)) {
    try {
      (await ControlClient.open(path)).close();
      return;
    } catch {
      await delay(20);
    }
  }
}
