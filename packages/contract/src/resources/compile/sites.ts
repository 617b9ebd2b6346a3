/**
 * On-premises sites.
 *
 *      one device:       fabric ── out [device] in ── eth0 [host]
 *      several devices:  fabric ── out [device] in ── d0 [site-router] h0 ── eth0 [host]
 */

import type { InstanceConfigInput } from "../../instance-config.ts";
import { addressAt, parseNetwork } from "../ip-network.ts";
import type { LabDevice } from "../lab-file.ts";
import { type PlanRoute, type PlanSite, TUN_RULE_PRIORITY, TUN_TABLE } from "../plan.ts";
import { lngOf, siteOf, sitePrefixes } from "../resolve.ts";
import { deviceConnections, deviceSeat } from "./connections.ts";
import {
  type Draft,
  guardBetween,
  type NodeNetwork,
  routerNetwork,
  routesVia,
  unreachable,
} from "./draft.ts";
import { addHosts } from "./hosts.ts";
import { interfacesOf } from "./interfaces.ts";

const ROUTER_TABLE = 101;

/** A device without BGP has no AS; its process wants a number all the same. */
const NO_ASN = 65_000;

export interface CompiledSite {
  readonly plan: PlanSite;
  readonly hosts: readonly { name: string; addresses: string[] }[];
}

export function addSites(draft: Draft): CompiledSite[] {
  const names = [...new Set(draft.file.tandem.devices.filter(isOurs).map(siteOf))];
  return names.map((name) => addSite(draft, name));
}

const isOurs = (device: LabDevice): boolean => device.kind !== "external";

function addSite(draft: Draft, name: string): CompiledSite {
  const devices = draft.file.tandem.devices.filter((d) => isOurs(d) && siteOf(d) === name);
  const prefixes = sitePrefixes(draft.file, name);
  const router = devices.length > 1 ? `${name}-router` : devices[0]!.name;
  const wanted = (draft.file.tandem.hosts ?? [{ name: `${name}-host`, site: name }]).filter(
    (h) => h.site === name,
  );
  const networks = new Map(devices.map((d) => [d.name, deviceNetwork(draft, d)]));
  const hosts = addHosts(
    draft,
    {
      name,
      subnets: prefixes,
      router,
      routerInterface: (i) => (devices.length > 1 ? `h${i}` : i === 0 ? "in" : `in${i}`),
    },
    wanted,
  );
  if (devices.length > 1) addRouter(draft, router, prefixes, devices, networks, hosts);
  else {
    const network = networks.get(router)!;
    network.routes.push(...hosts.routes, ...unreachableSite(prefixes));
    network.rules.push(...hosts.interfaces.map(toTunnel));
    network.guards.push(...hosts.interfaces.flatMap((i) => guardBetween(i, "out")));
  }
  for (const device of devices) addDevice(draft, name, device, prefixes, networks.get(device.name)!);
  return {
    plan: { name, prefixes, devices: devices.map((d) => d.name), hosts: hosts.hosts.map((h) => h.name) },
    hosts: hosts.hosts,
  };
}

const toTunnel = (iif: string) => ({ priority: TUN_RULE_PRIORITY, iif, table: TUN_TABLE });

/** What is in the site but is no host must not leave by the default route. */
const unreachableSite = (prefixes: readonly string[]): PlanRoute[] =>
  prefixes.map((prefix) => ({ prefix, type: "unreachable" as const }));

function deviceNetwork(draft: Draft, device: LabDevice): NodeNetwork {
  const network = routerNetwork();
  const n = draft.file.tandem.devices.indexOf(device);
  draft.edge(device.name, `dev${n}`, network, [device.publicIpAddress]);
  network.routes.push(...unreachable(TUN_TABLE));
  network.guards.push(...guardBetween("tun0", "out"));
  return network;
}

function addRouter(
  draft: Draft,
  name: string,
  prefixes: readonly string[],
  devices: readonly LabDevice[],
  networks: ReadonlyMap<string, NodeNetwork>,
  hosts: { routes: PlanRoute[]; interfaces: string[] },
): void {
  const own = routerNetwork();
  const members = devices.map((device, i) => {
    const pair = draft.link(
      "site",
      { node: device.name, interface: "in" },
      { node: name, interface: `d${i}` },
    );
    const network = networks.get(device.name)!;
    network.routes.push(...routesVia(prefixes, pair.b, "in"));
    network.rules.push(toTunnel("in"));
    network.guards.push(...guardBetween("in", "out"));
    const tandem = softwareOf(draft, device) === "tandem";
    return {
      device: device.name,
      interface: `d${i}`,
      via: [...pair.a],
      ...(tandem ? { controlSocket: draft.socket(device.name) } : {}),
    };
  });
  own.routes.push(
    ...hosts.routes,
    ...hosts.routes.map((r) => ({ ...r, table: ROUTER_TABLE })),
    ...unreachable(ROUTER_TABLE),
  );
  own.rules.push(...hosts.interfaces.map((iif) => ({ priority: 200, iif, table: ROUTER_TABLE })));
  draft.nodes.push({
    name,
    kind: "router",
    config: {
      name,
      controlSocket: draft.socket(name),
      table: ROUTER_TABLE,
      hostInterfaces: hosts.interfaces,
      sitePrefixes: [...prefixes],
      members,
      buckets: 128,
    },
    configFile: draft.path("config", name, ".json"),
    logFile: draft.path("log", name, ".log"),
    ...own,
  });
}

function addDevice(
  draft: Draft,
  site: string,
  device: LabDevice,
  prefixes: readonly string[],
  network: NodeNetwork,
): void {
  draft.nodes.push({
    name: device.name,
    kind: "device",
    software: softwareOf(draft, device),
    role: "gateway",
    site,
    config: deviceConfig(draft, device, prefixes),
    configFile: draft.path("config", device.name, ".json"),
    logFile: draft.path("log", device.name, ".log"),
    ...network,
  });
}

function softwareOf(draft: Draft, device: LabDevice): "tandem" | "strongswan" {
  const asked = draft.options.deviceKind ?? device.kind;
  return asked === "strongswan" ? "strongswan" : "tandem";
}

/** The facts that any device's software is configured from, ours or not. */
export function deviceConfig(
  draft: Draft,
  device: LabDevice,
  prefixes: readonly string[],
): InstanceConfigInput {
  const bgp = lngOf(draft.file, device)?.properties.bgpSettings;
  return {
    name: device.name,
    kind: "device",
    gateway: device.name,
    profile: draft.profile,
    asn: bgp?.asn ?? NO_ASN,
    controlSocket: draft.socket(device.name),
    ...interfacesOf(draft.file.tandem.options),
    localPrefixes: [...prefixes],
    seats: [
      {
        name: deviceSeat(device.name),
        publicIps: [device.publicIpAddress],
        bgpIp: bgp?.bgpPeeringAddress ?? addressAt(parseNetwork(prefixes[0]!)!, 1),
        epoch: 1,
      },
    ],
    connections: deviceConnections(draft, device),
  };
}
