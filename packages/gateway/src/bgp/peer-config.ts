/** Neighbours of the configuration as the speaker wants them, and the speaker's own identifier. */
import type { PeerConfig } from "@tandem/bgp";
import type { BgpNeighborConfig, InstanceConfig, SeatConfig } from "@tandem/contract";
import { addressFamily } from "@tandem/wire";
import { exportPolicy, importPolicy } from "./routing-policy.ts";

/** Seconds between dials, by profile: the cloud's clock, or as soon as known. */
const CONNECT_RETRY = { azure: 10, fast: 1, hitless: 1 } as const;

export interface PeerTerms extends Pick<InstanceConfig, "kind" | "asn" | "profile"> {
  readonly localPrefixes: readonly string[];
  readonly draining: boolean;
}

/** A neighbour behind a tunnel; its name is the tunnel's id. */
export function tunnelPeer(tunnel: string, bgp: BgpNeighborConfig, terms: PeerTerms): PeerConfig {
  return {
    name: tunnel,
    neighbor: bgp.neighbor,
    asn: bgp.asn,
    ...(bgp.localAddress === undefined ? {} : { localAddress: bgp.localAddress }),
    ...(bgp.nextHop6 === undefined ? {} : { nextHop: { ipv6: bgp.nextHop6 } }),
    passive: bgp.passive,
    waitForPath: true,
    holdTime: bgp.holdTime,
    keepaliveTime: bgp.keepaliveTime,
    fixedTimers: bgp.fixedTimers,
    connectRetryTime: CONNECT_RETRY[terms.profile],
    md5: bgp.md5 !== undefined,
    ...(bgp.ttlSecurity === undefined ? {} : { ttlSecurity: bgp.ttlSecurity }),
    gracefulRestart: { restarter: bgp.gracefulRestart, helper: bgp.gracefulRestart },
    maxPrefixes: { limit: bgp.maxPrefixes },
    importPolicy: importPolicy(terms.localPrefixes),
    exportPolicy: exportPolicy(terms.kind, terms.localPrefixes, bgp.prepend, terms.draining),
  };
}

/** A seat of the partner, over iBGP. */
export const partnerPeer = (name: string, neighbor: string, terms: PeerTerms): PeerConfig => ({
  name,
  neighbor,
  asn: terms.asn,
  connectRetryTime: CONNECT_RETRY[terms.profile],
  importPolicy: importPolicy(terms.localPrefixes),
});

/** RFC 6286: any non-zero number that is unique in the AS. The seat's BGP address is, when it is IPv4. */
export function routerIdOf(configured: string | undefined, seat: SeatConfig): string {
  if (configured !== undefined) return configured;
  const address = [seat.bgpIp, ...seat.publicIps].find((candidate) => addressFamily(candidate) === 4);
  if (address !== undefined) return address;
  let hash = 0x811c9dc5;
  for (const char of seat.bgpIp) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193) >>> 0;
  return [24, 16, 8, 0].map((shift) => (hash >>> shift) & 0xff).join(".");
}
