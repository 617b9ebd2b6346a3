/**
 * The compiled plan of a lab: what `packages/lab` builds, node by node, without understanding any resource.
 *
 *      lab/*.json ── parse ──▶ LabFile ── checkRules ──▶ findings | compileLab ──▶ LabPlan ──▶ namespaces, veths, processes
 *
 * Order of work for the executor: namespaces, links with their addresses, sysctls, `guards`, `rules`, routes, config
 * files, fabric agent, instances, devices, supervisor. Every path in here is absolute and lies in `runDirectory`.
 */
import type { InstanceConfigInput } from "../instance-config.ts";
import type { NodeKind } from "../lab-inspect.ts";
import type { Profile } from "../status.ts";
import type { FabricConfigInput, SiteRouterConfig } from "./fabric-config.ts";
import type { SupervisorConfigInput } from "./supervisor-config.ts";

export interface LabPlan {
  /** The lab's name (`--name`), by default the topology's. */
  readonly lab: string;
  readonly topology: string;
  readonly profile: Profile;
  readonly runDirectory: string;
  readonly nodes: readonly PlanNode[];
  readonly links: readonly PlanLink[];
  readonly seats: readonly PlanSeat[];
  readonly gateways: readonly PlanGateway[];
  readonly sites: readonly PlanSite[];
  /** Every tunnel that must come up, as the gateway side names it: what "ready" means. */
  readonly tunnels: readonly PlanTunnel[];
  /** Certificates to be made before the configs are written; see `fillCertificates`. */
  readonly certificates: readonly PlanCertificate[];
  /** Pairs of host addresses that probe traffic should connect, both ways. */
  readonly probes: readonly PlanProbe[];
  /** Present when real devices are to reach the gateway. */
  readonly outside?: PlanOutside;
  /** Real devices: no node, only what one would be configured with (`tandem device-config`). */
  readonly externalDevices: readonly PlanExternalDevice[];
}

/** An interface of a node on a network of the machine (a macvlan on `parent`). Needs root. */
export interface PlanOutside {
  readonly node: string;
  readonly interface: string;
  readonly parent: string;
  readonly addresses: readonly string[];
  /** Addresses for which it answers ARP and neighbour solicitations there: the seats' public IPs. */
  readonly answersFor: readonly string[];
}

export interface PlanExternalDevice {
  readonly name: string;
  readonly config: InstanceConfigInput;
}

interface NodeBase {
  /** May contain "/", for example "gw/IN_0"; use `nodeFileName` for files and namespaces. */
  readonly name: string;
  readonly kind: NodeKind;
  /** `net.ipv4.ip_forward` and so on, dotted names. */
  readonly sysctls: Readonly<Record<string, string>>;
  readonly routes: readonly PlanRoute[];
  readonly rules: readonly PlanRule[];
  /** Forwarding between these interfaces is dropped from the start, in both families, whatever routes say (nothing leaves in clear). */
  readonly guards: readonly PlanGuard[];
}

export interface HostNode extends NodeBase {
  readonly kind: "host";
  /** The VNet or site that it is in. */
  readonly network: string;
  /** Its addresses, without length: where probe traffic ends. */
  readonly addresses: readonly string[];
}

export interface InstanceNode extends NodeBase {
  readonly kind: "instance";
  readonly gateway: string;
  readonly config: InstanceConfigInput;
  readonly configFile: string;
  readonly logFile: string;
}

export interface DeviceNode extends NodeBase {
  readonly kind: "device";
  readonly software: "tandem" | "strongswan";
  /** "client": a point-to-site client, which has no network behind it. */
  readonly role: "gateway" | "client";
  readonly site: string | null;
  /**
   * For both kinds of software: a third-party device is configured from the same facts.
   * A Tandem process adds its seats' addresses by itself; for third-party software the executor adds
   * `config.seats[0].publicIps` to `out` and `config.seats[0].bgpIp` to `lo`.
   */
  readonly config: InstanceConfigInput;
  readonly configFile: string;
  readonly logFile: string;
}

