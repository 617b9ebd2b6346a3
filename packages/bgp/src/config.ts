/**
 * What a speaker and its peers are told. Data only: it comes from the gateway's configuration, it may be pushed
 * again whole at any time, and a speaker applies the difference (`peer-set`).
 *
 * Times are seconds here, because that is the unit of the protocol; the engine's own clock is milliseconds.
 */
import type { Policy } from "./policy.ts";

/** Address families that are spoken: AFI 1 and 2, SAFI 1 (RFC 4760). */
export type Family = "ipv4-unicast" | "ipv6-unicast";

/** One speaker is one seat: one local address, one ASN, one router id. */
export interface SpeakerConfig {
  /** The seat's BGP address: shown as `localAddress`, and the default source of its sessions. */
  readonly localAddress: string;
  readonly asn: number;
  /** BGP identifier, dotted text (RFC 6286: any non-zero 32-bit number, unique in the AS). */
  readonly routerId: string;
  /**
   * Most equal paths to one prefix that go into the FIB, eBGP and iBGP separately; 1 turns multipath off. Default 16.
   * Equal means equal up to and including MED, with the same AS-path length (azure-vpn-gateway §3.2).
   */
  readonly maximumPaths?: number;
  /**
   * iBGP paths are of last resort: any eBGP path beats every iBGP path, before LOCAL_PREF is looked at
   * (DESIGN §3). Default false, which is RFC 4271's order.
   */
  readonly ibgpLastResort?: boolean;
  /** Compare MED between different neighbouring ASes. Default false (RFC 4271 §9.1.2.2 c). */
  readonly alwaysCompareMed?: boolean;
  /**
   * Whether `routes-changed` effects are produced. Default true. A route server has no FIB.
   */
  readonly fib?: boolean;
  /**
   * Seconds that a speaker which took over waits for its peers' routes before it advertises (Selection_Deferral_Timer,
   * RFC 4724 §4.1), and for a peer to come back at all. Default 60.
   */
  readonly selectionDeferralTime?: number;
  /** Prefixes held at most, over all peers and families; whoever sends more loses its session. Default 4,000,000. */
  readonly maximumPrefixes?: number;
  /** `weight` in API shapes. Default 32768, as seen on real gateways. */
  readonly weight?: number;
}

export interface PeerConfig {
  /** Key of the peer within its speaker; the gateway uses the tunnel's id. */
  readonly name: string;
  /** The peer's address, canonical text. Unique within the speaker. */
  readonly neighbor: string;
  readonly asn: number;
  /** Default: the speaker's `localAddress`. With APIPA, the seat's custom address. */
  readonly localAddress?: string;
  /** Default 179. */
  readonly remotePort?: number;
  /** Never dials; waits for the peer (the cloud with an APIPA peer). Default false. */
  readonly passive?: boolean;
  /** Default true; false keeps the peer in Idle until `peer-start`. */
  readonly enabled?: boolean;
  /**
   * Starts without a path: nothing is dialled and no route of the peer is used until
   * `path-availability { available: true }`. Default false.
   */
  readonly waitForPath?: boolean;
  /** Seconds; 0 or at least 3 (RFC 4271 §4.2). Default 180. */
  readonly holdTime?: number;
  /** Seconds. Default: a third of the hold time in use. */
  readonly keepaliveTime?: number;
  /** Hold and keepalive times are ours whatever the peer offers (the cloud's way). Default false: the smaller offer wins. */
  readonly fixedTimers?: boolean;
  /** Seconds between dials. Default 120 (RFC 4271 §10), jittered to 75-100 %. The `fast` profile sets it low. */
  readonly connectRetryTime?: number;
  /** Seconds to wait with our OPEN for the peer's (DelayOpen, RFC 4271 §8.1.1). Default 0: none. */
  readonly delayOpenTime?: number;
  /** Seconds to stay in Idle after an error; doubled by each error in a row up to 64 times. Default 1. */
  readonly idleHoldTime?: number;
  /** TCP MD5 (RFC 2385) is in use. The key itself never enters the engine: the driver knows it by the peer's name. */
  readonly md5?: boolean;
  /** GTSM (RFC 5082): most hops to the peer. Sends TTL 255 and accepts TTL >= 256 - hops. */
  readonly ttlSecurity?: number;
  /** Default: both families. A session uses those that the peer offers too; with none in common it is refused. */
  readonly families?: readonly Family[];
  /** NEXT_HOP that we send. Default: the session's local address; for IPv6 routes over IPv4, its IPv4-mapped form. */
  readonly nextHop?: { readonly ipv4?: string; readonly ipv6?: string };
  /** iBGP only: send ourselves as next hop instead of passing the learned one on. Default true. */
  readonly nextHopSelf?: boolean;
  readonly gracefulRestart?: GracefulRestartConfig;
  readonly maxPrefixes?: MaxPrefixes;
  readonly importPolicy?: Policy;
  readonly exportPolicy?: Policy;
}

export interface GracefulRestartConfig {
  /** Offer the capability with our families: the peer keeps our routes while we restart (RFC 4724). */
  readonly restarter: boolean;
  /** Keep the peer's routes when its session dies without a NOTIFICATION. */
  readonly helper: boolean;
  /** Seconds that the peer should wait for us; at most 4095. Default 120. */
  readonly restartTime?: number;
  /** Seconds that we keep a peer's stale routes at most once it is back. Default 360. */
  readonly stalePathTime?: number;
}

export interface MaxPrefixes {
  /** Prefixes accepted from the peer, over all families. One more drops the session with Cease (RFC 4486 subcode 1). */
  readonly limit: number;
  /** Seconds in Idle after that; 0 stays down until `peer-start`. Default 60. */
  readonly restartAfter?: number;
}
