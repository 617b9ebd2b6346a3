/** What each role may do in its container, and why. No container is privileged; everything else is dropped. */
import type { NodeKind, PlanNode } from "@tandem/contract";
import { partsOf } from "./device-parts.ts";

export interface RoleNeeds {
  /** Linux capabilities with the reason for each. */
  readonly capabilities: Readonly<Record<string, string>>;
  readonly tun: boolean;
}

const ADDRESSES = "sets the plan's addresses and routes on its interfaces";

export const ROLE_NEEDS: Readonly<Record<NodeKind, RoleNeeds>> = {
  host: { capabilities: { NET_ADMIN: ADDRESSES, NET_RAW: "ping" }, tun: false },
  router: { capabilities: { NET_ADMIN: `${ADDRESSES}, spreads flows over devices` }, tun: false },
  fabric: {
    capabilities: { NET_ADMIN: `${ADDRESSES}, routes each seat to its owner, filters seat addresses` },
    tun: false,
  },
  supervisor: {
    capabilities: { NET_ADMIN: ADDRESSES, NET_RAW: "probes the data path with ICMP" },
    tun: false,
  },
  instance: {
    capabilities: {
      NET_ADMIN: `${ADDRESSES}, TUN offloads, policy routes, TCP MD5`,
      NET_RAW: "ESP as IP protocol 50",
      NET_BIND_SERVICE: "UDP 500 (IKE) and TCP 179 (BGP)",
    },
    tun: true,
  },
  device: {
    capabilities: {
      NET_ADMIN: `${ADDRESSES}, TUN offloads, policy routes, TCP MD5`,
      NET_RAW: "ESP as IP protocol 50",
      NET_BIND_SERVICE: "UDP 500 (IKE) and TCP 179 (BGP)",
    },
    tun: true,
  },
};

export type DeviceRouter = "bird" | "frr";

/** One charon of a third-party device. */
export const TUNNEL_NEEDS: RoleNeeds = {
  capabilities: {
    NET_ADMIN: `${ADDRESSES}, charon's TUN device and routes`,
    NET_BIND_SERVICE: "UDP 500 (IKE)",
  },
  tun: true,
};

/** The router of a third-party device, in front of its charons. */
const ROUTER_PART_CAPABILITIES = {
  NET_ADMIN: `${ADDRESSES}, the routes that BGP learns`,
  NET_RAW: "BIRD and FRR bind their sockets to interfaces",
  NET_BIND_SERVICE: "TCP 179 (BGP)",
};
const FRR_CAPABILITIES = {
  SYS_ADMIN: "FRR's daemons ask for it at their start (VRFs in network namespaces) and end without it",
};

export function needsOf(node: PlanNode, router: DeviceRouter): RoleNeeds {
  if (node.kind !== "device" || partsOf(node).length === 0) return ROLE_NEEDS[node.kind];
  const more = router === "frr" ? FRR_CAPABILITIES : {};
  return { capabilities: { ...ROUTER_PART_CAPABILITIES, ...more }, tun: false };
}

/** Bit numbers of linux/capability.h, for the preflight. */
export const CAPABILITY_BITS: Readonly<Record<string, number>> = {
  NET_BIND_SERVICE: 10,
  NET_ADMIN: 12,
  NET_RAW: 13,
  SYS_ADMIN: 21,
};