export interface FabricNode extends NodeBase {
  readonly kind: "fabric";
  /** For `node packages/supervisor/src/fabric-main.ts --config FILE`. */
  readonly config: FabricConfigInput;
  readonly configFile: string;
  readonly logFile: string;
}

export interface RouterNode extends NodeBase {
  readonly kind: "router";
  /** For `node packages/supervisor/src/site-router-main.ts --config FILE`. */
  readonly config: SiteRouterConfig;
  readonly configFile: string;
  readonly logFile: string;
}

export interface SupervisorNode extends NodeBase {
  readonly kind: "supervisor";
  /** For `node packages/supervisor/src/main.ts --config FILE`; the executor adds `startCommand` to each instance. */
  readonly config: SupervisorConfigInput;
  readonly configFile: string;
  readonly logFile: string;
}

export type PlanNode = HostNode | InstanceNode | DeviceNode | FabricNode | RouterNode | SupervisorNode;

export interface LinkEnd {
  readonly node: string;
  /** At most 15 characters, unique in its node. */
  readonly interface: string;
  /** "ip/length", both families. */
  readonly addresses: readonly string[];
}

/** One veth pair. */
export interface PlanLink {
  readonly name: string;
  /** What `tandem cut` calls it. */
  readonly role: "outside" | "inside" | "partner" | "vnet" | "site" | "control";
  readonly a: LinkEnd;
  readonly b: LinkEnd;
  readonly mtu?: number;
}

export interface PlanRoute {
  /** "0.0.0.0/0", "::/0" or any prefix. */
  readonly prefix: string;
  readonly via?: string;
  readonly interface?: string;
  /** "unreachable": a route of last resort, metric 4294967295 in its table. */
  readonly type?: "unicast" | "unreachable";
  readonly table?: number;
  /** Preferred source address. */
  readonly source?: string;
}

/** `ip rule add priority P iif I lookup T`, in both families. */
export interface PlanRule {
  readonly priority: number;
  readonly iif: string;
  readonly table: number;
}

export interface PlanGuard {
  readonly from: string;
  readonly to: string;
}

export interface PlanSeat {
  readonly name: string;
  readonly gateway: string;
  readonly publicIps: readonly string[];
  readonly bgpIp: string;
  /** The instance that holds it at the start, with epoch 1. */
  readonly owner: string;
}

export interface PlanGateway {
  readonly name: string;
  readonly activeActive: boolean;
  readonly asn: number;
  readonly vnetPrefixes: readonly string[];
  readonly instances: readonly string[];
  readonly seats: readonly string[];
}

export interface PlanSite {
  readonly name: string;
  readonly prefixes: readonly string[];
  readonly devices: readonly string[];
  readonly hosts: readonly string[];
}

export interface PlanTunnel {
  /** `connection|seat|remote`. */
  readonly id: string;
  readonly connection: string;
  readonly seat: string;
  readonly remote: string;
  readonly bgp: boolean;
}

/**
 * A certificate of the lab's own authority. Configs refer to it by place holders: `pem:chain:NAME` and
 * `pem:key:NAME` for the certificate and its key, `pem:root:AUTHORITY` for the authority's own certificate.
 */
export interface PlanCertificate {
  readonly name: string;
  readonly authority: string;
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  readonly addresses: readonly string[];
  readonly usage: "server" | "client";
}

export interface PlanProbe {
  readonly from: string;
  readonly to: string;
  /** Address of `to`; absent for a client whose virtual address is not known beforehand. */
  readonly destination?: string;
}

/** A node's name as a file name or namespace suffix: "gw/IN_0" becomes "gw-IN_0". */
export const nodeFileName = (node: string): string => node.replaceAll("/", "-");

/** Table into which an instance's or device's process puts `default dev tun0`; `iif in` looks there first. */
export const TUN_TABLE = 100;
/** Priority of that rule: after `local` (0), before `main`. */
export const TUN_RULE_PRIORITY = 100;
