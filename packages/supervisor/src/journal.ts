/** The supervisor's own events and those of the processes it watches, for `events`, `subscribe` and the API's stream. */
import type { TandemEvent } from "@tandem/contract";

const CAPACITY = 4096;

/** One clock for every process of a machine: milliseconds since the Unix epoch, with fractions. */
export const wallClock = (): number => performance.timeOrigin + performance.now();

export class Journal {
  readonly #node: string;
  readonly #events: TandemEvent[] = [];
  readonly #followers = new Set<(event: TandemEvent) => void>();

  constructor(node: string) {
    this.#node = node;
  }

  append(
    event: Omit<TandemEvent, "at" | "node"> & { readonly event: string; readonly message: string },
  ): void {
    this.relay({ ...event, at: wallClock(), node: this.#node });
  }

  /** An event of another process, as it is. */
  relay(event: TandemEvent): void {
    this.#events.push(event);
    if (this.#events.length > CAPACITY) this.#events.splice(0, this.#events.length - CAPACITY);
    for (const follower of this.#followers) follower(event);
  }

  /** Of this process only, oldest first. */
  own(since = 0): TandemEvent[] {
    return this.#events.filter((e) => e.node === this.#node && e.at > since);
  }

  /** Returns the function that ends it. */
  follow(follower: (event: TandemEvent) => void): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }
}
