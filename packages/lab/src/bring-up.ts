/**
 * `lab up`: everything is checked before anything is made, and a failure on the way removes what was made.
 *
 *      check ─▶ clean what a crash left ─▶ state folder ─▶ realm ─▶ namespaces, cables, routes ─▶ certificates, configs
 *            ─▶ fabric agent, site routers ─▶ instances, devices ─▶ supervisor ─▶ wait until ready
 */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { type LabPlan, type LabStatus, nodeFileName, type PlanNode } from "@tandem/contract";
import { isContainer } from "./container/in-containers.ts";
import { writeInspect } from "./inspect.ts";
import { LabError, reasonOf } from "./lab-error.ts";
import {
  type LabRecord,
  type ProcessRecord,
  readLabRecord,
  writeLabRecord,
  writePlan,
  writeSource,
} from "./lab-record.ts";
import type { LabSource } from "./lab-source.ts";
import { layOut } from "./netns/network-layout.ts";
import { checkTunDevice, realmKind } from "./netns/privileges.ts";
import { createRealm, type Realm } from "./netns/realm.ts";
import { checkPeerPrerequisites } from "./peers/prerequisites.ts";
import { strongswanNamespaces } from "./peers/strongswan.ts";
import { fillCertificates } from "./plan/certificates.ts";
import { namespaceOf, networkOfPlan } from "./plan/network-of-plan.ts";
import { startNodes } from "./plan/start-nodes.ts";
import { identify, isAlive, type ProcessIdentity } from "./process/process-identity.ts";
import { createStateFolder, readJson, type StateFolder, writeJson } from "./state-folder.ts";
import { waitUntilReady } from "./status/readiness.ts";
import { livingProcesses, tearDown } from "./tear-down.ts";

export interface BringUpOptions {
  /** Told each step, for a person. */
  readonly onStep?: (step: string) => void;
  /** How long to wait for ready; 0: do not wait. */
  readonly waitMilliseconds: number;
  /** Leave the lab up when it does not become ready in time. */
  readonly keepGoing?: boolean;
  /** Ends the work early; what was made is removed. */
  readonly signal?: AbortSignal;
  /** May install the Debian packages that peers need (`--yes`, CI). */
  readonly mayInstall: boolean;
}

export interface BringUpResult {
  readonly plan: LabPlan;
  readonly status: LabStatus | undefined;
  readonly milliseconds: number;
}

/** Whether a lab of that name runs: any process of it, or its holder, is alive. */
export function isLabRunning(folder: StateFolder): boolean {
  const record = readLabRecord(folder);
  return record !== undefined && livingProcesses(folder).some(({ pid }) => pid !== record.realm.holder?.pid);
}

export async function bringUp(
  folder: StateFolder,
  source: LabSource,
  options: BringUpOptions,
): Promise<BringUpResult> {
  const began = performance.now();
  const { plan } = source;
  const step = options.onStep ?? (() => {});
  if (isContainer()) {
    throw new LabError(
      "a lab inside a container of another lab cannot be made",
      "docker compose up, on the host; this lab is measured by `tandem bench throughput` and `tandem bench failover`",
    );
  }
  const kind = realmKind();
  checkTunDevice(kind);
  await checkPeerPrerequisites(plan, kind, options.mayInstall, step);
  const unlock = lock(folder);
  try {
    if (isLabRunning(folder)) {
      throw new LabError(
        `lab "${folder.name}" is up already`,
        `./tandem lab down --name ${folder.name}, or another --name`,
      );
    }
    if (existsSync(folder.root)) {
      step("removing what an earlier run left behind");
      await tearDown(folder);
    }
    try {
      const status = await build(folder, source, step, options);
      return { plan, status, milliseconds: performance.now() - began };
    } catch (error) {
      step("removing what was made");
      await tearDown(folder).catch(() => {});
      throw error;
    }
  } finally {
    unlock();
  }
}

async function build(
  folder: StateFolder,
  source: LabSource,
  step: (text: string) => void,
  options: BringUpOptions,
): Promise<LabStatus | undefined> {
  const { plan, path } = source;
  createStateFolder(folder, Math.max(...plan.nodes.map(({ name }) => nodeFileName(name).length)));
  const namespaces = [
    ...plan.nodes.map(({ name }) => namespaceOf(plan.lab, name)),
    ...strongswanNamespaces(plan),
  ];
  const kind = realmKind();
  const record: LabRecord = {
    format: 1,
    lab: plan.lab,
    topology: plan.topology,
    source: path,
    createdAt: new Date().toISOString(),
    realm: { kind },
    namespaces,
  };
  writeLabRecord(folder, record);
  step(`laying out ${plan.nodes.length} namespaces and ${plan.links.length} links (${kind})`);
  const realm = await createRealm(kind, folder);
  writeLabRecord(folder, { ...record, realm: realm.record });
  await refuseForeignNamespaces(realm, namespaces);
  await layOut(realm, networkOfPlan(plan));
  const filled = await fillCertificates(plan);
  writePlan(folder, filled);
  writeSource(folder, source);
  writeConfigs(filled);
  step(`starting ${filled.nodes.filter((node) => node.kind !== "host").length} processes`);
  const processes = await startNodes(realm, folder, filled);
  writeInspect(folder);
  if (options.signal?.aborted === true) throw new LabError("interrupted");
  if (options.waitMilliseconds === 0) return undefined;
  return await untilReady(folder, filled, processes, step, options);
}

