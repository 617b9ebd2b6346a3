/** Removes all that `lab up` made: processes, namespaces, state. Works on what any crash left behind. */
import { setTimeout as delay } from "node:timers/promises";
import { refuseInContainers } from "./container/in-containers.ts";
import { LabError } from "./lab-error.ts";
import { type LabRecord, readLabRecord, readProcesses } from "./lab-record.ts";
import { deleteNamespaces, Realm } from "./netns/realm.ts";
import { findProcessesOfLab } from "./process/find-process.ts";
import { isAlive, type ProcessIdentity } from "./process/process-identity.ts";
import { terminate } from "./process/terminate.ts";
import { removeStateFolder, type StateFolder } from "./state-folder.ts";

/** Instances say goodbye to their peers (DELETE, NOTIFICATION) when they are asked to end. */
const GRACE_MILLISECONDS = 1_500;

export interface TearDownResult {
  readonly processes: number;
  readonly namespaces: number;
}

export async function tearDown(folder: StateFolder): Promise<TearDownResult> {
  refuseInContainers(folder, "", "lab down", () => "docker compose down (with --volumes its state goes too)");
  const record = readLabRecord(folder);
  const processes = await endProcesses(folder, record);
  const namespaces = record === undefined ? 0 : await removeNamespaces(record);
  removeStateFolder(folder);
  return { processes, namespaces };
}

async function endProcesses(folder: StateFolder, record: LabRecord | undefined): Promise<number> {
  const holder = record?.realm.holder;
  const seen = new Set<number>();
  // The supervisor goes first: it would start again what is ended under its eyes.
  const supervisors = readProcesses(folder).filter(({ role }) => role === "supervisor");
  for (const one of supervisors) if (isAlive(one.identity)) seen.add(one.identity.pid);
  await terminate(
    supervisors.map(({ identity }) => identity),
    GRACE_MILLISECONDS,
  );
  let grace = GRACE_MILLISECONDS;
  for (let round = 0; round < 10; round++) {
    const left = livingProcesses(folder).filter(({ pid }) => pid !== holder?.pid);
    if (left.length === 0) break;
    for (const { pid } of left) seen.add(pid);
    const stubborn = await terminate(left, grace);
    if (stubborn.length > 0) {
      throw new LabError(
        `these processes of lab "${folder.name}" cannot be ended: ${stubborn.map(({ pid }) => pid).join(", ")}`,
        "run ./tandem lab down as the user who brought the lab up",
      );
    }
    grace = 0; // who appears now was started by one that has ended
    await delay(0);
  }
  return seen.size;
}

/** Recorded ones and those that carry the mark: a process may have been started by another process of the lab. */
export function livingProcesses(folder: StateFolder): ProcessIdentity[] {
  const byPid = new Map<number, ProcessIdentity>();
  for (const { identity } of readProcesses(folder)) if (isAlive(identity)) byPid.set(identity.pid, identity);
  for (const identity of findProcessesOfLab(folder.root)) byPid.set(identity.pid, identity);
  return [...byPid.values()];
}

async function removeNamespaces(record: LabRecord): Promise<number> {
  const realm = new Realm(record.realm);
  if (!realm.isAlive()) return 0; // the kernel has freed them with their holder
  const present = await realm.namespaces();
  const ours = record.namespaces.filter((name) => present.includes(name));
  await deleteNamespaces(realm, ours);
  if (realm.holder !== undefined) await terminate([realm.holder], 0);
  return ours.length;
}
