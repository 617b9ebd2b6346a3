/**
 * What is needed to install one Child SA (a pair of simplex ESP SAs). Made by the gateway from IKE's
 * `child-sa-up` effect; serialisable, because a seat's SAs are exported to the partner instance.
 */
import type { EncryptionChoice } from "@tandem/crypto";

/** RFC 7296 §3.13.1 as text addresses. `protocol` 0 is any; ports 0..65535 is any. */
export interface TrafficSelector {
  readonly protocol: number;
  readonly startPort: number;
  readonly endPort: number;
  readonly startAddress: string;
  readonly endAddress: string;
}

/** Outer addresses of the tunnel; `udp` carries the ports when ESP travels in UDP (RFC 3948), absent for IP protocol 50. */
export interface TunnelEndpoints {
  readonly local: string;
  readonly remote: string;
  readonly udp?: { readonly localPort: number; readonly remotePort: number };
}

export interface EspKeys {
  /** Encryption key; for an AEAD without the salt. */
  readonly encryption: Uint8Array;
  /** 4 bytes for AES-GCM and ChaCha20-Poly1305 (RFC 4106 §4, RFC 7634 §2), else empty. */
  readonly salt: Uint8Array;
  /** Integrity key, empty for an AEAD. */
  readonly integrity: Uint8Array;
}

export interface ChildSaParameters {
  /** Unique in the process: names the Child SA in commands, counters and events. */
  readonly id: string;
  readonly connection: string;
  readonly seat: string;
  readonly suite: EncryptionChoice;
  readonly esn: boolean;
  readonly spiIn: number;
  readonly spiOut: number;
  readonly inbound: EspKeys;
  readonly outbound: EspKeys;
  readonly endpoints: TunnelEndpoints;
  readonly localSelectors: readonly TrafficSelector[];
  readonly remoteSelectors: readonly TrafficSelector[];
  /** 0 turns the check off (`disableIPSecReplayProtection`), else 64 to 4096. */
  readonly replayWindow: number;
  /** Soft limits raise an `expire-soft` event, hard ones end the SA. Bytes and packets of either direction. */
  readonly limits?: {
    readonly softBytes?: number;
    readonly hardBytes?: number;
    readonly softPackets?: number;
    readonly hardPackets?: number;
  };
}

/**
 * A block of outbound sequence numbers that this process may use: first and limit (exclusive), as doubles up to 2^53.
 * No number outside a reserved block is ever used, so that whoever adopts the SA starts above every block (DESIGN §3).
 */
export interface SequenceBlock {
  readonly first: number;
  readonly limit: number;
}

/** The live half of an SA, for export and adoption. */
export interface ChildSaLiveState {
  readonly id: string;
  readonly reservedUpTo: number;
  readonly replay: { readonly top: number; readonly bitmap: Uint8Array };
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
}
