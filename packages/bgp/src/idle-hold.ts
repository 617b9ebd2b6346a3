/**
 * Reading list: RFC 4271 §8.1.1 (IdleHoldTime, DampPeerOscillations).
 * How long a peer stays in Idle before it starts again: longer with each failure in a row, or a set time as a penalty.
 */
import { type Instant, seconds } from "@tandem/sansio";
import { IDLE_HOLD_TIME_SECONDS, MAXIMUM_IDLE_HOLD_DOUBLINGS } from "./constants.ts";
import { Timer, type TimerQueue } from "./timer-queue.ts";

export class IdleHold {
  readonly #timers: TimerQueue;
  readonly #timer: Timer;
  #penalty: number | undefined = undefined;
  /** The present stay is a penalty: the peer's own dial does not end it. */
  #firm = false;

  constructor(timers: TimerQueue, expire: (now: Instant) => void) {
    this.#timers = timers;
    this.#timer = new Timer(expire);
  }

  /** The next stay lasts this many seconds, whatever came before. */
  punish(seconds: number): void {
    this.#penalty = seconds;
  }

  /** `failures` in a row, this one included. */
  start(configured: number | undefined, failures: number, now: Instant): void {
    const doublings = Math.min(Math.max(failures - 1, 0), MAXIMUM_IDLE_HOLD_DOUBLINGS);
    const wait = this.#penalty ?? (configured ?? IDLE_HOLD_TIME_SECONDS) * 2 ** doublings;
    this.#firm = this.#penalty !== undefined;
    this.#penalty = undefined;
    this.#timers.start(this.#timer, now + seconds(wait));
  }

  stop(): void {
    this.#timers.stop(this.#timer);
  }

  /** A first, short wait that a connection from the peer may cut short. */
  yieldsTo(failures: number): boolean {
    return this.#timer.running && failures <= 1 && !this.#firm;
  }
}
