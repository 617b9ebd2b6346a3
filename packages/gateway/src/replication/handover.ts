/**
 * A seat goes from one living instance to the other, and no packet is lost or delivered twice: the two ends of it.
 *
 *      supervisor      old owner                     new owner                         fabric
 *         │ seat-take, hold ─────────────────────────▶ hosts it; reads neither its
 *         │                                            sockets nor the TUN
 *         │ prepare-owner ─────────────────────────────────────────────────────────▶ VNet flows go to the new owner
 *         │ seat-quiesce ─▶ its queues run dry: what it had from the VNet is sent
 *         │ set-owner ─────────────────────────────────────────────────────────────▶ public IP, filter
 *         │ seat-quiesce, final ─▶ run dry; reads its sockets no more;
 *         │                  what it has seen ══▶ partner
 *         │ seat-release ────────────────────────────▶ its replay windows know that; reads what has waited
 *         │ seat-drop ────▶
 *
 * What waits, waits in queues of the kernel. Numbers stay in order for the peer: the new owner, which starts far above,
 * sends its first packet after the last one of the old owner has left.
 */
import type { DataPlanePort } from "../dataplane-port.ts";
import type { Clock } from "../driver/engine-driver.ts";
import type { Log } from "../log.ts";
import type { Replicator } from "./replicator.ts";

/** Milliseconds after which a held seat is used all the same: the supervisor may have died on the way. */
const LONGEST_HOLD = 500;

export interface HandoverParts {
  readonly dataPlane: DataPlanePort;
  readonly clock: Clock;
  /** How many seats this process hosts: another one's tunnels carry the packets while a seat leaves. */
  seatsHere(): number;
  readonly replicator: Pick<Replicator, "tellFinal" | "takeFinal"> | undefined;
  readonly log: Log;
}

export class Handover {
  readonly #parts: HandoverParts;
  /** seat -> ends the plan to release it. */
  readonly #held = new Map<string, () => void>();

  constructor(parts: HandoverParts) {
    this.#parts = parts;
  }

  /** To be called before the seat is hosted here. */
  async hold(seat: string): Promise<void> {
    this.#held.get(seat)?.();
    const cancel = this.#parts.clock.after(LONGEST_HOLD, () => {
      this.#parts.log("warn", `seat ${seat} was not released within ${LONGEST_HOLD} ms: used all the same`);
      void this.release(seat);
    });
    this.#held.set(seat, cancel);
    await this.#parts.dataPlane.command({ kind: "hold-seat", seat, what: "all" });
  }

  /** New owner: every packet that the old one has seen is seen here, then what has waited is read. */
  async release(seat: string): Promise<{ released: boolean }> {
    const cancel = this.#held.get(seat);
    if (cancel === undefined) return { released: false };
    cancel();
    this.#held.delete(seat);
    const { dataPlane } = this.#parts;
    const seen = this.#parts.replicator?.takeFinal(seat) ?? [];
    // A Child SA that was replaced meanwhile is not here any more.
    const merged = seen.map(({ id, replay }) =>
      dataPlane.command({ kind: "merge-replay", childSa: id, replay }).catch(() => {}),
    );
    await Promise.all([...merged, dataPlane.command({ kind: "hold-seat", seat, what: "nothing" })]);
    return { released: true };
  }

  /** Old owner: what is in its queues is sent and delivered. `final`: and nothing of the seat is received after it. */
  async quiesce(seat: string, final: boolean): Promise<{ quiet: boolean }> {
    const { dataPlane } = this.#parts;
    if (!final && this.#parts.seatsHere() > 1)
      await dataPlane.command({ kind: "leave-seat", seat, on: true });
    await dataPlane.command({ kind: "run-dry" });
    if (!final) return { quiet: true };
    await dataPlane.command({ kind: "hold-seat", seat, what: "sockets" });
    await this.#parts.replicator?.tellFinal(seat);
    return { quiet: true };
  }

  /** Old owner: it stays after all. */
  async stay(seat: string): Promise<{ stays: boolean }> {
    const { dataPlane } = this.#parts;
    await dataPlane.command({ kind: "leave-seat", seat, on: false });
    await dataPlane.command({ kind: "hold-seat", seat, what: "nothing" });
    return { stays: true };
  }
}
