/**
 * How a plan's links become Docker networks: one bridge network per link, so that what must not meet cannot meet.
 *
 * Docker gives every interface an address of its own choice of network (`PREFIX.N.0/29`, N the link's index); that address
 * only tells a starting container which interface is which end of which link. The plan's addresses come on top.
 */
import { type LabPlan, nodeFileName, type PlanLink } from "@tandem/contract";
import { containerLinks } from "./device-parts.ts";
import type { CheckedLink } from "./link-check.ts";

export const DEFAULT_SUBNET = "10.213";

export interface ContainerEnd {
  readonly link: PlanLink;
  /** The interface's name in the plan. */
  readonly interface: string;
  readonly addresses: readonly string[];
  /** What Docker will have given it. */
  readonly dockerAddress: string;
}

/** Names that Docker and Compose accept everywhere: "gw/IN_0" is the service `gw-in-0`. */
export const serviceName = (node: string): string => nodeFileName(node).toLowerCase().replaceAll("_", "-");

export const networkName = (link: PlanLink): string => `${serviceName(link.a.node)}-${link.a.interface}`;

export const linkSubnet = (index: number, prefix: string): string => `${prefix}.${index}.0/29`;

/** `.1` is the bridge's own, `.2` and `.3` are the two ends. */
export function endsOf(plan: LabPlan, node: string, prefix: string): ContainerEnd[] {
  return containerLinks(plan).flatMap((link, index) =>
    [link.a, link.b].flatMap((end, side) =>
      end.node === node
        ? [
            {
              link,
              interface: end.interface,
              addresses: end.addresses,
              dockerAddress: `${prefix}.${index}.${2 + side}`,
            },
          ]
        : [],
    ),
  );
}

/**
 * What a running container can ask of its links: those with IPv4 addresses of the plan at both ends, both of which answer. The
 * fabric does not answer a VNet's hosts: it has routes to them for what it carries, by the port of that, and none of its own.
 */
export function checkedLinks(plan: LabPlan, node: string, prefix: string): CheckedLink[] {
  const firstIpv4 = (addresses: readonly string[]): string | undefined =>
    addresses.find((address) => !address.includes(":"))?.split("/")[0];
  return containerLinks(plan).flatMap((link, index) => {
    if (link.role === "vnet") return [];
    const side = link.a.node === node ? 0 : link.b.node === node ? 1 : undefined;
    if (side === undefined) return [];
    const [near, far] = side === 0 ? [link.a, link.b] : [link.b, link.a];
    const [own, peer] = [firstIpv4(near.addresses), firstIpv4(far.addresses)];
    if (own === undefined || peer === undefined) return [];
    return [{ interface: near.interface, own, peer, peerDocker: `${prefix}.${index}.${3 - side}` }];
  });
}

/** Two decimal octets, for example 10.213. */
export function checkSubnetPrefix(prefix: string): string | undefined {
  const octets = prefix.split(".").map(Number);
  const ok = octets.length === 2 && octets.every((o) => Number.isInteger(o) && o >= 0 && o <= 255);
  return ok ? undefined : `TANDEM_SUBNET=${prefix}: two octets are expected, for example ${DEFAULT_SUBNET}`;
}
