/** Kill, pause and resume by signal: what no process can prepare for. */
import type { LabPlan } from "@tandem/contract";
import { refuseInContainers } from "../container/in-containers.ts";
import { unknownNode } from "../control/lab-processes.ts";
import { LabError } from "../lab-error.ts";
import { readPlan, readProcesses } from "../lab-record.ts";
import type { StateFolder } from "../state-folder.ts";
import { findProcessesByConfig } from "./find-process.ts";
import { isAlive, isStopped, type ProcessIdentity, signal } from "./process-identity.ts";

export interface Signalled {
  readonly node: string;
  readonly pid: number;
  readonly signal: NodeJS.Signals;
  /** Wall clock, ms since the Unix epoch, taken just before the signal. */
  readonly at: number;
}

/** The processes that run the node now: one for a Tandem node, several for a third-party device. */
export function processesOfNode(folder: StateFolder, name: string): ProcessIdentity[] {
  const plan: LabPlan = readPlan(folder);
  const node = plan.nodes.find((one) => one.name === name);
  if (node === undefined || node.kind === "host") throw unknownNode(plan, name);
  const running = findProcessesByConfig([node.configFile]).get(node.configFile);
  if (running !== undefined) return [running];
  return readProcesses(folder)
    .filter((record) => record.node === name && isAlive(record.identity))
    .map(({ identity }) => identity);
}

export function signalNode(folder: StateFolder, name: string, what: NodeJS.Signals): Signalled[] {
  const verb = { SIGSTOP: "pause", SIGCONT: "unpause" }[what as string] ?? "kill";
  refuseInContainers(folder, name, `${what} ${name}`, (_service, id) => `docker ${verb} ${id}`);
  const processes = processesOfNode(folder, name);
  if (processes.length === 0) throw new LabError(`${name} is not running`, `./tandem restore ${name}`);
  if (what === "SIGCONT" && processes.every((one) => !isStopped(one))) {
    throw new LabError(`${name} is not paused`);
  }
  return processes.flatMap((identity) => {
    const at = performance.timeOrigin + performance.now();
    return signal(identity, what) ? [{ node: name, pid: identity.pid, signal: what, at }] : [];
  });
}
