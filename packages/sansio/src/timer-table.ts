/**
 * The timers of one engine: a fixed set of names, each with the instant at which it fires, or stopped.
 * One table per session replaces a handful of "deadline" fields, and gives `nextTimeout` for free.
 *
 *      timers.set("retransmit", now + 500)     timers.stop("retransmit")
 *      for (let t = timers.expire(now); t !== undefined; t = timers.expire(now)) switch (t) { ... }
 */
import type { Instant } from "./instant.ts";

export class TimerTable<Name extends string> {
  readonly #deadlines = new Map<Name, Instant>();

  /** Starts the timer, or moves it. */
  set(name: Name, at: Instant): void {
    // Deleted first, so that of two timers at one instant the one that was set first fires first.
    this.#deadlines.delete(name);
    this.#deadlines.set(name, at);
  }

  stop(name: Name): void {
    this.#deadlines.delete(name);
  }

  stopAll(): void {
    this.#deadlines.clear();
  }

  /** When the timer fires; `undefined` when it is stopped. */
  get(name: Name): Instant | undefined {
    return this.#deadlines.get(name);
  }

  /** The earliest deadline of all. */
  next(): Instant | undefined {
    let earliest: Instant | undefined;
    for (const at of this.#deadlines.values()) {
      if (earliest === undefined || at < earliest) earliest = at;
    }
    return earliest;
  }

  /** Stops and returns the earliest timer that is due; `undefined` when none is. To be called until it says so. */
  expire(now: Instant): Name | undefined {
    let due: Name | undefined;
    let earliest = Number.POSITIVE_INFINITY;
    for (const [name, at] of this.#deadlines) {
      if (at <= now && at < earliest) {
        due = name;
        earliest = at;
      }
    }
    if (due !== undefined) this.#deadlines.delete(due);
    return due;
  }
}
