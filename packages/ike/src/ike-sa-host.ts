/** What an IKE SA needs from the endpoint that owns it. The endpoint is the only implementation. */
import type { CryptoJob, CryptoResult } from "@tandem/crypto";
import type { Instant, Random } from "@tandem/sansio";
import type { AddressPools } from "./address-pool.ts";
import type { ChildSa } from "./child-sa.ts";
import type { IkeConnection } from "./config.ts";
import type { DownCause, IkeEffect } from "./events.ts";
import type { IkeSa, IkeSaBirth } from "./ike-sa.ts";
import type { RetransmitSchedule } from "./retransmit.ts";

/** Outer addresses and ports of an IKE SA. */
export interface Path {
  readonly local: string;
  readonly localPort: number;
  readonly remote: string;
  readonly remotePort: number;
}

export interface IkeSaHost {
  readonly now: Instant;
  readonly random: Random;
  readonly schedule: RetransmitSchedule;
  readonly fragmentIpSize: number;
  readonly unixTimeAtZero: number;
  readonly pools: AddressPools;
  /** So many peers are half-open that nothing expensive is done for one before it shows that it goes on. */
  readonly underPressure: boolean;
  /** The SA's next deadline may have changed. */
  touch(sa: IkeSa): void;
  emit(effect: IkeEffect): void;
  /** Emits an effect after the grace that packets under way get. */
  emitAfterGrace(effect: IkeEffect, now: Instant): void;
  /** Emits the job; `done` is called with its result unless the returned function has been called before. */
  submit(job: CryptoJob, done: (result: CryptoResult) => void): () => void;
  /** Sends what exposes the SA's state: behind a replication barrier when that is on. */
  send(sa: IkeSa, path: Path, datagrams: readonly Uint8Array[]): void;
  newIkeSpi(): string;
  newChildSpi(): number;
  newId(kind: "ike" | "child"): string;
  /** Connections that a peer at this address may belong to, best first. */
  candidates(path: Path): readonly IkeConnection[];
  /** The tunnel of a connection for this peer: its own name, or one made from a template and the peer's identity. */
  tunnelName(connection: IkeConnection, remoteId: string): string;
  /** The Child SA of another IKE SA of the same tunnel that is in use now: a reauthentication takes its place. */
  livingChild(sa: IkeSa): ChildSa | undefined;
  /** No other IKE SA of this tunnel stands or is being made: INITIAL_CONTACT may be said (RFC 7296 §2.4). */
  isOnlyContact(sa: IkeSa): boolean;
  /** Another IKE SA of the tunnel is up. */
  hasSibling(sa: IkeSa): boolean;
  /** The only maker of IKE SAs, so that tasks need not know the class. */
  makeIkeSa(birth: IkeSaBirth): IkeSa;
  /** Takes up an SA that a rekey has made. */
  register(sa: IkeSa): void;
  /** An SA has authenticated its peer: settles duplicates. */
  established(sa: IkeSa, now: Instant, initialContact: boolean): void;
  /** The SA is over for everybody but peers that repeat their last request. */
  ended(sa: IkeSa, cause: DownCause, reason: string, now: Instant): void;
  /** Which IKE SA has a Child SA now; undefined when it is gone. */
  indexChild(childSa: string, spiIn: number, sa: IkeSa | undefined): void;
  /** A new IKE SA is to be made next to this one, and this one deleted afterwards. */
  reauthenticate(sa: IkeSa, now: Instant): void;
  /** The SA and its Child SAs have to be in the partner's hands. */
  changed(sa: IkeSa): void;
}
