/**
 * What a container runs: checks, the plan, its node's addresses and routes, then the role's own process in place of this one.
 *
 *      preflight ─▶ shared plan ─▶ interfaces renamed, addresses, guards, rules, routes ─▶ execve
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LabPlan, PlanNode } from "@tandem/contract";
import { LabError } from "../lab-error.ts";
import { namespaceOf, networkOfPlan } from "../plan/network-of-plan.ts";
import { startCommand } from "../plan/start-nodes.ts";
import { checkedLinks, endsOf } from "./container-network.ts";
import { partsOf, tunnelParts } from "./device-parts.ts";
import { HEALTH_NOTE, type HealthNote, LINKS_NOTE } from "./health-main.ts";
import { hostSocket } from "./host-client.ts";
import { layNetwork } from "./lay-network.ts";
import { preflight, readEnvironment } from "./preflight.ts";
import { type DeviceRouter, needsOf, TUNNEL_NEEDS } from "./role-needs.ts";
import { draftPlan, labFolder, sharedPlan } from "./shared-plan.ts";
import { routerQuestion, startDeviceRouter } from "./start-device-router.ts";
import { CHARON_QUESTION, startStrongswan, startTunnelPart } from "./start-strongswan.ts";

const HOST_AGENT = join(import.meta.dirname, "host-agent.ts");
const QUIET = ["--disable-warning=ExperimentalWarning"];

export async function startRole(name: string): Promise<never> {
  const environment = readEnvironment(process.env);
  const folder = labFolder(environment);
  // Before any waiting: what is wrong with this container is said by this container, at once.
  const draft = draftPlan(environment, folder);
  const ends = endsOf(draft, name, environment.subnet);
  const part = tunnelParts(draft).find((one) => one.name === name);
  if (part !== undefined) {
    const interfaces = preflight(name, TUNNEL_NEEDS, part.device.sysctls, ends);
    const filled = nodeOf(await sharedPlan(environment, folder, false), part.device.name);
    writeFileSync(HEALTH_NOTE, JSON.stringify(CHARON_QUESTION));
    if (filled.kind === "device") return await startTunnelPart(filled, part.index, interfaces);
  }
  const drafted = nodeOf(draft, name);
  const interfaces = preflight(name, needsOf(drafted, environment.router), drafted.sysctls, ends);
  const plan = await sharedPlan(environment, folder, drafted.kind === "supervisor");
  const node = nodeOf(plan, name);
  const layout = networkOfPlan(plan).namespaces.find(({ netns }) => netns === namespaceOf(plan.lab, name));
  if (layout === undefined) throw new LabError(`no layout for ${name}`);
  await layNetwork(layout, interfaces);
  writeFileSync(LINKS_NOTE, JSON.stringify(checkedLinks(plan, name, environment.subnet)));
  mkdirSync(folder.control, { recursive: true, mode: 0o700 });
  writeFileSync(HEALTH_NOTE, JSON.stringify(healthNote(plan, node, environment.router)));
  if (node.kind === "device" && node.software === "strongswan") {
    if (partsOf(node).length > 0) return await startDeviceRouter(node, environment.router);
    return await startStrongswan(node);
  }
  const argv =
    node.kind === "host"
      ? [process.execPath, ...QUIET, HOST_AGENT, hostSocket(folder, name)]
      : startCommand(node);
  process.execve?.(argv[0] ?? "", argv, roleVariables(environment.stateRoot));
  throw new LabError(`cannot start ${argv.join(" ")}`);
}

/** With Node's cache of compiled sources, which the image holds: without it an instance needs half a second more. */
function roleVariables(stateRoot: string): NodeJS.ProcessEnv {
  const { PATH = "", NODE_COMPILE_CACHE } = process.env;
  return {
    PATH,
    TANDEM_STATE: stateRoot,
    HOME: "/tmp",
    ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }),
  };
}

export function nodeOf(plan: LabPlan, name: string): PlanNode {
  const node = plan.nodes.find((one) => one.name === name);
  if (node !== undefined) return node;
  throw new LabError(
    `the topology ${plan.topology} has no node "${name}"`,
    `its nodes are: ${plan.nodes.map((one) => one.name).join(", ")}`,
  );
}

function healthNote(plan: LabPlan, node: PlanNode, router: DeviceRouter): HealthNote {
  if (node.kind === "supervisor") return { ask: "ready", socket: node.config.api.socket };
  if (node.kind === "device" && node.software === "strongswan")
    return partsOf(node).length > 0 ? routerQuestion(router) : CHARON_QUESTION;
  if (node.kind !== "host") return { ask: "control", socket: node.config.controlSocket };
  const destinations = plan.probes.flatMap(({ from, to, destination }) => {
    if (from === node.name) return destination === undefined ? [] : [destination];
    const far = plan.nodes.find((one) => one.name === from);
    return to === node.name && far?.kind === "host" ? far.addresses.slice(0, 1) : [];
  });
  return { ask: "ping", destinations };
}
