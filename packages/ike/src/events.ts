/**
 * The package in one screen: everything that goes into the engine and everything that comes out.
 * Addresses are text. Payloads given to the engine belong to it from then on; payloads in effects belong to the driver.
 *
 *   datagram ──▶ ┌─────────────┐ ──▶ transmit, nat-keepalive
 *   connection ▶ │ IkeEndpoint │ ──▶ ike-sa-up / -down, child-sa-up / -outbound-ready / -down, endpoints-changed
 *   ESP's news ▶ │  (engine)   │ ──▶ crypto-job (answered by crypto-result)
 *   replicated ▶ └─────────────┘ ──▶ replicate, transcript, log
 */
import type { CryptoJob, CryptoResult, EncryptionChoice } from "@tandem/crypto";
import type { IkeConnection, TrafficSelector } from "./config.ts";
import type { ExportedIkeSa } from "./exported-ike-sa.ts";
import type { TranscriptEntry } from "./transcript/entry.ts";

/** One UDP datagram's outer addresses. The non-ESP marker of port 4500 is not part of the payload, either way. */
export interface Datagram {
  readonly local: string;
  readonly localPort: number;
  readonly remote: string;
  readonly remotePort: number;
  readonly payload: Uint8Array;
}

export type IkeInput =
  /** Adds or replaces. A change of keys, identities, addresses or policy takes the tunnel down and up again; nothing else does. */
  | { readonly kind: "connection-set"; readonly connection: IkeConnection }
  | { readonly kind: "connection-removed"; readonly tunnel: string }
  | { readonly kind: "initiate"; readonly tunnel: string }
  /** Deletes the tunnel's IKE SA; a connection that initiates stays down until `initiate` when `hold` is true. */
  | {
      readonly kind: "terminate";
      readonly tunnel: string;
      readonly reason: string;
      readonly hold?: boolean;
      /** Sends nothing: the SAs belong to somebody else now (a dropped seat). */
      readonly silent?: boolean;
    }
  | {
      readonly kind: "rekey";
      readonly tunnel: string;
      readonly what: "ike" | "child" | "reauthenticate";
      /** Absent: every Child SA. */
      readonly childSa?: string;
    }
  | ({ readonly kind: "datagram" } & Datagram)
  | { readonly kind: "crypto-result"; readonly id: number; readonly result: CryptoResult }
  | {
      readonly kind: "child-soft-expired" | "child-hard-expired";
      readonly childSa: string;
      readonly cause: "bytes" | "packets" | "sequence" | "time";
    }
  /** An authenticated ESP packet came in: proof of life, and of the peer using a new SA. Once in a while is enough. */
  | { readonly kind: "esp-received"; readonly childSa: string }
  /** An authenticated ESP packet came from another outer address or port. */
  | {
      readonly kind: "endpoint-moved";
      readonly childSa: string;
      readonly remote: string;
      readonly remotePort: number;
    }
  /** An ESP packet with an SPI that nobody owns came from this address: its peer is told so, if there is one and it goes on (RFC 7296 §1.5). */
  | { readonly kind: "esp-unknown-spi"; readonly remote: string; readonly spi: number }
  | { readonly kind: "replicated"; readonly barrier: number }
  /** Takes over IKE SAs from the partner. Their Child SAs are not announced again: their live half comes with ESP's state. */
  | {
      readonly kind: "adopt";
      readonly ikeSas: readonly ExportedIkeSa[];
      /** Announce each Child SA with `child-sa-up` (for a driver that has no ESP state of its own). */
      readonly announce?: boolean;
    };

export interface EspKeyMaterial {
  readonly encryption: Uint8Array;
  readonly salt: Uint8Array;
  readonly integrity: Uint8Array;
}

/** Shaped as esp's ChildSaParameters wants it; the gateway adds connection, seat, replay window and limits. */
export interface ChildSaInstall {
  readonly childSa: string;
  readonly suite: EncryptionChoice;
  readonly esn: boolean;
  readonly spiIn: number;
  readonly spiOut: number;
  readonly inbound: EspKeyMaterial;
  readonly outbound: EspKeyMaterial;
  readonly endpoints: {
    readonly local: string;
    readonly remote: string;
    /** Present when ESP travels in UDP. */
    readonly udp?: { readonly localPort: number; readonly remotePort: number };
  };
  readonly localSelectors: readonly TrafficSelector[];
  readonly remoteSelectors: readonly TrafficSelector[];
}

