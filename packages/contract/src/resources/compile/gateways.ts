/**
 * The pair of instances of one gateway, and its place in the fabric.
 *
 *                      fabric
 *       gNout0 │ gNin0         gNout1 │ gNin1
 *          out │ in               out │ in
 *          gw/IN_0 ──── partner ──── gw/IN_1
 */
import type { FabricGateway } from "../fabric-config.ts";
import { hostNetwork } from "../ip-network.ts";
import type { VirtualNetworkGateway } from "../lab-file.ts";
import {
  type LabPlan,
  type PlanGateway,
  type PlanSeat,
  type PlanTunnel,
  TUN_RULE_PRIORITY,
  TUN_TABLE,
} from "../plan.ts";
import { activeActive, asnOf, type ResolvedSeat, seatsOf, vnetOf, vnetPrefixes } from "../resolve.ts";
import type { SupervisorConfigInput } from "../supervisor-config.ts";
import { type ConnectionInput, gatewayConnections } from "./connections.ts";
import { type Draft, defaultVia, guardBetween, routerNetwork, routesVia, unreachable } from "./draft.ts";
import { addHosts } from "./hosts.ts";
import { interfacesOf } from "./interfaces.ts";
import { clientConnection } from "./point-to-site.ts";

export interface CompiledGateway {
  readonly plan: PlanGateway;
  readonly fabric: FabricGateway;
  readonly seats: readonly PlanSeat[];
  readonly tunnels: readonly PlanTunnel[];
  readonly supervised: SupervisorConfigInput["instances"];
  readonly hosts: readonly { name: string; addresses: string[] }[];
}

/** Routing tables of the n-th VNet in the fabric: what comes from its hosts, and what comes from its instances. */
const hostTable = (n: number): number => 101 + n;
const instanceTable = (n: number): number => 201 + n;

export const instanceName = (gateway: string, index: number): string => `${gateway}/IN_${index}`;

export function addGateway(draft: Draft, gateway: VirtualNetworkGateway, n: number): CompiledGateway {
  const { file } = draft;
  const vnet = vnetOf(file, gateway)!;
  const prefixes = vnetPrefixes(file, gateway);
  const seats = seatsOf(file, gateway);
  const both = activeActive(gateway);
  const { connections, tunnels } = gatewayConnections(draft, gateway);
  connections.push(...seats.flatMap((s) => clientConnection(draft, gateway, s)));

  const subnets = vnet.properties.subnets
    .filter((s) => s.name !== "GatewaySubnet")
    .flatMap(
      (s) =>
        s.properties.addressPrefixes ??
        (s.properties.addressPrefix === undefined ? [] : [s.properties.addressPrefix]),
    );
  const hosts = addHosts(
    draft,
    {
      name: vnet.name,
      subnets: subnets.length > 0 ? subnets : prefixes,
      router: "fabric",
      routerInterface: (i) => `vnet${n}h${i}`,
    },
    (file.tandem.hosts ?? [{ name: `${vnet.name}-host`, virtualNetwork: vnet.name }]).filter(
      (h) => h.virtualNetwork === vnet.name,
    ),
  );
  draft.fabric.rules.push(
    ...hosts.interfaces.map((iif) => ({ priority: 200 + n, iif, table: hostTable(n) })),
    ...[0, 1].map((i) => ({ priority: 300 + n, iif: `g${n}in${i}`, table: instanceTable(n) })),
  );
  for (const table of [hostTable(n), instanceTable(n)]) {
    draft.fabric.routes.push(...hosts.routes.map((r) => ({ ...r, table })), ...unreachable(table));
  }

  const partnerLink = draft.link(
    "partner",
    { node: instanceName(gateway.name, 0), interface: "partner" },
    { node: instanceName(gateway.name, 1), interface: "partner" },
  );
  const partnerEnds = [partnerLink.a, partnerLink.b];
  const instances = [0, 1].map((i) =>
    addInstance(draft, gateway, n, i, {
      seats,
      connections,
      prefixes,
      partner: { local: partnerEnds[i]!, remote: partnerEnds[1 - i]! },
    }),
  );

  const planSeats = seats.map((s) => ({
    name: s.name,
    gateway: gateway.name,
    publicIps: s.publicIps,
    bgpIp: s.bgpIp,
    owner: instanceName(gateway.name, s.index),
  }));
  return {
    plan: {
      name: gateway.name,
      activeActive: both,
      asn: asnOf(gateway),
      vnetPrefixes: prefixes,
      instances: instances.map((i) => i.supervised.name),
      seats: seats.map((s) => s.name),
    },
    fabric: {
      name: gateway.name,
      ports: instances.map((i) => i.port),
      seats: planSeats.map((s) => ({
        name: s.name,
        publicIps: [...s.publicIps],
        bgpIp: s.bgpIp,
        owner: s.owner,
        epoch: 1,
      })),
      vnetInterfaces: hosts.interfaces,
      vnetPrefixes: prefixes,
      table: hostTable(n),
    },
    seats: planSeats,
    tunnels,
    supervised: instances.map((i) => i.supervised),
    hosts: hosts.hosts,
  };
}

