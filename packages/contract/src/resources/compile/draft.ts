/** The plan while it is being put together: nodes with growing route lists, links, and the numbering that they share. */
import { familyOf, hostNetwork } from "../ip-network.ts";
import type { LabFile } from "../lab-file.ts";
import {
  nodeFileName,
  type PlanCertificate,
  type PlanGuard,
  type PlanLink,
  type PlanNode,
  type PlanProbe,
  type PlanRoute,
  type PlanRule,
} from "../plan.ts";
import type { CompileOptions } from "./compile-lab.ts";
import { type LinkAddresses, Underlay, withLinkLength } from "./underlay.ts";

export interface NodeNetwork {
  readonly sysctls: Record<string, string>;
  readonly routes: PlanRoute[];
  readonly rules: PlanRule[];
  readonly guards: PlanGuard[];
}

export const ANY: readonly string[] = ["0.0.0.0/0", "::/0"];

/** What every forwarding node needs: no filtering by reverse path, L4 hashing, no ICMP rate surprises. */
const ROUTER_SYSCTLS: Readonly<Record<string, string>> = {
  "net.ipv4.ip_forward": "1",
  "net.ipv6.conf.all.forwarding": "1",
  "net.ipv4.conf.all.rp_filter": "0",
  "net.ipv4.conf.default.rp_filter": "0",
  "net.ipv4.fib_multipath_hash_policy": "1",
  "net.ipv6.fib_multipath_hash_policy": "1",
  "net.ipv4.conf.all.send_redirects": "0",
  "net.ipv4.conf.default.send_redirects": "0",
};

export class Draft {
  readonly file: LabFile;
  readonly options: CompileOptions;
  readonly profile: "fast" | "hitless" | "azure";
  readonly underlay: Underlay = new Underlay();
  readonly nodes: PlanNode[] = [];
  readonly links: PlanLink[] = [];
  readonly certificates: PlanCertificate[] = [];
  readonly probes: PlanProbe[] = [];
  readonly fabric: NodeNetwork = routerNetwork();
  readonly fabricEdges: string[] = [];
  readonly #secrets = new Map<string, string>();

  constructor(file: LabFile, options: CompileOptions) {
    const { encapsulation = file.tandem.options.encapsulation } = options;
    const { tandem } = file;
    this.file = { ...file, tandem: { ...tandem, options: { ...tandem.options, encapsulation } } };
    this.options = options;
    this.profile = options.profile ?? file.tandem.profile;
  }

  path(folder: string, node: string, suffix: string): string {
    return `${this.options.runDirectory}/${folder}/${nodeFileName(node)}${suffix}`;
  }

  socket(node: string): string {
    return this.path("control", node, ".sock");
  }

  /** A point-to-point link with underlay addresses; `a` and `b` may have further addresses of their own. */
  link(
    role: PlanLink["role"],
    a: { node: string; interface: string; addresses?: readonly string[] },
    b: { node: string; interface: string; addresses?: readonly string[] },
  ): LinkAddresses {
    const pair = this.underlay.allocate();
    this.links.push({
      name: `${a.node}:${a.interface}`,
      role,
      a: {
        node: a.node,
        interface: a.interface,
        addresses: [...(a.addresses ?? []), ...withLinkLength(pair.a)],
      },
      b: {
        node: b.node,
        interface: b.interface,
        addresses: [...(b.addresses ?? []), ...withLinkLength(pair.b)],
      },
    });
    return pair;
  }

  /** One link of a node to the outside: a default route, and the fabric's host routes to `publicIps` behind it. */
  edge(node: string, fabricInterface: string, network: NodeNetwork, publicIps: readonly string[]): void {
    const pair = this.link(
      "outside",
      { node, interface: "out" },
      { node: "fabric", interface: fabricInterface },
    );
    network.routes.push(...defaultVia(pair.b, "out"));
    this.fabricEdges.push(fabricInterface);
    for (const ip of publicIps) {
      this.fabric.routes.push({
        prefix: hostNetwork(ip),
        via: sameFamily(pair.a, ip),
        interface: fabricInterface,
      });
    }
  }

  /** The same secret for the same label: both ends of a tunnel ask for it. */
  secret(label: string, bytes: number): string {
    let secret = this.#secrets.get(label);
    if (secret === undefined) {
      secret = this.options.randomHex(bytes, label);
      this.#secrets.set(label, secret);
    }
    return secret;
  }
}

export function routerNetwork(): NodeNetwork {
  return { sysctls: { ...ROUTER_SYSCTLS }, routes: [], rules: [], guards: [] };
}

export const sameFamily = (addresses: readonly string[], as: string): string =>
  addresses.find((a) => familyOf(a) === familyOf(as))!;

export const defaultVia = (via: readonly string[], device: string): PlanRoute[] =>
  ANY.map((prefix) => ({ prefix, via: sameFamily(via, prefix), interface: device }));

/** Routes to `prefixes` over a point-to-point link, leaving out families that the link does not have. */
export const routesVia = (
  prefixes: readonly string[],
  via: readonly string[],
  device: string,
  table?: number,
): PlanRoute[] =>
  prefixes.map((prefix) => ({
    prefix,
    via: sameFamily(via, prefix),
    interface: device,
    ...(table === undefined ? {} : { table }),
  }));

export const unreachable = (table: number): PlanRoute[] =>
  ANY.map((prefix) => ({ prefix, type: "unreachable" as const, table }));

/** No packet passes between the two, in either direction. */
export const guardBetween = (a: string, b: string): PlanGuard[] => [
  { from: a, to: b },
  { from: b, to: a },
];
