/**
 * The package in one screen: everything that goes into a speaker and comes out of it.
 *
 *      peer-set, network-set ─┐                        ┌─▶ connect, write, close      (the TCP driver)
 *      tcp-*                 ─┼─▶  BgpSpeaker (engine) ─┼─▶ routes-changed             (the FIB)
 *      path-availability     ─┘                        └─▶ peer-state, log            (status, events)
 *
 * Connections are numbers: those of `connect` are chosen by the engine and negative, those of `tcp-accepted` are
 * chosen by the driver and positive; a number is never used twice by one speaker.
 */
import type { PeerConfig } from "./config.ts";
import type { SpeakerState } from "./speaker-state.ts";

export type BgpInput =
  /** Adds a peer or replaces its configuration; a live session survives when only policy or limits changed. */
  | { readonly kind: "peer-set"; readonly peer: PeerConfig }
  /** Ends the session with Cease / Peer De-configured. */
  | { readonly kind: "peer-removed"; readonly peer: string }
  /** ManualStart / ManualStop (RFC 4271 §8.1.2). */
  | { readonly kind: "peer-start"; readonly peer: string }
  | { readonly kind: "peer-stop"; readonly peer: string; readonly communication?: string }
  /** Asks the peer to send everything again (RFC 2918), or sends everything to it again. */
  | { readonly kind: "refresh"; readonly peer: string; readonly direction: "in" | "out" }
  /** The tunnel under a peer is up or down: its routes are used only while it is up. The session is left to its timers. */
  | { readonly kind: "path-availability"; readonly peer: string; readonly available: boolean }
  /** The peer may have restarted. A KEEPALIVE goes out now, and a session that the peer has lost ends with what its TCP answers. */
  | { readonly kind: "probe"; readonly peer: string }
  /** Originates a prefix. `tag` says what it is ("vnet", "lng", "host-route"); policies match on it. */
  | { readonly kind: "network-set"; readonly prefix: string; readonly tag: string; readonly med?: number }
  | { readonly kind: "network-removed"; readonly prefix: string }
  | {
      readonly kind: "tcp-accepted";
      readonly connection: number;
      readonly localAddress: string;
      readonly localPort: number;
      readonly remote: string;
      readonly remotePort: number;
    }
  /** A `connect` succeeded. `localPort` is remembered for failover. */
  | {
      readonly kind: "tcp-connected";
      readonly connection: number;
      readonly localAddress: string;
      readonly localPort: number;
    }
  /** `bytes` may be reused by the driver after the call. */
  | { readonly kind: "tcp-data"; readonly connection: number; readonly bytes: Uint8Array }
  /** Bytes of earlier `write` effects that have left the driver's queue. Without it a session stops sending routes. */
  | { readonly kind: "tcp-written"; readonly connection: number; readonly bytes: number }
  /** The connection failed, was refused or ended; nothing more comes from it. Not sent after our own `close`. */
  | { readonly kind: "tcp-closed"; readonly connection: number; readonly reason: string }
  /** Takes over what `BgpSpeaker.exportState` gave in a dead process. Before anything else but `peer-set`. */
  | { readonly kind: "adopt"; readonly state: SpeakerState };

export type BgpEffect =
  /** Dial. Answered by `tcp-connected` or `tcp-closed`. */
  | ({
      readonly kind: "connect";
      readonly peer: string;
      readonly connection: number;
      readonly localAddress: string;
      /** Bind to this source port (with address reuse), when given. */
      readonly localPort?: number;
      readonly remote: string;
      readonly remotePort: number;
    } & TransportOptions)
  /** Send in order. The bytes belong to the driver from here on. Report progress with `tcp-written`. */
  | { readonly kind: "write"; readonly peer: string; readonly connection: number; readonly bytes: Uint8Array }
  /** Close after what was written has been sent; with `abort`, at once. Also ends a dial that is under way. */
  | {
      readonly kind: "close";
      readonly peer: string | undefined;
      readonly connection: number;
      readonly abort: boolean;
    }
  /** Entries of the FIB that changed; a set replaces the earlier entry of its prefix. At most a few thousand at a time. */
  | { readonly kind: "routes-changed"; readonly set: readonly FibRoute[]; readonly remove: readonly string[] }
  | {
      readonly kind: "peer-state";
      readonly peer: string;
      readonly old: PeerState;
      readonly new: PeerState;
      readonly reason: string;
    }
  | {
      readonly kind: "log";
      readonly level: "debug" | "info" | "warning";
      readonly peer: string | undefined;
      readonly message: string;
    };

/** The states of RFC 4271 §8.2.2. */
export type PeerState = "Idle" | "Connect" | "Active" | "OpenSent" | "OpenConfirm" | "Established";

/** What the driver must set on a socket before its handshake, dialled or accepted. */
export interface TransportOptions {
  /** TCP MD5 with the peer's key. */
  readonly md5: boolean;
  /** TTL or hop limit of what we send; the system's default when absent. */
  readonly ttl?: number;
  /** Packets with a lower TTL are to be dropped (RFC 5082). */
  readonly minimumTtl?: number;
}

export interface FibRoute {
  readonly prefix: string;
  /** Equal-cost set, at least one. */
  readonly nextHops: readonly FibNextHop[];
  readonly source: "ebgp" | "ibgp";
}

export interface FibNextHop {
  /** The NEXT_HOP attribute as received. */
  readonly address: string;
  /** The peer it was learned from: packets go into that peer's tunnel. */
  readonly peer: string;
}
