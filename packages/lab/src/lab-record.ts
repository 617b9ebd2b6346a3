/** lab.json: what a later command must know of a lab that an earlier one brought up. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { LabPlan } from "@tandem/contract";
import { LabError } from "./lab-error.ts";
import type { SourceOptions } from "./lab-source.ts";
import type { RealmRecord } from "./netns/realm.ts";
import type { ProcessIdentity } from "./process/process-identity.ts";
import { listStateFolders, readJson, type StateFolder, stateFolder, writeJson } from "./state-folder.ts";

export interface LabRecord {
  readonly format: 1;
  readonly lab: string;
  readonly topology: string;
  /** The file that it was made from. */
  readonly source: string;
  readonly createdAt: string;
  readonly realm: RealmRecord;
  /** Written before the first namespace is made, so that whatever comes next can be removed. */
  readonly namespaces: readonly string[];
}

/** A process that the lab started. The supervisor may have replaced it since; see find-process.ts. */
export interface ProcessRecord {
  readonly node: string;
  /** `main`, or the name of a helper of that node (`charon`, `bird`, `prober`). */
  readonly role: string;
  readonly identity: ProcessIdentity;
}

const recordPath = (folder: StateFolder): string => join(folder.root, "lab.json");
const planPath = (folder: StateFolder): string => join(folder.config, "plan.json");
const sourcePath = (folder: StateFolder): string => join(folder.config, "lab-file.json");
const PROCESS_FILE = /^process-.*\.json$/;

export function readLabRecord(folder: StateFolder): LabRecord | undefined {
  const value = readJson(recordPath(folder)) as LabRecord | undefined;
  return value?.format === 1 ? value : undefined;
}

export function writeLabRecord(folder: StateFolder, record: LabRecord): void {
  writeJson(recordPath(folder), record);
}

/** The plan holds keys: 0600 in a 0700 folder, like the configurations made from it. */
export function writePlan(folder: StateFolder, plan: LabPlan): void {
  writeJson(planPath(folder), plan);
}

export function readPlan(folder: StateFolder): LabPlan {
  const plan = readJson(planPath(folder));
  if (plan === undefined) {
    throw new LabError(
      `the plan of lab "${folder.name}" is missing or damaged`,
      `./tandem lab down --name ${folder.name}`,
    );
  }
  return plan as LabPlan;
}

/** The lab file as it is in force, with what else is needed to compile it again: a live change is a change to this. */
export interface StoredSource {
  readonly value: unknown;
  readonly seed: string;
  readonly options: SourceOptions;
}

export function writeSource(folder: StateFolder, { value, seed, options }: StoredSource): void {
  writeJson(sourcePath(folder), { value, seed, options });
}

export function readSource(folder: StateFolder): StoredSource {
  const stored = readJson(sourcePath(folder));
  if (stored === undefined) {
    throw new LabError(
      `the lab file of lab "${folder.name}" is missing or damaged`,
      `./tandem lab down --name ${folder.name}`,
    );
  }
  return stored as StoredSource;
}

/** One file per process, so that several writers never lose each other's entries. */
export function recordProcess(folder: StateFolder, record: ProcessRecord): void {
  writeJson(join(folder.root, `process-${record.identity.pid}.json`), record);
}

export function forgetProcess(folder: StateFolder, identity: ProcessIdentity): void {
  rmSync(join(folder.root, `process-${identity.pid}.json`), { force: true });
}

export function readProcesses(folder: StateFolder): ProcessRecord[] {
  let names: string[];
  try {
    names = readdirSync(folder.root);
  } catch {
    return [];
  }
  return names
    .filter((name) => PROCESS_FILE.test(name))
    .map((name) => readJson(join(folder.root, name)) as ProcessRecord | undefined)
    .filter((record) => record !== undefined);
}

export function listLabs(): { readonly folder: StateFolder; readonly record: LabRecord }[] {
  return listStateFolders().flatMap((folder) => {
    const record = readLabRecord(folder);
    return record === undefined ? [] : [{ folder, record }];
  });
}

/** The lab of that name, or, without a name, the only one there is. */
export function findLab(name: string | undefined): {
  readonly folder: StateFolder;
  readonly record: LabRecord;
} {
  const labs = listLabs();
  const names = labs.map(({ record }) => record.lab).join(", ");
  if (name !== undefined) {
    const folder = stateFolder(name);
    const record = readLabRecord(folder);
    if (record !== undefined) return { folder, record };
    throw new LabError(
      `there is no lab "${name}"`,
      labs.length === 0
        ? `./tandem lab up ${name}`
        : `labs that are up: ${names}; or ./tandem lab up ${name}`,
    );
  }
  const only = labs[0];
  if (only === undefined) throw new LabError("no lab is up", "./tandem lab up dual-redundancy");
  if (labs.length > 1) throw new LabError("several labs are up", `say which one with --name: ${names}`);
  return only;
}