interface InstanceFacts {
  readonly seats: readonly ResolvedSeat[];
  readonly connections: readonly ConnectionInput[];
  readonly prefixes: readonly string[];
  readonly partner: { readonly local: readonly string[]; readonly remote: readonly string[] };
}

function addInstance(
  draft: Draft,
  gateway: VirtualNetworkGateway,
  n: number,
  i: number,
  facts: InstanceFacts,
): { supervised: SupervisorConfigInput["instances"][number]; port: FabricGateway["ports"][number] } {
  const name = instanceName(gateway.name, i);
  const network = routerNetwork();
  const outside = { interface: `g${n}out${i}` };
  const inside = { interface: `g${n}in${i}` };
  const outLink = draft.link("outside", { node: name, interface: "out" }, { node: "fabric", ...outside });
  const inLink = draft.link("inside", { node: name, interface: "in" }, { node: "fabric", ...inside });

  network.routes.push(...defaultVia(outLink.b, "out"), ...routesVia(facts.prefixes, inLink.b, "in"));
  // The partner's seats: where this instance holds one itself, the local table answers first.
  network.routes.push(
    ...routesVia(
      facts.seats.map((s) => hostNetwork(s.bgpIp)),
      facts.partner.remote,
      "partner",
    ),
  );
  network.routes.push(...unreachable(TUN_TABLE));
  network.rules.push(
    ...["in", "partner"].map((iif) => ({ priority: TUN_RULE_PRIORITY, iif, table: TUN_TABLE })),
  );
  network.guards.push(...["in", "partner", "tun0"].flatMap((inner) => guardBetween(inner, "out")));

  const own = facts.seats.filter((s) => s.index === i);
  const other = facts.seats.filter((s) => s.index !== i);
  const config: LabPlanInstanceConfig = {
    name,
    kind: "instance",
    gateway: gateway.name,
    profile: draft.profile,
    asn: asnOf(gateway),
    controlSocket: draft.socket(name),
    ...interfacesOf(draft.file.tandem.options),
    localPrefixes: [...facts.prefixes],
    seats: own.map((s) => ({ name: s.name, publicIps: [...s.publicIps], bgpIp: s.bgpIp, epoch: 1 })),
    connections: [...facts.connections],
    partner: {
      name: instanceName(gateway.name, 1 - i),
      localAddress: facts.partner.local[0]!,
      address: facts.partner.remote[0]!,
      key: draft.secret(`partner:${gateway.name}`, 32),
      bgpPeers: own.flatMap((s) => other.map((o) => ({ seat: s.name, neighbor: o.bgpIp }))),
    },
  };
  const configFile = draft.path("config", name, ".json");
  const logFile = draft.path("log", name, ".log");
  draft.nodes.push({
    name,
    kind: "instance",
    gateway: gateway.name,
    config,
    configFile,
    logFile,
    ...network,
  });
  return {
    port: {
      instance: name,
      outside: { ...outside, via: [...outLink.a] },
      inside: { ...inside, via: [...inLink.a] },
    },
    supervised: {
      name,
      gateway: gateway.name,
      ...(own[0] === undefined ? {} : { homeSeat: own[0].name }),
      controlSocket: config.controlSocket,
      configFile,
      config,
      logFile,
    },
  };
}

type LabPlanInstanceConfig = Extract<LabPlan["nodes"][number], { kind: "instance" }>["config"];
