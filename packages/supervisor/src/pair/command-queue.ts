/** Commands one after the other: the second waits until the first has done what was asked. */
import type { Duration, Instant } from "@tandem/sansio";
import type { PairCommand, PairEffect } from "./pair-events.ts";

/** Longer than the longest clock of `azure`. */
const LONGEST: Duration = 240_000;

interface Watched {
  readonly id: number;
  readonly seats: readonly string[];
  readonly message: string;
  readonly until: Instant;
  /** Seats that have been seen unsettled: only then does "settled" mean "moved". */
  readonly started: Set<string>;
}

export class CommandQueue {
  readonly #waiting: { readonly id: number; readonly command: PairCommand }[] = [];
  #watched: Watched | undefined;

  push(id: number, command: PairCommand): void {
    this.#waiting.push({ id, command });
  }

  get watching(): boolean {
    return this.#watched !== undefined;
  }

  get deadline(): Instant | undefined {
    return this.#watched?.until;
  }

  next(): { readonly id: number; readonly command: PairCommand } | undefined {
    return this.#watched === undefined ? this.#waiting.shift() : undefined;
  }

  /** The command is done when each seat has moved and is settled again. */
  watch(id: number, seats: readonly string[], message: string, now: Instant): void {
    this.#watched = { id, seats, message, until: now + LONGEST, started: new Set() };
  }

  finished(settled: (seat: string) => boolean, now: Instant): PairEffect[] {
    const watched = this.#watched;
    if (watched === undefined) return [];
    for (const seat of watched.seats) if (!settled(seat)) watched.started.add(seat);
    if (now >= watched.until) {
      this.#watched = undefined;
      return [
        {
          kind: "result",
          id: watched.id,
          ok: false,
          message: `${watched.seats.join(", ")}: not settled after ${LONGEST / 1000} s`,
        },
      ];
    }
    if (!watched.seats.every((s) => watched.started.has(s) && settled(s))) return [];
    this.#watched = undefined;
    return [{ kind: "result", id: watched.id, ok: true, message: watched.message }];
  }
}
