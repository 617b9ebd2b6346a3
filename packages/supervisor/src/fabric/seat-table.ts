/**
 * Who owns which seat, by epoch. The rule that makes a late or repeated command harmless: a higher epoch wins, the same
 * epoch with the same owner changes nothing, everything else is refused.
 */
export interface SeatOwner {
  readonly owner: string | null;
  readonly epoch: number;
  readonly drained: boolean;
}

export type Claim =
  | { readonly kind: "changed" | "unchanged" }
  | { readonly kind: "refused"; readonly reason: string };

export class SeatTable {
  readonly #seats = new Map<string, SeatOwner>();
  readonly #instances: ReadonlyMap<string, ReadonlySet<string>>;

  /** `instances`: which may own each seat. */
  constructor(seats: ReadonlyMap<string, SeatOwner>, instances: ReadonlyMap<string, ReadonlySet<string>>) {
    this.#seats = new Map(seats);
    this.#instances = instances;
  }

  get(seat: string): SeatOwner | undefined {
    return this.#seats.get(seat);
  }

  entries(): [string, SeatOwner][] {
    return [...this.#seats];
  }

  claim(seat: string, owner: string | null, epoch: number, drained = false): Claim {
    const current = this.#seats.get(seat);
    if (current === undefined) return { kind: "refused", reason: `no seat ${seat}` };
    if (owner !== null && this.#instances.get(seat)?.has(owner) !== true) {
      return { kind: "refused", reason: `${owner} is no instance of the gateway of ${seat}` };
    }
    if (epoch < current.epoch) {
      return { kind: "refused", reason: `${seat} is at epoch ${current.epoch}, ${epoch} is older` };
    }
    if (epoch === current.epoch) {
      if (owner === current.owner) return { kind: "unchanged" };
      return { kind: "refused", reason: `${seat} belongs to ${current.owner ?? "nobody"} in epoch ${epoch}` };
    }
    this.#seats.set(seat, { owner, epoch, drained });
    return { kind: "changed" };
  }

  /** A drained seat gets no new packets from the VNet; its public IP stays with its owner. */
  drain(seat: string, drained: boolean): Claim {
    const current = this.#seats.get(seat);
    if (current === undefined) return { kind: "refused", reason: `no seat ${seat}` };
    if (current.drained === drained) return { kind: "unchanged" };
    this.#seats.set(seat, { ...current, drained });
    return { kind: "changed" };
  }
}