/** A namespace of that name that is not in our state folder belongs to somebody else's lab (or to one whose state was deleted). */
async function refuseForeignNamespaces(realm: Realm, names: readonly string[]): Promise<void> {
  const taken = (await realm.namespaces()).filter((name) => names.includes(name));
  for (const name of taken) {
    const pids = (await realm.run(["ip", "netns", "pids", name])).trim();
    if (pids === "") {
      await realm.run(["ip", "netns", "delete", name]);
      continue;
    }
    throw new LabError(
      `network namespace ${name} exists and processes run in it (${pids.replaceAll("\n", ", ")}), but no lab here knows it`,
      "another user or TANDEM_STATE has a lab of that name: use another --name, or end those processes",
    );
  }
}

function writeConfigs(plan: LabPlan): void {
  for (const node of plan.nodes) {
    if (!("configFile" in node)) continue;
    for (const path of [node.configFile, node.logFile])
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeJson(node.configFile, node.config);
  }
}

async function untilReady(
  folder: StateFolder,
  plan: LabPlan,
  processes: readonly ProcessRecord[],
  step: (text: string) => void,
  { waitMilliseconds, keepGoing, signal }: BringUpOptions,
): Promise<LabStatus> {
  const { length } = plan.tunnels;
  step(`waiting for ${length} ${length === 1 ? "tunnel" : "tunnels"}`);
  const dead = (): ProcessRecord | undefined => processes.find(({ identity }) => !isAlive(identity));
  const status = await waitUntilReady(
    folder,
    waitMilliseconds,
    tellReasons(step),
    () => dead() !== undefined || signal?.aborted === true,
  );
  if (signal?.aborted === true) throw new LabError("interrupted");
  if (status.ready || keepGoing === true) return status;
  const corpse = dead();
  if (corpse !== undefined) {
    throw new LabError(
      `${corpse.role} of ${corpse.node} ended while starting:\n${lastWords(plan, corpse.node)}`,
    );
  }
  throw new LabError(
    `the lab is not ready after ${waitMilliseconds / 1000} s:\n  ${status.reasons.join("\n  ")}`,
    "look into it with --keep-going (leaves the lab up), then ./tandem lab logs NODE and ./tandem events",
  );
}

/** Tells why a tunnel is not up as soon as somebody knows: a wrong key is no reason to wait for a minute in silence. */
function tellReasons(step: (text: string) => void): (status: LabStatus) => void {
  const told = new Map<string, string>();
  return ({ tunnels }) => {
    for (const { tunnel, connection, seat, remote, reason } of tunnels) {
      const text = reason?.replace(/, \d+ tries.*$/, "");
      if (text === undefined || told.get(tunnel ?? connection) === text) continue;
      told.set(tunnel ?? connection, text);
      step(`tunnel ${connection} ${seat} to ${remote} is not up yet: ${text}`);
    }
  };
}

/** The end of a process's log, which is where it says why it ended. */
export function lastWords(plan: LabPlan, name: string, count = 12): string {
  const node: PlanNode | undefined = plan.nodes.find((one) => one.name === name);
  if (node === undefined || !("logFile" in node)) return "  (it has no log)";
  try {
    const lines = readFileSync(node.logFile, "utf8").trimEnd().split("\n").slice(-count);
    return lines.map((line) => `  ${line}`).join("\n");
  } catch (error) {
    return `  (its log cannot be read: ${reasonOf(error)})`;
  }
}

/** Two `lab up` of one name at once: the second is refused. A lock whose holder has died is taken over. */
function lock(folder: StateFolder): () => void {
  const path = `${folder.root}.lock`;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const holder = readJson(path) as ProcessIdentity | undefined;
  if (holder !== undefined && !isAlive(holder)) rmSync(path, { force: true });
  let file: number;
  try {
    file = openSync(path, "wx", 0o600);
  } catch {
    throw new LabError(
      `another command is bringing lab "${folder.name}" up`,
      "wait for it to end, or use another --name",
    );
  }
  writeSync(file, JSON.stringify(identify(process.pid)));
  closeSync(file);
  return () => rmSync(path, { force: true });
}
