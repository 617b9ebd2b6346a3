/** Brings a node's process back: wakes it when it is paused, starts it again when it is gone. */
import { setTimeout as delay } from "node:timers/promises";
import { type LabPlan, ProcessStatus } from "@tandem/contract";
import { lastWords } from "../bring-up.ts";
import { callControl } from "../control/control-client.ts";
import { LabError, reasonOf } from "../lab-error.ts";
import { readLabRecord, readPlan } from "../lab-record.ts";
import { Realm } from "../netns/realm.ts";
import { startStrongswanDaemons } from "../peers/strongswan.ts";
import { namespaceOf } from "../plan/network-of-plan.ts";
import { startCommand, supervisorConfig } from "../plan/start-nodes.ts";
import { type StateFolder, writeJson } from "../state-folder.ts";
import { launch } from "./launch.ts";
import { processesOfNode } from "./process-control.ts";
import { isAlive, isStopped, type ProcessIdentity, signal } from "./process-identity.ts";

const ANSWER_MILLISECONDS = 10_000;

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
  const realm = new Realm(record.realm);
  if (node.kind === "device" && node.software !== "tandem") {
    await startStrongswanDaemons(realm, folder, plan, node, false);
    return "started";
  }
  const config = node.kind === "supervisor" ? supervisorConfig(realm, plan, node) : node.config;
  writeJson(node.configFile, config);
  const { identity } = await launch(realm, folder, {
    node: name,
    role: node.kind,
    netns: namespaceOf(plan.lab, name),
    argv: startCommand(node),
    logFile: node.logFile,
  });
  const seats = node.kind === "device" ? node.config.seats.length : 0;
  await untilItAnswers(plan, name, node.config.controlSocket, identity, seats);
  return "started";
}

/** "Started" is said of a process that has opened all it needs, not of one that is about to fail at it. */
async function untilItAnswers(
  plan: LabPlan,
  name: string,
  controlSocket: string,
  identity: ProcessIdentity,
  seats: number,
): Promise<void> {
  const deadline = performance.now() + ANSWER_MILLISECONDS;
  while (isAlive(identity)) {
    try {
      const status = await callControl(controlSocket, "status", undefined, ANSWER_MILLISECONDS);
      // The control socket opens before the seats do. Instances get theirs from the supervisor, in its time.
      if (seats === 0 || ProcessStatus.parse(status).seats.length >= seats) return;
    } catch (error) {
      if (performance.now() > deadline)
        throw new LabError(`${name} was started but does not answer: ${reasonOf(error)}`);
    }
    await delay(20);
  }
  throw new LabError(
    `${name} ended while starting:\n${lastWords(plan, name, 1)}`,
    `mend the cause, then ./tandem restore ${name}`,
  );
}
