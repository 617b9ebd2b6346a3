/** Brings a node's process back: wakes it when it is paused, starts it again when it is gone. */
import { LabError } from "../lab-error.ts";
import { readLabRecord, readPlan } from "../lab-record.ts";
import { Realm } from "../netns/realm.ts";
import { namespaceOf } from "../plan/network-of-plan.ts";
import { startCommand, supervisorConfig } from "../plan/start-nodes.ts";
import { type StateFolder, writeJson } from "../state-folder.ts";
import { launch } from "./launch.ts";
import { processesOfNode } from "./process-control.ts";
import { isStopped, signal } from "./process-identity.ts";

export type Restored = "resumed" | "started" | "was running";

export async function restoreNode(folder: StateFolder, name: string): Promise<Restored> {
  const running = processesOfNode(folder, name);
  const paused = running.filter(isStopped);
  for (const one of paused) signal(one, "SIGCONT");
  if (paused.length > 0) return "resumed";
  if (running.length > 0) return "was running";
  const plan = readPlan(folder);
  const record = readLabRecord(folder);
  const node = plan.nodes.find((one) => one.name === name);
  if (record === undefined || node === undefined || node.kind === "host")
    throw new LabError(`${name} cannot be started`);
  if (node.kind === "device" && node.software !== "tandem") {
    throw new LabError(
      `${name} is third-party software, which is started with the lab`,
      "bring the lab down and up again",
    );
  }
  const realm = new Realm(record.realm);
  const config = node.kind === "supervisor" ? supervisorConfig(realm, plan, node) : node.config;
  writeJson(node.configFile, config);
  await launch(realm, folder, {
    node: name,
    role: node.kind,
    netns: namespaceOf(plan.lab, name),
    argv: startCommand(node),
    logFile: node.logFile,
  });
  return "started";
}
