/**
 * A silent cut of a cable, with nothing but iproute2: each end is told a wrong link-layer address of the other, so its
 * frames arrive at nobody. No carrier goes away, no route is removed, and healing is the removal of the lie.
 */
import type { LinkEnd, PlanLink } from "@tandem/contract";
import { refuseInContainers } from "../container/in-containers.ts";
import { unknownNode } from "../control/lab-processes.ts";
import { LabError } from "../lab-error.ts";
import { readLabRecord, readPlan } from "../lab-record.ts";
import { namespaceOf } from "../plan/network-of-plan.ts";
import type { StateFolder } from "../state-folder.ts";
import { Realm } from "./realm.ts";

export const LINK_ROLES = ["outside", "inside", "partner", "control", "vnet", "site"] as const;
export type LinkRole = (typeof LINK_ROLES)[number];

/** Locally administered; no interface of a lab has it. */
const NOWHERE = "02:00:00:00:de:ad";

/** Names of the links that were cut. */
export async function cutLinks(folder: StateFolder, role: LinkRole, node: string): Promise<string[]> {
  refuseInContainers(
    folder,
    node,
    `cut ${role} of ${node}`,
    (service, id) => `docker network disconnect NETWORK ${id}, then docker compose restart ${service}`,
  );
  const links = linksOf(folder, role, node);
  await change(
    folder,
    links,
    (far, own) => `neighbor replace ${far} lladdr ${NOWHERE} dev ${own.interface} nud permanent`,
  );
  return links.map(({ name }) => name);
}

/** Heals every link of the role and node, or all of the lab when they are not given; the names of those that were cut. */
export async function healLinks(folder: StateFolder, role?: LinkRole, node?: string): Promise<string[]> {
  const cut = await cutAmong(folder, linksOf(folder, role, node));
  await change(folder, cut, (far, own) => `neighbor del ${far} dev ${own.interface}`, true);
  return cut.map(({ name }) => name);
}

/** The kernel's neighbour tables are the only record of what is cut. */
async function cutAmong(folder: StateFolder, links: readonly PlanLink[]): Promise<PlanLink[]> {
  const record = readLabRecord(folder);
  if (record === undefined) throw new LabError(`lab "${folder.name}" is not up`);
  const realm = new Realm(record.realm);
  const nodes = [...new Set(links.map(({ a }) => a.node))];
  const cut = new Set<string>();
  await Promise.all(
    nodes.map(async (node) => {
      const words = ["ip", "-netns", namespaceOf(record.lab, node), "neighbor", "show", "nud", "permanent"];
      for (const line of (await realm.run(words)).split("\n")) {
        if (line.includes(NOWHERE)) cut.add(`${node} ${/ dev (\S+)/.exec(line)?.[1]}`);
      }
    }),
  );
  return links.filter(({ a }) => cut.has(`${a.node} ${a.interface}`));
}

function linksOf(folder: StateFolder, role: LinkRole | undefined, node: string | undefined): PlanLink[] {
  const plan = readPlan(folder);
  if (node !== undefined && plan.nodes.every(({ name }) => name !== node)) throw unknownNode(plan, node);
  const links = plan.links.filter(
    (link) =>
      (role === undefined || link.role === role) &&
      (node === undefined || link.a.node === node || link.b.node === node),
  );
  if (links.length > 0 || role === undefined) return links;
  const roles = plan.links.filter(({ a, b }) => a.node === node || b.node === node).map((link) => link.role);
  throw new LabError(`${node} has no ${role} network`, `it has: ${[...new Set(roles)].join(", ")}`);
}

async function change(
  folder: StateFolder,
  links: readonly PlanLink[],
  line: (farAddress: string, own: LinkEnd) => string,
  force = false,
): Promise<void> {
  const record = readLabRecord(folder);
  if (record === undefined) throw new LabError(`lab "${folder.name}" is not up`);
  const realm = new Realm(record.realm);
  const batches = new Map<string, string[]>();
  for (const { a, b } of links) {
    for (const [own, far] of [
      [a, b],
      [b, a],
    ] as const) {
      const lines = far.addresses.map((address) => line(address.split("/")[0] ?? "", own));
      batches.set(own.node, [...(batches.get(own.node) ?? []), ...lines]);
    }
  }
  await Promise.all(
    [...batches].map(async ([node, lines]) => {
      const words = [
        "ip",
        ...(force ? ["-force"] : []),
        "-netns",
        namespaceOf(record.lab, node),
        "-batch",
        "-",
      ];
      const done = realm.run(words, lines.map((one) => `${one}\n`).join(""));
      // Healing what was not cut fails line by line, which is no failure.
      await (force ? done.catch(() => {}) : done);
    }),
  );
}
