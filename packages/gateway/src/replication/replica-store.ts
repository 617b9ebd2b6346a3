/**
 * What the partner has told about the seats that it hosts: enough to go on with a seat when the partner is gone.
 * Held in memory only (DESIGN §3).
 *
 * What this process has gone on with itself is never held again for an older owner: that one may wake up and ask for
 * more numbers of a key, and the answer must not be yes (README.md, rule 1).
 */
import type { SpeakerState } from "@tandem/bgp";
import type { ChildSaLiveState } from "@tandem/esp";
import type { ExportedIkeSa } from "@tandem/ike";

export interface SeatReplica {
  readonly epoch: number;
  readonly ikeSas: ReadonlyMap<string, ExportedIkeSa>;
  /** Child SA -> highest reserved outbound sequence number that was told. */
  readonly reserved: ReadonlyMap<string, number>;
  readonly live: ReadonlyMap<string, ChildSaLiveState>;
  readonly bgp: SpeakerState | undefined;
  /** Wall clock of the last word about this seat, Unix milliseconds. */
  readonly heardAt: number;
}

/** One word of the owner about its seat. `snapshot` replaces everything that was known. */
export type ReplicaUpdate = { readonly seat: string; readonly epoch: number } & (
  | {
      readonly kind: "snapshot";
      readonly ikeSas: readonly ExportedIkeSa[];
      readonly reserved: readonly (readonly [string, number])[];
      readonly bgp: SpeakerState | undefined;
    }
  | { readonly kind: "ike-sa"; readonly ikeSa: string; readonly state: ExportedIkeSa | null }
  | { readonly kind: "sequence"; readonly childSa: string; readonly reservedUpTo: number }
  | { readonly kind: "live"; readonly states: readonly ChildSaLiveState[] }
  | { readonly kind: "bgp"; readonly state: SpeakerState }
  /** The last word of an owner that hands its seat over in order (handover.ts), after the partner has taken the seat. */
  | { readonly kind: "final"; readonly states: readonly ChildSaLiveState[] }
  | { readonly kind: "gone" }
);

interface MutableReplica {
  epoch: number;
  ikeSas: Map<string, ExportedIkeSa>;
  reserved: Map<string, number>;
  live: Map<string, ChildSaLiveState>;
  bgp: SpeakerState | undefined;
  heardAt: number;
}

export class ReplicaStore {
  readonly #seats = new Map<string, MutableReplica>();
  /** IKE SA or Child SA -> the epoch in which this process took it from a replica. */
  readonly #used = new Map<string, number>();
  readonly #final = new Map<string, readonly ChildSaLiveState[]>();
  readonly #wallClock: () => number;

  constructor(wallClock: () => number) {
    this.#wallClock = wallClock;
  }

  /** True when the update is held: only then may it be acknowledged. */
  apply(update: ReplicaUpdate): boolean {
    if (update.kind === "gone") {
      if ((this.#seats.get(update.seat)?.epoch ?? 0) <= update.epoch) this.#seats.delete(update.seat);
      return true;
    }
    if (update.kind === "final") {
      this.#final.set(update.seat, update.states);
      return true;
    }
    if (update.kind === "sequence" && this.#usedSince(update.childSa, update.epoch)) return false;
    if (update.kind === "ike-sa" && update.state !== null && this.#usedAny(update.state, update.epoch))
      return false;
    let replica = this.#seats.get(update.seat);
    if (replica === undefined || replica.epoch < update.epoch || update.kind === "snapshot") {
      if (replica !== undefined && replica.epoch > update.epoch) return false;
      replica = {
        epoch: update.epoch,
        ikeSas: new Map(),
        reserved: new Map(),
        live: new Map(),
        bgp: undefined,
        heardAt: 0,
      };
      this.#seats.set(update.seat, replica);
    }
    if (replica.epoch > update.epoch) return false;
    replica.heardAt = this.#wallClock();
    switch (update.kind) {
      case "snapshot":
        for (const ikeSa of update.ikeSas) {
          if (!this.#usedAny(ikeSa, update.epoch)) replica.ikeSas.set(ikeSa.ikeSa, ikeSa);
        }
        for (const [childSa, upTo] of update.reserved) replica.reserved.set(childSa, upTo);
        replica.bgp = update.bgp;
        return true;
      case "ike-sa":
        if (update.state === null) replica.ikeSas.delete(update.ikeSa);
        else replica.ikeSas.set(update.ikeSa, update.state);
        forgetGone(replica);
        return true;
      case "sequence":
        replica.reserved.set(
          update.childSa,
          Math.max(update.reservedUpTo, replica.reserved.get(update.childSa) ?? 0),
        );
        return true;
      case "live":
        for (const state of update.states) replica.live.set(state.id, state);
        return true;
      case "bgp":
        replica.bgp = update.state;
        return true;
      default:
        update satisfies never;
        return false;
    }
  }

  get(seat: string): SeatReplica | undefined {
    return this.#seats.get(seat);
  }

  /**
   * The replica is used in `epoch`, or is of no use any more: it is forgotten, so that it is never used twice, and what
   * it held is not held again for an owner of an older epoch.
   */
  take(seat: string, epoch: number): SeatReplica | undefined {
    const replica = this.#seats.get(seat);
    this.#seats.delete(seat);
    this.#final.delete(seat); // of an earlier hand-over
    for (const ikeSa of replica?.ikeSas.values() ?? []) {
      for (const key of keysOf(ikeSa)) this.#used.set(key, epoch);
    }
    return replica;
  }

  /** What the earlier owner has told at the end of its hand-over; once. */
  takeFinal(seat: string): readonly ChildSaLiveState[] {
    const states = this.#final.get(seat) ?? [];
    this.#final.delete(seat);
    return states;
  }

  #usedSince(key: string, epoch: number): boolean {
    return (this.#used.get(key) ?? 0) > epoch;
  }

  #usedAny(ikeSa: ExportedIkeSa, epoch: number): boolean {
    return keysOf(ikeSa).some((key) => this.#usedSince(key, epoch));
  }
}

/** The names of an IKE SA's keys: its own for SK payloads, and one per Child SA. */
export function keysOf(ikeSa: ExportedIkeSa): string[] {
  return [ikeSa.ikeSa, ...ikeSa.children.map((child) => child.childSa)];
}

/**
 * Live state of Child SAs that no IKE SA has any more. Reservations stay: a Child SA's may be told before the IKE SA that
 * has it, and on its way from a rekeyed IKE SA to the next one a Child SA belongs to neither.
 */
function forgetGone(replica: MutableReplica): void {
  const present = new Set<string>();
  for (const ikeSa of replica.ikeSas.values()) for (const child of ikeSa.children) present.add(child.childSa);
  for (const childSa of [...replica.live.keys()]) if (!present.has(childSa)) replica.live.delete(childSa);
}
