/**
 * What the main thread may ask of the data-plane worker, and what the worker tells back.
 *
 *      main thread                                   worker (blocks in poll)
 *      ──────────── Command ─▶ MessagePort + eventfd ─▶ applied between two batches
 *      ◀─── DataPlaneEvent ─── MessagePort ──────────── ike packets, expiries, ICMP needs, ...
 *      ◀─── counters ───────── shared arena (Atomics) ─ read at any time without stopping the loop
 *
 * Every command is answered by `done` or `refused` with its `id`, in order.
 */
import type { ChildSaLiveState, ChildSaParameters, SequenceBlock } from "@tandem/esp";

/** One FIB entry: where packets to `prefix` go. Several tunnels are an equal-cost set, spread by flow. */
export interface FibEntry {
  readonly prefix: string;
  /** Connection + seat + remote, the tunnel's id; each tunnel's current outbound Child SA is set with `switch-outbound`. */
  readonly tunnels: readonly string[];
  readonly source: "static" | "bgp" | "host-route" | "pool";
}

export type Command = { readonly id: number } & (
  | {
      readonly kind: "add-tunnel";
      readonly tunnel: string;
      readonly connection: string;
      readonly seat: string;
      readonly remote: string;
    }
  | { readonly kind: "remove-tunnel"; readonly tunnel: string }
  | {
      /** Installs both directions. Inbound works at once; outbound only after `switch-outbound` (make-before-break). */
      readonly kind: "add-child-sa";
      readonly tunnel: string;
      readonly sa: ChildSaParameters;
      readonly sequence: SequenceBlock;
      /** Present when the SA is adopted from the partner. */
      readonly live?: ChildSaLiveState;
    }
  | { readonly kind: "switch-outbound"; readonly tunnel: string; readonly childSa: string }
  | { readonly kind: "remove-child-sa"; readonly childSa: string }
  | { readonly kind: "reserve-sequence"; readonly childSa: string; readonly block: SequenceBlock }
  /** NAT rebinding, decided by IKE on an authenticated packet. */
  | {
      readonly kind: "move-endpoint";
      readonly childSa: string;
      readonly remote: string;
      readonly remotePort: number;
    }
  /** Replaces or removes entries; one command is one consistent change. */
  | { readonly kind: "fib"; readonly set: readonly FibEntry[]; readonly remove: readonly string[] }
  /** Takes up or drops a seat: opens or closes its outside sockets. */
  | {
      readonly kind: "add-seat";
      readonly seat: string;
      readonly epoch: number;
      readonly addresses: readonly string[];
    }
  | { readonly kind: "remove-seat"; readonly seat: string }
  /**
   * A hand-over without loss: what comes for a held seat waits in the kernel's queues. `all`: neither its sockets nor
   * the TUN (which all seats share) are read; `sockets`: only its sockets are not. Allowed before `add-seat`.
   */
  | { readonly kind: "hold-seat"; readonly seat: string; readonly what: "all" | "sockets" | "nothing" }
  /** On: other seats' tunnels to the same prefixes are used for sending, where there are any. */
  | { readonly kind: "leave-seat"; readonly seat: string; readonly on: boolean }
  /** Answered when everything has been sent or delivered that stood in the queues when the command came. */
  | { readonly kind: "run-dry" }
  /** What another holder of the SA has seen is seen here too. */
  | {
      readonly kind: "merge-replay";
      readonly childSa: string;
      readonly replay: ChildSaLiveState["replay"];
    }
  /** An IKE datagram to send from a seat's port 500 or 4500 (the worker owns port 4500's socket and adds the non-ESP marker). */
  | {
      readonly kind: "send-ike";
      readonly local: string;
      readonly localPort: number;
      readonly remote: string;
      readonly remotePort: number;
      readonly payload: Uint8Array;
    }
  /** Ids of the seat's Child SAs that have carried packets since the last time: received ones, or any. */
  | { readonly kind: "take-active"; readonly seat: string; readonly direction: "in" | "any" }
  | { readonly kind: "export-child-sa"; readonly childSa: string }
  | { readonly kind: "capture"; readonly on: boolean }
  | {
      readonly kind: "explain";
      readonly source: string;
      readonly destination: string;
      readonly protocol: number;
      readonly sourcePort: number;
      readonly destinationPort: number;
    }
  | { readonly kind: "stop" }
);

export type DataPlaneEvent =
  | { readonly kind: "done"; readonly id: number; readonly value?: unknown }
  | { readonly kind: "refused"; readonly id: number; readonly reason: string }
  | {
      readonly kind: "ike";
      readonly local: string;
      readonly localPort: number;
      readonly remote: string;
      readonly remotePort: number;
      readonly payload: Uint8Array;
    }
  /** Asked for well before the block is used up; packets are dropped as `no-sequence` when the answer is late. */
  | { readonly kind: "need-sequence"; readonly childSa: string; readonly reservedUpTo: number }
  | {
      readonly kind: "expire-soft" | "expire-hard";
      readonly childSa: string;
      readonly cause: "bytes" | "packets";
    }
  /** An ESP packet came to `local` with an SPI that no SA here has; a few per second are told of. */
  | { readonly kind: "unknown-spi"; readonly local: string; readonly remote: string; readonly spi: number }
  /** An authenticated packet came from another outer address or port than the SA's. */
  | {
      readonly kind: "endpoint-moved";
      readonly childSa: string;
      readonly remote: string;
      readonly remotePort: number;
    }
  | {
      readonly kind: "captured";
      readonly interface: string;
      readonly direction: "in" | "out";
      readonly at: number;
      readonly packet: Uint8Array;
    }
  | { readonly kind: "fault"; readonly reason: string };
