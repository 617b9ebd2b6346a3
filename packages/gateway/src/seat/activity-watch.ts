/** Tells IKE which Child SAs received packets: proof of life, and what a responder waits for on a new SA. */
import type { Instant } from "@tandem/sansio";
import type { Clock } from "../driver/engine-driver.ts";

/** Milliseconds between two questions to the data plane. */
const INTERVAL = 500;
/** The first packet on a new SA is what its responder waits for before it sends on it (RFC 7296 §2.8). */
const NEW_SA_INTERVAL = 20;

export interface ActivityWatchHooks {
  /** A Child SA stands that is not used for sending before a packet came on it. */
  awaitsFirstPacket(): boolean;
  /** Those that received packets since the last call; the data plane knows them without a walk over all. */
  takeActive(): Promise<readonly string[]>;
  active(childSa: string): void;
}

export class ActivityWatch {
  readonly #clock: Clock;
  readonly #hooks: ActivityWatchHooks;
  #planned: { readonly at: Instant; readonly cancel: () => void } | undefined;
  #asking = false;
  #stopped = false;

  constructor(clock: Clock, hooks: ActivityWatchHooks) {
    this.#clock = clock;
    this.#hooks = hooks;
  }

  /** Starts, or looks sooner when there is a new Child SA. Never later: a stream of new ones must not put it off. */
  plan(): void {
    if (this.#stopped) return;
    const interval = this.#hooks.awaitsFirstPacket() ? NEW_SA_INTERVAL : INTERVAL;
    const at = this.#clock.now() + interval;
    if (this.#planned !== undefined && this.#planned.at <= at) return;
    this.#planned?.cancel();
    const cancel = this.#clock.after(interval, () => {
      this.#planned = undefined;
      this.#look();
      this.plan();
    });
    this.#planned = { at, cancel };
  }

  #look(): void {
    if (this.#asking) return;
    this.#asking = true;
    this.#hooks.takeActive().then(
      (childSas) => {
        this.#asking = false;
        if (!this.#stopped) for (const childSa of childSas) this.#hooks.active(childSa);
      },
      // The data plane is going away; its end is told elsewhere.
      () => {
        this.#asking = false;
      },
    );
  }

  stop(): void {
    this.#stopped = true;
    this.#planned?.cancel();
    this.#planned = undefined;
  }
}
