/**
 * Datagrams that expose state wait here until the partner has that state (DESIGN §3). In order: a later datagram never
 * overtakes an earlier one of the same IKE SA, because barriers only grow.
 */
import type { Datagram } from "./events.ts";

export class ReplicationBarrier {
  #last = 0;
  readonly #held: { readonly barrier: number; readonly datagrams: readonly Datagram[] }[] = [];

  /** A new barrier; what is given waits for it. */
  raise(datagrams: readonly Datagram[]): number {
    this.#last++;
    if (datagrams.length > 0) this.#held.push({ barrier: this.#last, datagrams });
    return this.#last;
  }

  /** Everything up to `barrier` may go. */
  release(barrier: number): Datagram[] {
    const first = this.#held.findIndex((h) => h.barrier > barrier);
    const free = this.#held.splice(0, first < 0 ? this.#held.length : first);
    return free.flatMap((h) => h.datagrams);
  }
}
