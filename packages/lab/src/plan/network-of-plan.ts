/** From the compiled plan to namespaces, cables and lines for iproute2. */
import { isIPv6 } from "node:net";
import {
  type LabPlan,
  nodeFileName,
  type PlanGuard,
  type PlanNode,
  type PlanRoute,
  type PlanRule,
} from "@tandem/contract";
import type {
  CableLayout,
  InterfaceLayout,
  NamespaceLayout,
  NetworkLayout,
} from "../netns/network-layout.ts";
import { outsideCommands, outsideSysctls } from "../netns/outside-interface.ts";

/** `dual-redundancy.gw-IN_0`: a lab's name holds no dot, so no two labs can share a namespace. */
export function namespaceOf(lab: string, node: string): string {
  return `${lab}.${nodeFileName(node)}`;
}

export function networkOfPlan(plan: LabPlan): NetworkLayout {
  return {
    namespaces: plan.nodes.map((node) => namespaceLayout(plan, node)),
    cables: plan.links.map(
      ({ a, b, mtu }): CableLayout => ({
        ends: [
          { netns: namespaceOf(plan.lab, a.node), interface: a.interface },
          { netns: namespaceOf(plan.lab, b.node), interface: b.interface },
        ],
        ...(mtu === undefined ? {} : { mtu }),
      }),
    ),
    ...(plan.outside === undefined
      ? {}
      : {
          outside: {
            netns: namespaceOf(plan.lab, plan.outside.node),
            interface: plan.outside.interface,
            parent: plan.outside.parent,
            answersFor: plan.outside.answersFor,
          },
        }),
  };
}

function namespaceLayout(plan: LabPlan, node: PlanNode): NamespaceLayout {
  const interfaces: InterfaceLayout[] = plan.links
    .flatMap(({ a, b }) => [a, b])
    .filter((end) => end.node === node.name)
    .map((end) => ({ name: end.interface, addresses: end.addresses }));
  const outside = plan.outside?.node === node.name ? plan.outside : undefined;
  if (outside !== undefined) interfaces.push({ name: outside.interface, addresses: outside.addresses });
  // A Tandem process adds its seats' addresses itself. Of a third-party device this is the router; see peers/strongswan.ts.
  if (node.kind === "device" && node.software !== "tandem") {
    const seat = node.config.seats[0];
    if (seat !== undefined) {
      interfaces.push({ name: "lo", addresses: [withHostLength(seat.bgpIp)] });
    }
  }
  return {
    netns: namespaceOf(plan.lab, node.name),
    interfaces,
    sysctls: outside === undefined ? node.sysctls : { ...node.sysctls, ...outsideSysctls(outside.interface) },
    commands: [
      ...guardCommands(node.guards, new Set(interfaces.map(({ name }) => name))),
      ...node.rules.flatMap(ruleCommands),
      ...node.routes.map(routeCommand),
      ...(outside === undefined ? [] : outsideCommands(outside.interface, outside.answersFor)),
    ],
  };
}

export function withHostLength(address: string): string {
  if (address.includes("/")) return address;
  return `${address}/${isIPv6(address) ? 128 : 32}`;
}

function ruleCommands(rule: PlanRule): string[] {
  const words = `rule add priority ${rule.priority} iif ${rule.iif} lookup ${rule.table}`;
  return [`-4 ${words}`, `-6 ${words}`];
}

function routeCommand(route: PlanRoute): string {
  const family = route.prefix.includes(":") ? "-6" : "-4";
  const table = route.table === undefined ? "" : ` table ${route.table}`;
  if (route.type === "unreachable") {
    return `${family} route add unreachable ${route.prefix}${table} metric 4294967295`;
  }
  const via = route.via === undefined ? "" : ` via ${route.via}`;
  const device = route.interface === undefined ? "" : ` dev ${route.interface}`;
  const source = route.source === undefined ? "" : ` src ${route.source}`;
  // The far end of a point-to-point cable may lie outside every prefix of ours.
  const onLink = route.via !== undefined && route.interface !== undefined ? " onlink" : "";
  return `${family} route add ${route.prefix}${via}${device}${source}${onLink}${table}`;
}

/** After the rules that a Tandem process makes for itself (99 to 114), before `main`. */
const GUARD_PRIORITY = 150;
/** The process puts its outside link into the first of these too; both then suppress the same routes. */
const OUTSIDE_GROUP = 4500;
const FIRST_OTHER_GROUP = 4501;

/**
 * "Nothing from A is ever forwarded to B", with what every kernel has: B joins a device group, and packets from A are
 * looked up in `main` with routes through that group suppressed; what finds none is unreachable. The rules name
 * interfaces by text, so they hold for a TUN device that is yet to be made, and outlive the process that makes it.
 * A guard towards an interface that is yet to be made closes its source altogether: there is nothing to put in a group.
 */
export function guardCommands(guards: readonly PlanGuard[], interfaces: ReadonlySet<string>): string[] {
  const sources = [...new Set(guards.map(({ from }) => from))];
  const targetsOf = (from: string) => guards.filter((guard) => guard.from === from).map(({ to }) => to);
  const groups = new Map<string, number>();
  const commands: string[] = [];
  for (const from of sources) {
    const targets = targetsOf(from);
    if (!targets.every((to) => interfaces.has(to))) {
      commands.push(
        ...["-4", "-6"].map(
          (family) => `${family} rule add priority ${GUARD_PRIORITY} iif ${from} unreachable`,
        ),
      );
      continue;
    }
    const known = targets.map((to) => groups.get(to)).find((group) => group !== undefined);
    const group = known ?? (targets.includes("out") ? OUTSIDE_GROUP : FIRST_OTHER_GROUP + groups.size);
    for (const to of targets) {
      const earlier = groups.get(to);
      if (earlier !== undefined && earlier !== group) {
        throw new TypeError(`guards: ${to} would have to be in two device groups`);
      }
      if (earlier === undefined) commands.push(`-4 link set dev ${to} group ${group}`);
      groups.set(to, group);
    }
    for (const family of ["-4", "-6"]) {
      commands.push(
        `${family} rule add priority ${GUARD_PRIORITY} iif ${from} lookup main suppress_ifgroup ${group}`,
        `${family} rule add priority ${GUARD_PRIORITY + 1} iif ${from} unreachable`,
      );
    }
  }
  return commands;
}
