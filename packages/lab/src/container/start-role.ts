/**
 * What a container runs: checks, the plan, its node's addresses and routes, then the role's own process in place of this one.
 *
 *      preflight ─▶ shared plan ─▶ interfaces renamed, addresses, guards, rules, routes ─▶ execve
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LabPlan, PlanNode } from "@tandem/contract";
import { LabError } from "../lab-error.ts";
import { locateLabFile, readLabSource } from "../lab-source.ts";
import { namespaceOf, networkOfPlan } from "../plan/network-of-plan.ts";
import { startCommand } from "../plan/start-nodes.ts";
import { runCommand } from "../process/run-command.ts";
import { type ContainerEnd, endsOf } from "./container-network.ts";
import { HEALTH_NOTE, type HealthNote } from "./health-main.ts";
import { hostSocket } from "./host-client.ts";
import { preflight, readEnvironment } from "./preflight.ts";
import { labFolder, sharedPlan, sourceOptions } from "./shared-plan.ts";
import { STRONGSWAN_ENVIRONMENT, startStrongswan } from "./start-strongswan.ts";

const HOST_AGENT = join(import.meta.dirname, "host-agent.ts");
const QUIET = ["--disable-warning=ExperimentalWarning"];

export async function startRole(name: string): Promise<never> {
  const environment = readEnvironment(process.env);
  const folder = labFolder(environment);
  // Before any waiting: what is wrong with this container is said by this container, at once.
  const draft = readLabSource(
    locateLabFile(environment.topology),
    folder.root,
    sourceOptions(environment),
  ).plan;
  const interfaces = preflight(nodeOf(draft, name), endsOf(draft, name, environment.subnet));
  const plan = await sharedPlan(environment, folder, nodeOf(draft, name).kind === "supervisor");
  const node = nodeOf(plan, name);
  await layNode(plan, node, interfaces);
  mkdirSync(folder.control, { recursive: true, mode: 0o700 });
  writeFileSync(HEALTH_NOTE, JSON.stringify(healthNote(plan, node)));
  if (node.kind === "device" && node.software === "strongswan") return await startStrongswan(node);
  const argv =
    node.kind === "host"
      ? [process.execPath, ...QUIET, HOST_AGENT, hostSocket(folder, name)]
      : startCommand(node);
  const env = { PATH: process.env.PATH ?? "", TANDEM_STATE: environment.stateRoot, HOME: "/tmp" };
  process.execve?.(argv[0] ?? "", argv, env);
  throw new LabError(`cannot start ${argv.join(" ")}`);
}

export function nodeOf(plan: LabPlan, name: string): PlanNode {
  const node = plan.nodes.find((one) => one.name === name);
  if (node !== undefined) return node;
  throw new LabError(
    `the topology ${plan.topology} has no node "${name}"`,
    `its nodes are: ${plan.nodes.map((one) => one.name).join(", ")}`,
  );
}

/** The same work that `lab up` does for a namespace; Docker made the interfaces, and names and addresses are ours. */
async function layNode(
  plan: LabPlan,
  node: PlanNode,
  interfaces: ReadonlyMap<ContainerEnd, string>,
): Promise<void> {
  const layout = networkOfPlan(plan).namespaces.find(
    ({ netns }) => netns === namespaceOf(plan.lab, node.name),
  );
  if (layout === undefined) throw new LabError(`no layout for ${node.name}`);
  // Docker's own default route would send in clear what no tunnel takes.
  await runCommand(["ip", "-force", "-batch", "-"], {
    input: "route flush default\n-6 route flush default\n",
  }).catch(() => {});
  const links: string[] = [];
  for (const [end, kernelName] of interfaces) {
    if (kernelName !== end.interface) {
      links.push(`link set ${kernelName} down`, `link set ${kernelName} name ${end.interface}`);
    }
  }
  for (const { name, addresses } of layout.interfaces) {
    links.push(`link set ${name} up`);
    for (const address of addresses) {
      links.push(`address replace ${address} dev ${name}${address.includes(":") ? " nodad" : ""}`);
    }
  }
  await batch(["ip"], links);
  for (const family of ["-4", "-6"]) {
    const commands = layout.commands
      .filter((line) => line.startsWith(`${family} `))
      .map((line) => line.slice(3).replace(/^route add /, "route replace "));
    await batch(["ip", family], commands);
  }
}

async function batch(program: readonly string[], lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  await runCommand([...program, "-batch", "-"], { input: lines.map((line) => `${line}\n`).join("") });
}

function healthNote(plan: LabPlan, node: PlanNode): HealthNote {
  if (node.kind === "supervisor") return { ask: "ready", socket: node.config.api.socket };
  if (node.kind === "device" && node.software === "strongswan")
    return { ask: "charon", environment: STRONGSWAN_ENVIRONMENT };
  if (node.kind !== "host") return { ask: "control", socket: node.config.controlSocket };
  const destinations = plan.probes.flatMap(({ from, to, destination }) => {
    if (from === node.name) return destination === undefined ? [] : [destination];
    const far = plan.nodes.find((one) => one.name === from);
    return to === node.name && far?.kind === "host" ? far.addresses.slice(0, 1) : [];
  });
  return { ask: "ping", destinations };
}