/** Why something ended, for people and for the caller's logic. */
export type DownCause =
  | "asked" // terminate, connection-removed, connection changed
  | "peer-deleted"
  | "no-answer"
  | "authentication-failed"
  | "negotiation-failed"
  | "expired"
  | "rekeyed" // followed by its successor
  | "replaced" // another IKE SA of the same tunnel took over
  | "protocol-error"
  | "lost"; // silently dropped: the seat went elsewhere

export type IkeEffect =
  | ({ readonly kind: "transmit" } & Datagram)
  /** One octet 0xff from port 4500, without a non-ESP marker (RFC 3948 §4). */
  | {
      readonly kind: "nat-keepalive";
      readonly local: string;
      readonly localPort: number;
      readonly remote: string;
      readonly remotePort: number;
    }
  | { readonly kind: "crypto-job"; readonly id: number; readonly job: CryptoJob }
  | {
      readonly kind: "ike-sa-up";
      readonly tunnel: string;
      readonly ikeSa: string;
      /** The connection's tunnel, when `tunnel` was made from a template. */
      readonly template?: string;
      readonly initiator: boolean;
      readonly remote: string;
      readonly remoteId: string;
      /** The IKE SA that this one rekeys or reauthenticates. */
      readonly replaces?: string;
      /** Virtual addresses: ours when we asked, the peer's when we gave. */
      readonly virtualAddresses?: { readonly local: readonly string[]; readonly remote: readonly string[] };
    }
  | {
      readonly kind: "ike-sa-down";
      readonly tunnel: string;
      readonly ikeSa: string;
      readonly cause: DownCause;
      /** One sentence with cause and, where there is one, cure. */
      readonly reason: string;
    }
  /** An attempt that never became an IKE SA: the same words as `ike-sa-down`. */
  | {
      readonly kind: "ike-failed";
      readonly tunnel: string;
      readonly cause: DownCause;
      readonly reason: string;
    }
  /** Install both directions; use inbound at once, outbound after `child-sa-outbound-ready` (RFC 7296 §2.8). */
  | ({
      readonly kind: "child-sa-up";
      readonly tunnel: string;
      readonly ikeSa: string;
      readonly initiator: boolean;
      /** The Child SA that this one takes the place of. */
      readonly replaces?: string;
      /** That one was rekeyed (RFC 7296 §2.8). Otherwise a new IKE SA with the same peer brought this one. */
      readonly rekeyed?: boolean;
    } & ChildSaInstall)
  /** Send on this one from now on: the latest of a tunnel counts. */
  | { readonly kind: "child-sa-outbound-ready"; readonly tunnel: string; readonly childSa: string }
  /** Remove both directions. For a rekeyed SA it comes after a while of grace for packets under way. */
  | {
      readonly kind: "child-sa-down";
      readonly tunnel: string;
      readonly childSa: string;
      readonly spiIn: number;
      readonly cause: DownCause;
      readonly reason: string;
    }
  /** The peer moved (NAT rebinding), shown by an authenticated packet. */
  | {
      readonly kind: "endpoints-changed";
      readonly tunnel: string;
      readonly childSas: readonly string[];
      readonly remote: string;
      readonly remotePort: number;
    }
  /**
   * Only with the option `replicate`: copy to the partner and answer with `replicated`. Datagrams that expose the state are
   * held in the engine until then. `state` null: the IKE SA is gone.
   */
  | {
      readonly kind: "replicate";
      readonly barrier: number;
      readonly ikeSa: string;
      readonly tunnel: string;
      readonly state: ExportedIkeSa | null;
    }
  | { readonly kind: "transcript"; readonly tunnel: string | undefined; readonly entry: TranscriptEntry }
  | {
      readonly kind: "log";
      readonly level: "info" | "warning";
      readonly tunnel?: string;
      readonly message: string;
    };
