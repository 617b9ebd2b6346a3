/** The network of a third-party device: a namespace for each tunnel behind the device's own, as drawn in strongswan.ts. */
import { type DeviceNode, type InstanceConfig, type LabPlan, TUN_TABLE } from "@tandem/contract";
import { type CableLayout, layOut, type NamespaceLayout } from "../netns/network-layout.ts";
import type { Realm } from "../netns/realm.ts";
import { namespaceOf, withHostLength } from "../plan/network-of-plan.ts";

type Connection = InstanceConfig["connections"][number];

export interface Tunnel {
  readonly index: number;
  readonly connection: Connection;
  readonly netns: string;
  /** Configuration and sockets of this charon. */
  readonly folder: string;
  readonly logFile: string;
  /** Link addresses without length: the device's end, the tunnel namespace's end. */
  readonly outer: readonly [string, string];
  readonly inner: readonly [string, string];
  readonly inner6: readonly [string, string];
}

const OUTER_TABLE = 300;
const DISPATCH_PRIORITY = 60;

export async function layTunnelNamespaces(
  realm: Realm,
  plan: LabPlan,
  node: DeviceNode,
  publicIp: string,
  tunnels: readonly Tunnel[],
): Promise<void> {
  const device = namespaceOf(plan.lab, node.name);
  const cables = tunnels.flatMap(({ index, netns }): CableLayout[] => [
    {
      ends: [
        { netns: device, interface: `o${index}` },
        { netns, interface: "outer" },
      ],
    },
    {
      ends: [
        { netns: device, interface: `i${index}` },
        { netns, interface: "inner" },
      ],
    },
  ]);
  await layOut(realm, { namespaces: tunnels.map((tunnel) => tunnelLayout(tunnel, publicIp)), cables });
}

/** Where a charon runs: the public IP, and routes between its two cables and ipsec0. */
export function tunnelLayout({ netns, outer, inner, inner6 }: Tunnel, publicIp: string): NamespaceLayout {
  return {
    netns,
    interfaces: [
      { name: "lo", addresses: [withHostLength(publicIp)] },
      { name: "outer", addresses: [`${outer[1]}/31`] },
      { name: "inner", addresses: [`${inner[1]}/31`, `${inner6[1]}/127`] },
    ],
    commands: [
      `-4 route add default via ${outer[0]} src ${publicIp}`,
      `-4 route add default via ${inner[0]} table 101`,
      `-6 route add default via ${inner6[0]} table 101`,
      ...["-4", "-6"].flatMap((family) => [
        `${family} route add unreachable default metric 4294967295 table ${TUN_TABLE}`,
        `${family} rule add priority 100 iif inner lookup ${TUN_TABLE}`,
        `${family} rule add priority 100 iif ipsec0 lookup 101`,
      ]),
    ],
  };
}

/** The cables and addresses of a tunnel, the same in namespaces and in containers. */
export function tunnelAddresses(index: number): Pick<Tunnel, "outer" | "inner" | "inner6"> {
  return {
    outer: [`169.254.${100 + index}.0`, `169.254.${100 + index}.1`],
    inner: [`169.254.${100 + index}.2`, `169.254.${100 + index}.3`],
    inner6: [`fd65:${index}::`, `fd65:${index}::1`],
  };
}

export async function layRouter(
  realm: Realm,
  plan: LabPlan,
  node: DeviceNode,
  publicIp: string,
  tunnels: readonly Tunnel[],
): Promise<void> {
  const netns = namespaceOf(plan.lab, node.name);
  const lines = routerLines(publicIp, tunnels);
  await realm.run(["ip", "-netns", netns, "-batch", "-"], lines.map((line) => `${line}\n`).join(""));
}

/** The device's side: which tunnel an outer packet belongs to, and the static routes into the tunnels. For `ip -batch`. */
export function routerLines(publicIp: string, tunnels: readonly Tunnel[]): string[] {
  const lines: string[] = [];
  for (const { index, connection, outer, inner, inner6 } of tunnels) {
    lines.push(
      `link set o${index} up`,
      `link set i${index} up`,
      `address add ${outer[0]}/31 dev o${index}`,
      `address add ${inner[0]}/31 dev i${index}`,
      `address add ${inner6[0]}/127 dev i${index} nodad`,
      `route add ${publicIp} via ${outer[1]} table ${OUTER_TABLE + index}`,
      // Decrypted packets go to the site, never back out.
      `rule add priority 150 iif i${index} lookup main suppress_ifgroup 4500`,
      `rule add priority 151 iif i${index} unreachable`,
    );
    const from = connection.remote.address === null ? "" : `from ${connection.remote.address} `;
    lines.push(
      `rule add priority ${DISPATCH_PRIORITY} iif out ${from}to ${publicIp} lookup ${OUTER_TABLE + index}`,
    );
    // The gateway's BGP address is reached through this tunnel and no other.
    if (connection.bgp !== undefined) lines.push(`route add ${connection.bgp.neighbor} via ${inner[1]}`);
  }
  lines.push(...staticRoutes(tunnels));
  return lines;
}

/** One route per prefix over all tunnels that lead to it. */
function staticRoutes(tunnels: readonly Tunnel[]): string[] {
  const prefixes = new Set(tunnels.flatMap(({ connection }) => connection.staticPrefixes));
  return [...prefixes].map((prefix) => {
    const hops = tunnels
      .filter(({ connection }) => connection.staticPrefixes.includes(prefix))
      .map(
        ({ index, inner, inner6 }) =>
          `nexthop via ${prefix.includes(":") ? inner6[1] : inner[1]} dev i${index}`,
      );
    return `route add ${prefix} table ${TUN_TABLE} ${hops.join(" ")}`;
  });
}
