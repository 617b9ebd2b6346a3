/**
 * The event journal of one process: a bounded ring that `events` reads and `subscribe` follows.
 * An event is written when the thing has happened, never when it was asked for.
 */
import type { TandemEvent } from "@tandem/contract";

export type NewEvent = Omit<TandemEvent, "at" | "node"> & {
  readonly event: string;
  readonly message: string;
};

/** Implementation constant: about ten minutes of a busy failover drill. */
export const JOURNAL_CAPACITY = 4096;

export class Journal {
  readonly #node: string;
  readonly #wallClock: () => number;
  readonly #capacity: number;
  readonly #ring: TandemEvent[] = [];
  readonly #followers = new Set<(event: TandemEvent) => void>();
  #start = 0;

  constructor(node: string, wallClock: () => number, capacity: number = JOURNAL_CAPACITY) {
    this.#node = node;
    this.#wallClock = wallClock;
    this.#capacity = capacity;
  }

  append(event: NewEvent): void {
    const whole = { ...event, at: this.#wallClock(), node: this.#node } as TandemEvent;
    if (this.#ring.length < this.#capacity) this.#ring.push(whole);
    else {
      this.#ring[this.#start] = whole;
      this.#start = (this.#start + 1) % this.#capacity;
    }
    for (const follower of this.#followers) follower(whole);
  }

  /** Oldest first; `since` is exclusive, milliseconds since the Unix epoch. */
  list(since = 0): TandemEvent[] {
    const ordered = [...this.#ring.slice(this.#start), ...this.#ring.slice(0, this.#start)];
    return ordered.filter((event) => event.at > since);
  }

  /** Returns the function that ends it. */
  follow(follower: (event: TandemEvent) => void): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }
}
