/**
 * Snapshots for people and programs. The cloud's API shapes are kept apart from the protocol's own words:
 * a peer in Established is "Connected" there, and an AS path is joined with dashes (azure-vpn-gateway §3.2).
 */
import type { Family } from "./config.ts";
import type { PeerState } from "./events.ts";

/** The route of `getLearnedRoutes` and `getAdvertisedRoutes`. */
export interface GatewayRoute {
  readonly localAddress: string;
  readonly network: string;
  readonly nextHop: string | null;
  readonly sourcePeer: string;
  readonly origin: "Network" | "EBgp" | "IBgp";
  /** "65555-65515" */
  readonly asPath: string;
  readonly weight: number;
}

/** The element of `getBgpPeerStatus`. */
export interface ApiBgpPeerStatus {
  readonly localAddress: string;
  readonly neighbor: string;
  readonly asn: number;
  readonly state: "Unknown" | "Stopped" | "Idle" | "Connecting" | "Connected";
  /** .NET TimeSpan, `[d.]hh:mm:ss.fffffff`; null while not connected. */
  readonly connectedDuration: string | null;
  readonly routesReceived: number;
  readonly messagesSent: number;
  readonly messagesReceived: number;
}

export interface PeerStatus {
  readonly peer: string;
  readonly neighbor: string;
  readonly asn: number;
  readonly localAddress: string;
  readonly state: PeerState;
  /** Why it is in that state. */
  readonly reason: string;
  readonly available: boolean;
  readonly routesReceived: number;
  readonly routesAdvertised: number;
  readonly connectedSeconds: number | undefined;
  readonly messagesSent: number;
  readonly messagesReceived: number;
  readonly updatesSent: number;
  readonly updatesReceived: number;
  /** Whether the peer will keep our routes through a restart of ours. */
  readonly gracefulRestart: boolean;
  readonly holdTime: number;
  readonly keepaliveTime: number;
  readonly families: readonly Family[];
  readonly peerRouterId: string | undefined;
  readonly localPort: number | undefined;
  readonly remotePort: number | undefined;
  /** UPDATEs with errors that RFC 7606 lets a session survive, by what was done. */
  readonly treatAsWithdraw: number;
  readonly attributeDiscards: number;
}

/** Which routes a query wants. Large tables are cut at `limit` (default 10,000). */
export interface RouteQuery {
  readonly peer?: string;
  readonly prefix?: string;
  readonly limit?: number;
}

/** `why PREFIX`: every candidate with the step that decided against it. */
export interface WhyPath {
  readonly sourcePeer: string;
  readonly nextHop: string | null;
  readonly asPath: string;
  readonly localPref: number;
  readonly med: number;
  readonly origin: "IGP" | "EGP" | "INCOMPLETE";
  readonly source: "network" | "ebgp" | "ibgp";
  readonly verdict: "best" | "multipath" | "loses" | "not-eligible";
  /** The decision step's name, the policy statement's name, or what makes it not eligible. */
  readonly reason: string;
}

export interface Why {
  readonly prefix: string;
  readonly paths: readonly WhyPath[];
  readonly advertisedTo: readonly string[];
  /** Peers that do not get it, and why. */
  readonly withheldFrom: readonly { readonly peer: string; readonly reason: string }[];
}
