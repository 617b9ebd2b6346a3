/**
 * What a partner keeps of a speaker so that it can take the seat over: enough to redial each peer from the same
 * port and to go on forwarding meanwhile. Serialisable; holds no secret.
 */
import type { Family } from "./config.ts";

export interface SpeakerState {
  readonly peers: readonly PeerSessionState[];
  /** Routes in use, so that the FIB of the adopter is whole before any session is back. */
  readonly routes: readonly SavedRoutes[];
}

export interface PeerSessionState {
  readonly peer: string;
  readonly neighbor: string;
  readonly localAddress: string;
  /** Ports of the TCP connection that the peer still believes in. */
  readonly localPort: number;
  readonly remotePort: number;
  /** The peer will keep our routes while we are away, for `peerRestartSeconds` at most. */
  readonly gracefulRestart: boolean;
  /** What the peer was told in our last OPEN. */
  readonly restartSeconds: number;
  readonly families: readonly Family[];
}

/** Prefixes of one peer that share a set of path attributes. */
export interface SavedRoutes {
  readonly peer: string;
  readonly family: Family;
  /** Path attributes as on the wire, 4-octet AS numbers, without NLRI. */
  readonly attributes: Uint8Array;
  readonly nextHop: string;
  readonly prefixes: readonly string[];
}
