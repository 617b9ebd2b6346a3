/** Which hosts can reach which: neighbours over one connection always, further ones where BGP carries the routes across. */
import type { LabFile } from "../lab-file.ts";
import type { PlanProbe } from "../plan.ts";
import { connectionsOf, deviceBehind, find, siteOf } from "../resolve.ts";

interface Network {
  /** "gateway:NAME" or "site:NAME". */
  readonly key: string;
  readonly hosts: readonly { name: string; addresses: string[] }[];
}

export function probesOf(file: LabFile, networks: readonly Network[]): PlanProbe[] {
  const neighbours = new Map<string, Map<string, boolean>>();
  const join = (a: string, b: string, bgp: boolean): void => {
    for (const [x, y] of [
      [a, b],
      [b, a],
    ] as const) {
      const edges = neighbours.get(x) ?? new Map<string, boolean>();
      neighbours.set(x, edges.set(y, bgp || edges.get(y) === true));
    }
  };
  for (const gateway of file.virtualNetworkGateways) {
    for (const connection of connectionsOf(file, gateway)) {
      const lng = find(file.localNetworkGateways, connection.properties.localNetworkGateway2);
      const far = find(file.virtualNetworkGateways, connection.properties.virtualNetworkGateway2);
      const device = lng === undefined ? undefined : deviceBehind(file, lng);
      const other =
        far !== undefined
          ? `gateway:${far.name}`
          : device === undefined
            ? undefined
            : `site:${siteOf(device)}`;
      if (other !== undefined) join(`gateway:${gateway.name}`, other, connection.properties.enableBgp);
    }
  }
  const probes: PlanProbe[] = [];
  networks.forEach((from, i) => {
    for (const to of networks.slice(i + 1)) {
      if (!reachable(neighbours, from.key, to.key)) continue;
      const a = from.hosts[0];
      const b = to.hosts[0];
      if (a === undefined || b === undefined) continue;
      for (const destination of b.addresses) {
        if (a.addresses.some((x) => x.includes(":") === destination.includes(":"))) {
          probes.push({ from: a.name, to: b.name, destination });
        }
      }
    }
  });
  return probes;
}

/** Over one edge of any kind, or over several that all have BGP. */
function reachable(
  neighbours: ReadonlyMap<string, ReadonlyMap<string, boolean>>,
  from: string,
  to: string,
): boolean {
  if (neighbours.get(from)?.has(to) === true) return true;
  const seen = new Set([from]);
  const queue = [from];
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    for (const [next, bgp] of neighbours.get(at) ?? []) {
      if (!bgp || seen.has(next)) continue;
      if (next === to) return true;
      seen.add(next);
      queue.push(next);
    }
  }
  return false;
}
