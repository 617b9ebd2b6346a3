/**
 * A third-party device with several tunnels is several containers, as in the lab in namespaces (peers/strongswan.ts draws it):
 * strongSwan's userspace ESP holds one any-to-any tunnel, so each tunnel has a charon in a container of its own, and the
 * device's container is the router in front of them, with BIRD or FRR.
 *
 *      device1 ── o0, i0 ── device1/t0: charon
 *              └─ o1, i1 ── device1/t1: charon
 */
import type { DeviceNode, LabPlan, PlanLink } from "@tandem/contract";
import { type DeviceTunnels, deviceTunnels } from "../peers/device-tunnels.ts";

export interface TunnelPart {
  /** "device1/t0": a node of the containers, not of the plan. */
  readonly name: string;
  readonly device: DeviceNode;
  readonly index: number;
}

/** Empty for a device of ours and for one whose charon and router share a container. */
export function partsOf(device: DeviceNode): TunnelPart[] {
  const tunnels = device.config.connections?.length ?? 0;
  if (device.software !== "strongswan" || device.role !== "gateway" || tunnels < 2) return [];
  return Array.from({ length: tunnels }, (_, index) => ({ name: `${device.name}/t${index}`, device, index }));
}

export const tunnelParts = (plan: LabPlan): TunnelPart[] =>
  plan.nodes.flatMap((node) => (node.kind === "device" ? partsOf(node) : []));

/** The plan's links and, after them, the two cables of each part. Their addresses are laid with the routes. */
export function containerLinks(plan: LabPlan): PlanLink[] {
  const cable = (part: TunnelPart, far: string, near: string): PlanLink => ({
    name: `${part.name}-${far}`,
    role: "site",
    a: { node: part.name, interface: far, addresses: [] },
    b: { node: part.device.name, interface: `${near}${part.index}`, addresses: [] },
  });
  return [
    ...plan.links,
    ...tunnelParts(plan).flatMap((part) => [cable(part, "outer", "o"), cable(part, "inner", "i")]),
  ];
}

/** `folder`: of the container, for each charon's files. */
export const tunnelsOf = (device: DeviceNode, folder: string): DeviceTunnels =>
  deviceTunnels(device, (index) => ({ netns: `${device.name}/t${index}`, folder, logFile: "stdout" }));
