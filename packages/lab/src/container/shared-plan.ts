/**
 * One lab, many containers: the supervisor's container compiles the plan (with its fresh secrets) into the shared volume,
 * and every other one waits for it. The plan stays as long as the lab file, the profile and the image's version of it stay the
 * same: `down && up` comes back as it was.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { LabPlan, PlanNode } from "@tandem/contract";
import { LabError } from "../lab-error.ts";
import { readLabRecord, readPlan, writeLabRecord, writePlan } from "../lab-record.ts";
import { locateLabFile, readLabSource, type SourceOptions } from "../lab-source.ts";
import { fillCertificates } from "../plan/certificates.ts";
import { createStateFolder, readJson, type StateFolder, stateFolder, writeJson } from "../state-folder.ts";
import type { ContainerEnvironment } from "./preflight.ts";

const STAMP = "plan-stamp.json";
const WAIT_MILLISECONDS = 60_000;
const POLL_MILLISECONDS = 50;
/** The local API must be reachable from outside its container; Compose publishes it on the host's loopback only. */
const API_PORT = 4650;

export function labFolder(environment: ContainerEnvironment): StateFolder {
  process.env.TANDEM_STATE = environment.stateRoot;
  return stateFolder(environment.topology);
}

const sourceOptions = ({ profile, deviceKind, encapsulation }: ContainerEnvironment): SourceOptions => ({
  profile,
  ...(encapsulation === undefined ? {} : { encapsulation }),
  ...(deviceKind === undefined ? {} : { deviceKind }),
});

/** Of what the plan is made from: the same stamp, the same plan. */
function stampOf({ topology, profile, deviceKind, encapsulation }: ContainerEnvironment): string {
  return createHash("sha256")
    .update(readFileSync(locateLabFile(topology)))
    .update(`\n${profile}\n${deviceKind ?? ""}\n${encapsulation ?? ""}`)
    .digest("hex");
}

const isCurrent = (folder: StateFolder, stamp: string): boolean =>
  (readJson(join(folder.config, STAMP)) as { stamp?: string } | undefined)?.stamp === stamp;

/** The plan as this container knows it before any waiting: what is shared already, or else compiled here, with other secrets. */
export function draftPlan(environment: ContainerEnvironment, folder: StateFolder): LabPlan {
  if (isCurrent(folder, stampOf(environment))) return readPlan(folder);
  return readLabSource(locateLabFile(environment.topology), folder.root, sourceOptions(environment)).plan;
}

/** Reads the plan, making it first when `author` (the supervisor) finds none or an outdated one. */
export async function sharedPlan(
  environment: ContainerEnvironment,
  folder: StateFolder,
  author: boolean,
): Promise<LabPlan> {
  const stamp = stampOf(environment);
  if (author && !isCurrent(folder, stamp)) await writeSharedPlan(environment, folder, stamp);
  const deadline = performance.now() + WAIT_MILLISECONDS;
  while (!isCurrent(folder, stamp)) {
    if (performance.now() > deadline) {
      throw new LabError(
        `no plan appeared in ${folder.config} within ${WAIT_MILLISECONDS / 1000} s`,
        "the supervisor's container writes it: docker compose logs supervisor; all services must share the state volume",
      );
    }
    await delay(POLL_MILLISECONDS);
  }
  return readPlan(folder);
}

async function writeSharedPlan(
  environment: ContainerEnvironment,
  folder: StateFolder,
  stamp: string,
): Promise<void> {
  const path = locateLabFile(environment.topology);
  const { plan } = readLabSource(path, folder.root, sourceOptions(environment));
  createStateFolder(folder, Math.max(...plan.nodes.map(({ name }) => name.length)));
  const filled = await fillCertificates(openApi(plan));
  for (const node of filled.nodes) {
    if (!("configFile" in node)) continue;
    mkdirSync(dirname(node.configFile), { recursive: true, mode: 0o700 });
    writeJson(node.configFile, node.config);
  }
  writePlan(folder, filled);
  if (readLabRecord(folder) === undefined) {
    writeLabRecord(folder, {
      format: 1,
      lab: filled.lab,
      topology: filled.topology,
      source: path,
      createdAt: new Date().toISOString(),
      realm: { kind: "containers" },
      namespaces: [],
    });
  }
  writeJson(join(folder.config, STAMP), { stamp });
}

function openApi(plan: LabPlan): LabPlan {
  const nodes = plan.nodes.map(
    (node): PlanNode =>
      node.kind === "supervisor"
        ? {
            ...node,
            config: { ...node.config, api: { ...node.config.api, host: "0.0.0.0", port: API_PORT } },
          }
        : node,
  );
  return { ...plan, nodes };
}
