/** `lab inspect`: the nodes of a lab with their namespaces, processes and addresses. */
import { isIPv6 } from "node:net";
import { join } from "node:path";
import type { LabInspect, LabPlan, PlanNode } from "@tandem/contract";
import { readPlan, readProcesses } from "./lab-record.ts";
import { namespaceOf, withHostLength } from "./plan/network-of-plan.ts";
import { findProcessesByConfig } from "./process/find-process.ts";
import { isAlive } from "./process/process-identity.ts";
import { LAB_INSPECT_FILE, type StateFolder, writeJson } from "./state-folder.ts";

type InspectNode = LabInspect["nodes"][number];

/** What is true now: pids are looked up, also of processes that the supervisor has started anew. */
export function inspectLab(folder: StateFolder): LabInspect {
  const plan = readPlan(folder);
  const pids = processIds(folder, plan);
  return {
    lab: plan.lab,
    topology: plan.topology,
    nodes: plan.nodes.map(
      (node): InspectNode => ({
        name: node.name,
        kind: node.kind,
        netns: namespaceOf(plan.lab, node.name),
        pid: pids.get(node.name) ?? null,
        addresses: addressesOf(plan, node),
      }),
    ),
  };
}

/** The same as a file, for programs that would rather read than run something. */
export function writeInspect(folder: StateFolder): void {
  writeJson(join(folder.root, LAB_INSPECT_FILE), inspectLab(folder));
}

function processIds(folder: StateFolder, plan: LabPlan): Map<string, number> {
  const configured = plan.nodes.flatMap((node) => ("configFile" in node ? [node] : []));
  const running = findProcessesByConfig(configured.map(({ configFile }) => configFile));
  const pids = new Map<string, number>();
  // The first process of a node that the lab started stands for it where no `--config` tells (third-party daemons).
  for (const { node, identity } of readProcesses(folder)) {
    if (!pids.has(node) && isAlive(identity)) pids.set(node, identity.pid);
  }
  for (const { name, configFile } of configured) {
    const identity = running.get(configFile);
    if (identity !== undefined) pids.set(name, identity.pid);
  }
  return pids;
}

/** By interface; the second family of an interface has `-v6` appended, further addresses a number. */
function addressesOf(plan: LabPlan, node: PlanNode): Record<string, string> {
  const addresses: Record<string, string> = {};
  const put = (link: string, address: string): void => {
    const base = isIPv6(address.split("/")[0] ?? "") ? `${link}-v6` : link;
    let key = base;
    for (let count = 2; key in addresses; count++) key = `${base}-${count}`;
    addresses[key] = address;
  };
  for (const end of plan.links.flatMap(({ a, b }) => [a, b])) {
    if (end.node === node.name) for (const address of end.addresses) put(end.interface, address);
  }
  if (node.kind === "device") {
    for (const seat of node.config.seats) {
      for (const address of seat.publicIps) put("public", withHostLength(address));
      put("bgp", withHostLength(seat.bgpIp));
    }
  }
  return addresses;
}
