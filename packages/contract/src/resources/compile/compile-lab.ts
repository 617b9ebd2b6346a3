/**
 * From resources to the plan of a lab. Pure: secrets come from `randomHex`, certificates are place holders that the
 * executor fills in. Only for files without findings.
 */
import type { Encapsulation } from "../../instance-config.ts";
import type { LabFile } from "../lab-file.ts";
import type { LabPlan } from "../plan.ts";
import { UNPLANNED_MILLISECONDS } from "../supervisor-config.ts";
import { Draft, defaultVia, type NodeNetwork } from "./draft.ts";
import { addGateway, type CompiledGateway } from "./gateways.ts";
import { addOutside, externalDevices } from "./outside.ts";
import { addClient, gatewayOfClient } from "./point-to-site.ts";
import { probesOf } from "./probes.ts";
import { addSites } from "./sites.ts";

export interface CompileOptions {
  /** The lab's name; by default the topology's. */
  readonly name?: string;
  /** The topology's name when the file does not say it. */
  readonly topology: string;
  /** Absolute; sockets, configs and logs go below it. Keep it short: socket paths end at 107 bytes. */
  readonly runDirectory: string;
  /** Secrets: `bytes` bytes as lower-case hex. The label says what for: the same label may give the same bytes again. */
  readonly randomHex: (bytes: number, label: string) => string;
  /** Overrides of the command line. */
  readonly profile?: LabPlan["profile"];
  readonly deviceKind?: "tandem" | "strongswan";
  readonly encapsulation?: Encapsulation;
}

export function compileLab(file: LabFile, options: CompileOptions): LabPlan {
  const draft = new Draft(file, options);
  const topology = file.name ?? options.topology;
  const lab = options.name ?? topology;
  const gateways = file.virtualNetworkGateways.map((g, n) => addGateway(draft, g, n));
  const sites = addSites(draft);
  file.tandem.clients.forEach((client, n) => {
    addClient(draft, client, n);
  });
  addSupervisor(draft, lab, topology, gateways);
  const outside = addOutside(draft, gateways);
  addFabric(draft, gateways);
  draft.probes.push(
    ...probesOf(file, [
      ...gateways.map((g) => ({ key: `gateway:${g.plan.name}`, hosts: g.hosts })),
      ...sites.map((s) => ({ key: `site:${s.plan.name}`, hosts: s.hosts })),
    ]),
    ...file.tandem.clients.flatMap((client) => {
      const host = gateways.find((g) => g.plan.name === gatewayOfClient(draft, client)?.name)?.hosts[0];
      return host === undefined
        ? []
        : [{ from: client.name, to: host.name, destination: host.addresses[0]! }];
    }),
  );
  return {
    lab,
    topology,
    profile: draft.profile,
    runDirectory: options.runDirectory,
    nodes: draft.nodes,
    links: draft.links,
    seats: gateways.flatMap((g) => g.seats),
    gateways: gateways.map((g) => g.plan),
    sites: sites.map((s) => s.plan),
    tunnels: gateways.flatMap((g) => g.tunnels),
    certificates: draft.certificates,
    probes: draft.probes,
    ...(outside === undefined ? {} : { outside }),
    externalDevices: externalDevices(draft),
  };
}

function addFabric(draft: Draft, gateways: readonly CompiledGateway[]): void {
  draft.nodes.push({
    name: "fabric",
    kind: "fabric",
    config: {
      name: "fabric",
      controlSocket: draft.socket("fabric"),
      stateFile: draft.path("state", "fabric", ".json"),
      gateways: gateways.map((g) => g.fabric),
      edgeInterfaces: draft.fabricEdges,
    },
    configFile: draft.path("config", "fabric", ".json"),
    logFile: draft.path("log", "fabric", ".log"),
    ...draft.fabric,
  });
}

function addSupervisor(
  draft: Draft,
  lab: string,
  topology: string,
  gateways: readonly CompiledGateway[],
): void {
  const { options, devices } = draft.file.tandem;
  const own: NodeNetwork = { sysctls: {}, routes: [], rules: [], guards: [] };
  const link = draft.link(
    "control",
    { node: "supervisor", interface: "probe" },
    { node: "fabric", interface: "sup" },
  );
  own.routes.push(...defaultVia(link.b, "probe"));
  draft.nodes.push({
    name: "supervisor",
    kind: "supervisor",
    config: {
      lab,
      topology,
      profile: draft.profile,
      controlSocket: draft.socket("supervisor"),
      fabricSocket: draft.socket("fabric"),
      stateFile: draft.path("state", "supervisor", ".sqlite"),
      api: {
        port: options.apiPort,
        socket: draft.path("control", "api", ".sock"),
        tokenFile: draft.path("state", "api", ".token"),
      },
      resources: withoutKeys(draft.file),
      gateways: gateways.map((g) => ({
        name: g.plan.name,
        seats: g.seats.map((s) => ({
          name: s.name,
          publicIps: [...s.publicIps],
          bgpIp: s.bgpIp,
          home: s.owner,
        })),
      })),
      instances: gateways.flatMap((g) => g.supervised),
      devices: devices
        .flatMap((d) => (d.kind === "external" ? [] : [{ ...d, kind: d.kind }]))
        .map((d) => ({
          name: d.name,
          software: draft.options.deviceKind ?? d.kind,
          controlSocket: draft.socket(d.name),
        })),
      restart: options.restart,
      failback: options.failback,
      unplannedMilliseconds: [...UNPLANNED_MILLISECONDS[options.unplannedTime]],
    },
    configFile: draft.path("config", "supervisor", ".json"),
    logFile: draft.path("log", "supervisor", ".log"),
    ...own,
  });
}

/** Keys stay in the processes' own configurations. */
function withoutKeys(file: LabFile): unknown {
  const { tandem: _tandem, ...resources } = file;
  return {
    ...resources,
    connections: file.connections.map((c) => {
      const { sharedKey: _key, ...properties } = c.properties;
      return { ...c, properties };
    }),
  };
}
