/**
 * A whole IKE SA with its Child SAs as one value: what failover replicates and adopts. Holds keys: it leaves the
 * process only into memory or over the encrypted channel to the partner (DESIGN §3). Structured-clone safe.
 */
import type { EncryptionChoice, GroupName, PrfName } from "@tandem/crypto";
import type { ChildSaInstall } from "./events.ts";

export interface IkeSuite extends EncryptionChoice {
  readonly prf: PrfName;
  readonly group: GroupName;
}

export interface IkeKeys {
  readonly d: Uint8Array;
  readonly ai: Uint8Array;
  readonly ar: Uint8Array;
  /** With the salt at the end for AEADs (RFC 5282 §7.1). */
  readonly ei: Uint8Array;
  readonly er: Uint8Array;
  readonly pi: Uint8Array;
  readonly pr: Uint8Array;
}

export interface ExportedChildSa extends ChildSaInstall {
  readonly policy: string;
  readonly initiator: boolean;
  /** Age in milliseconds at the time of export: monotonic clocks do not travel. */
  readonly age: number;
  readonly group: GroupName | "none";
  readonly outboundReady: boolean;
  /** The Child SA that took its place; it is on its way out. */
  readonly successor?: string;
}

export interface ExportedIkeSa {
  readonly version: 1;
  readonly ikeSa: string;
  readonly tunnel: string;
  readonly template?: string;
  readonly initiator: boolean;
  /** 16 hexadecimal digits each. */
  readonly initiatorSpi: string;
  readonly responderSpi: string;
  readonly suite: IkeSuite;
  readonly keys: IkeKeys;
  readonly local: string;
  readonly localPort: number;
  readonly remote: string;
  readonly remotePort: number;
  readonly nat: { readonly local: boolean; readonly remote: boolean };
  readonly peerSupports: {
    readonly fragmentation: boolean;
    readonly messageIdSync: boolean;
    readonly signatureHashes: readonly number[];
  };
  readonly localId: string;
  readonly remoteId: string;
  readonly virtualAddresses?: { readonly local: readonly string[]; readonly remote: readonly string[] };
  /** Rekeyed: its successor has the Child SAs, and it waits to be deleted. */
  readonly replaced?: boolean;
  readonly age: number;
  /** The message ID of the next request that we send, and of the next that we expect. */
  readonly nextSend: number;
  readonly nextReceive: number;
  /** The request under way, when there is one: repeated byte for byte by the adopter. */
  readonly outstanding?: { readonly messageId: number; readonly datagrams: readonly Uint8Array[] };
  /** The last response, for a peer that repeats its request. */
  readonly lastResponse?: { readonly messageId: number; readonly datagrams: readonly Uint8Array[] };
  /** No SK initialisation vector below this may be used by the adopter. */
  readonly ivReservedUpTo: number;
  readonly children: readonly ExportedChildSa[];
}
