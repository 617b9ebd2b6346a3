/** Tells IKE which Child SAs received packets: proof of life, and what a responder waits for on a new SA. */
import type { Clock } from "../driver/engine-driver.ts";
import type { SaBook } from "./sa-book.ts";

/** Milliseconds between two looks at the counters. */
const INTERVAL = 500;
/** The first packet on a new SA is what its responder waits for before it sends on it (RFC 7296 §2.8). */
const NEW_SA_INTERVAL = 20;

export class ActivityWatch {
  readonly #clock: Clock;
  readonly #book: Pick<SaBook, "awaitsFirstPacket" | "takeActive">;
  readonly #active: (childSa: string) => void;
  #cancel: (() => void) | undefined;

  constructor(
    clock: Clock,
    book: Pick<SaBook, "awaitsFirstPacket" | "takeActive">,
    active: (childSa: string) => void,
  ) {
    this.#clock = clock;
    this.#book = book;
    this.#active = active;
  }

  /** Starts, or starts over when there is a new Child SA to look at soon. */
  plan(): void {
    this.#cancel?.();
    const interval = this.#book.awaitsFirstPacket() ? NEW_SA_INTERVAL : INTERVAL;
    this.#cancel = this.#clock.after(interval, () => {
      this.#cancel = undefined;
      for (const childSa of this.#book.takeActive()) this.#active(childSa);
      if (this.#cancel === undefined) this.plan();
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = () => {};
  }
}
