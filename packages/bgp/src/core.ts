import type { Instant, Random } from "@tandem/sansio";
import type { AttributeTable } from "./attributes/attribute-table.ts";
import type { Family, SpeakerConfig } from "./config.ts";
import type { BgpEffect } from "./events.ts";
import type { ByteInterner } from "./rib/byte-interner.ts";
import type { PeerFacts } from "./rib/decision.ts";
import type { LocRib } from "./rib/loc-rib.ts";
import type { TimerQueue } from "./timer-queue.ts";

/** Work on a whole table, done a slice at a time so that nothing else waits for it. */
export interface Job {
  /** Does one slice; true when the work is finished. */
  step(now: Instant): boolean;
}

/** What the parts of one speaker share. */
export interface Core {
  readonly config: SpeakerConfig;
  readonly routerId: number;
  readonly timers: TimerQueue;
  readonly random: Random;
  readonly attributes: AttributeTable;
  /** Attribute sets as they were sent. */
  readonly encoded: ByteInterner;
  readonly ribs: Readonly<Record<Family, LocRib>>;
  /** By peer index; 0 is the speaker itself. */
  readonly facts: (PeerFacts | undefined)[];
  readonly emit: (effect: BgpEffect) => void;
  readonly schedule: (job: Job) => void;
  /** More prefixes than a speaker is made for: whoever sends another UPDATE has to go. */
  readonly full: () => boolean;
  /** Some session may have something to send although no route changed. */
  readonly wake: () => void;
  readonly isOwnAddress: (address: Uint8Array) => boolean;
  /** The same for an IPv4 address as a number. */
  readonly isOwnIpv4: (address: number) => boolean;
  /** The tag of an originated prefix. */
  readonly tagOf: (family: Family, prefix: number) => string;
  /** RFC 4724 §4.1: after an adoption nothing is advertised until the peers have told us their routes. */
  readonly deferral: { readonly active: boolean; settled(peer: string): void };
  /** We are a restarted speaker: the R bit is set in OPENs. */
  readonly restarting: () => boolean;
}

export const FAMILIES: readonly Family[] = ["ipv4-unicast", "ipv6-unicast"];
