/** What each role may do in its container, and why. No container is privileged; everything else is dropped. */
import type { NodeKind } from "@tandem/contract";

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

/** Bit numbers of linux/capability.h, for the preflight. */
export const CAPABILITY_BITS: Readonly<Record<string, number>> = {
  NET_BIND_SERVICE: 10,
  NET_ADMIN: 12,
  NET_RAW: 13,
};
