/**
 * How late this process's own timers are. On a starved machine an instance that does not answer in time is more likely
 * waiting for a CPU than dead, and the one who judges is starved as well: what we see of ourselves is added to the patience
 * we have with others. (The idea is the local health of Lifeguard, arXiv:1707.00788 §III.)
 */

/** Lateness is forgotten after one to two windows. */
const WINDOW_MILLISECONDS = 5_000;
/** An instance has to be scheduled several times between our ping and its answer: socket, worker, socket. */
const ALLOWANCE_PER_LATENESS = 3;
const MAXIMUM_ALLOWANCE_MILLISECONDS = 3_000;

export class OwnLateness {
  readonly #interval: number;
  #last: number;
  #windowStart: number;
  #worstNow = 0;
  #worstBefore = 0;

  /** `interval`: milliseconds between two calls of `tick` when all is well. */
  constructor(interval: number, now: number) {
    this.#interval = interval;
    this.#last = now;
    this.#windowStart = now;
  }

  tick(now: number): void {
    if (now - this.#windowStart >= WINDOW_MILLISECONDS) {
      this.#worstBefore = now - this.#windowStart >= 2 * WINDOW_MILLISECONDS ? 0 : this.#worstNow;
      this.#worstNow = 0;
      this.#windowStart = now;
    }
    this.#worstNow = Math.max(this.#worstNow, now - this.#last - this.#interval);
    this.#last = now;
  }

  /** Milliseconds to wait beyond the limit that holds on an idle machine. */
  allowance(): number {
    const worst = Math.max(this.#worstNow, this.#worstBefore);
    return Math.min(ALLOWANCE_PER_LATENESS * worst, MAXIMUM_ALLOWANCE_MILLISECONDS);
  }
}
