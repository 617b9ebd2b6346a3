/** Hosts of a network: each on a link of its own to the network's router, with a host address out of the network. */
import { addressAt, hostNetwork, parseNetwork } from "../ip-network.ts";
import type { LabHost } from "../lab-file.ts";
import type { PlanRoute } from "../plan.ts";
import { type Draft, type NodeNetwork, sameFamily } from "./draft.ts";

/** First host's address: the fourth of the subnet, as the cloud keeps the first three. */
const FIRST_HOST = 4;

export interface HostNetwork {
  /** The VNet's or site's name. */
  readonly name: string;
  /** Prefixes out of which addresses are taken, at most one per family is used. */
  readonly subnets: readonly string[];
  readonly router: string;
  /** Interface of the router for the n-th host. */
  readonly routerInterface: (n: number) => string;
}

/** The addresses of a network's n-th host, one per family. */
export function hostAddresses(subnets: readonly string[], n: number): string[] {
  const networks = subnets.map((s) => parseNetwork(s)!);
  const chosen = [networks.find((x) => x.family === 4), networks.find((x) => x.family === 6)];
  return chosen.flatMap((network) => (network === undefined ? [] : [addressAt(network, FIRST_HOST + n)]));
}

/** Adds the hosts and their links; returns the router's routes to them (without a table) and its interfaces. */
export function addHosts(
  draft: Draft,
  network: HostNetwork,
  hosts: readonly LabHost[],
): { routes: PlanRoute[]; interfaces: string[]; hosts: { name: string; addresses: string[] }[] } {
  const routes: PlanRoute[] = [];
  const interfaces: string[] = [];
  const made: { name: string; addresses: string[] }[] = [];
  hosts.forEach((host, n) => {
    const addresses = host.addresses ?? hostAddresses(network.subnets, n);
    const gateways = hostAddresses(network.subnets, 1 - FIRST_HOST);
    const routerInterface = network.routerInterface(n);
    const own: NodeNetwork = { sysctls: {}, routes: [], rules: [], guards: [] };
    draft.links.push({
      name: `${host.name}:eth0`,
      role: host.site === undefined ? "vnet" : "site",
      a: { node: host.name, interface: "eth0", addresses: addresses.map(hostNetwork) },
      b: { node: network.router, interface: routerInterface, addresses: gateways.map(hostNetwork) },
    });
    for (const address of addresses) {
      const gateway = sameFamily(gateways, address);
      own.routes.push({ prefix: hostNetwork(gateway), interface: "eth0" });
      own.routes.push({
        prefix: address.includes(":") ? "::/0" : "0.0.0.0/0",
        via: gateway,
        interface: "eth0",
        source: address,
      });
      routes.push({ prefix: hostNetwork(address), interface: routerInterface });
    }
    interfaces.push(routerInterface);
    made.push({ name: host.name, addresses });
    draft.nodes.push({ name: host.name, kind: "host", network: network.name, addresses, ...own });
  });
  return { routes, interfaces, hosts: made };
}
