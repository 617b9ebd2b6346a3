/**
 * What the partner has told about the seats that it hosts: enough to go on with a seat when the partner is gone.
 * Held in memory only (DESIGN §3).
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
  readonly #wallClock: () => number;

  constructor(wallClock: () => number) {
    this.#wallClock = wallClock;
  }

  apply(update: ReplicaUpdate): void {
    if (update.kind === "gone") {
      if ((this.#seats.get(update.seat)?.epoch ?? 0) <= update.epoch) this.#seats.delete(update.seat);
      return;
    }
    let replica = this.#seats.get(update.seat);
    if (replica === undefined || replica.epoch < update.epoch || update.kind === "snapshot") {
      if (replica !== undefined && replica.epoch > update.epoch) return;
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
    if (replica.epoch > update.epoch) return;
    replica.heardAt = this.#wallClock();
    switch (update.kind) {
      case "snapshot":
        for (const ikeSa of update.ikeSas) replica.ikeSas.set(ikeSa.ikeSa, ikeSa);
        for (const [childSa, upTo] of update.reserved) replica.reserved.set(childSa, upTo);
        replica.bgp = update.bgp;
        return;
      case "ike-sa":
        if (update.state === null) replica.ikeSas.delete(update.ikeSa);
        else replica.ikeSas.set(update.ikeSa, update.state);
        forgetGone(replica);
        return;
      case "sequence":
        replica.reserved.set(
          update.childSa,
          Math.max(update.reservedUpTo, replica.reserved.get(update.childSa) ?? 0),
        );
        return;
      case "live":
        for (const state of update.states) replica.live.set(state.id, state);
        return;
      case "bgp":
        replica.bgp = update.state;
        return;
      default:
        update satisfies never;
    }
  }

  get(seat: string): SeatReplica | undefined {
    return this.#seats.get(seat);
  }

  /** The replica was used, or is of no use any more: it is forgotten, so that it is never used twice. */
  take(seat: string): SeatReplica | undefined {
    const replica = this.#seats.get(seat);
    this.#seats.delete(seat);
    return replica;
  }
}

/** Live state of Child SAs that no IKE SA has any more. */
function forgetGone(replica: MutableReplica): void {
  const present = new Set<string>();
  for (const ikeSa of replica.ikeSas.values()) for (const child of ikeSa.children) present.add(child.childSa);
  for (const table of [replica.live, replica.reserved]) {
    for (const childSa of [...table.keys()]) if (!present.has(childSa)) table.delete(childSa);
  }
}
