/** Runs a command of the user's in a node, with the user's terminal. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import type { PlanNode } from "@tandem/contract";
import { runInHost } from "./container/host-client.ts";
import { inContainers, refuseInContainers } from "./container/in-containers.ts";
import { LabError } from "./lab-error.ts";
import { findLab, readPlan } from "./lab-record.ts";
import { Realm } from "./netns/realm.ts";
import { strongswanEnvironment } from "./peers/strongswan.ts";
import { namespaceOf } from "./plan/network-of-plan.ts";
import { LAB_MARK } from "./process/find-process.ts";
import { withSystemPath } from "./process/run-command.ts";
import type { StateFolder } from "./state-folder.ts";

/** nsenter leaves the working directory in the old mount namespace; this goes back to it by name. */
const RETURN_TO_FOLDER = 'cd -- "$1" 2>/dev/null || cd /; shift; exec "$@"';

/** The command's exit status; 128 + the signal's number when a signal ended it, as in a shell. */
export async function execInNode(
  folder: StateFolder,
  node: string,
  command: readonly string[],
): Promise<number> {
  const { record } = findLab(folder.name);
  const plan = readPlan(folder);
  const found = plan.nodes.find(({ name }) => name === node);
  if (found === undefined) {
    throw new LabError(
      `lab "${record.lab}" has no node "${node}"`,
      `nodes: ${plan.nodes.map(({ name }) => name).join(", ")}`,
    );
  }
  if (inContainers(folder)) return await execInContainer(folder, found, command);
  const realm = new Realm(record.realm);
  if (!realm.isAlive()) {
    throw new LabError(`lab "${record.lab}" is no longer running`, `./tandem lab down --name ${record.lab}`);
  }
  const words = [
    ...realm.enter(),
    "sh",
    "-c",
    RETURN_TO_FOLDER,
    "sh",
    process.cwd(),
    ...realm.enterNamespace(namespaceOf(plan.lab, node)).slice(realm.enter().length),
    ...command,
  ];
  const [program = "", ...args] = words;
  const peer =
    found.kind === "device" && found.software === "strongswan" ? strongswanEnvironment(folder, found) : {};
  const env = withSystemPath({ ...process.env, ...peer, [LAB_MARK]: folder.root });
  return await new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "inherit", env });
    // The terminal's Ctrl-C goes to the child as well; it decides, and we report how it ended.
    const ignore = (): void => {};
    process.on("SIGINT", ignore);
    child.on("error", (error) => reject(new LabError(`cannot run ${program}: ${error.message}`)));
    child.on("close", (code, signal) => {
      process.off("SIGINT", ignore);
      resolve(signal === null ? (code ?? 1) : 128 + (constants.signals[signal] ?? 0));
    });
  });
}

const CONTAINER_EXEC_MILLISECONDS = 600_000;

/** A host's agent runs what measures; into everything else `docker compose exec` leads. */
async function execInContainer(
  folder: StateFolder,
  node: PlanNode,
  command: readonly string[],
): Promise<number> {
  if (node.kind !== "host") {
    refuseInContainers(
      folder,
      node.name,
      `lab exec ${node.name}`,
      (service) => `docker compose exec ${service} ${command.join(" ")}`,
    );
  }
  const { status, stdout, stderr } = await runInHost(folder, node.name, command, CONTAINER_EXEC_MILLISECONDS);
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  return status;
}
