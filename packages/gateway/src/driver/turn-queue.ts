/**
 * Work in the order it came, cut so that one turn of the event loop stays short whoever sends how much.
 *
 *      one turn:  work ─ work ─ work │ what is left waits      next turn:  work ─ ...
 *                 └─ at most `budget` ms, and whatever the last one took ─┘
 *
 * The loop itself gives no such bound: it reads a busy socket up to 32 times before it looks at a timer, then turns to
 * the next socket, and a write that leaves at once calls back in the same turn.
 */
export class TurnQueue {
  readonly #budget: number;
  readonly #now: () => number;
  readonly #waiting: (() => void)[] = [];
  #spent = 0;
  #running = false;
  #scheduled = false;

  /** `budget` in milliseconds of `now`. */
  constructor(budget: number, now: () => number = () => performance.now()) {
    this.#budget = budget;
    this.#now = now;
  }

  /** Does `work` now, or later in its order when this turn has had enough; true when it is done already. */
  run(work: () => void): boolean {
    this.#schedule();
    if (this.#running || this.#waiting.length > 0 || this.#spent >= this.#budget) {
      this.#waiting.push(work);
      return false;
    }
    this.#do(work);
    return true;
  }

  #do(work: () => void): void {
    const before = this.#now();
    this.#running = true;
    try {
      work();
    } finally {
      this.#running = false;
      this.#spent += this.#now() - before;
    }
  }

  /** The loop runs this once per turn, after its sockets: what is left of the budget goes to what waits. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      try {
        while (this.#spent < this.#budget) {
          const work = this.#waiting.shift();
          if (work === undefined) break;
          this.#do(work);
        }
      } finally {
        this.#spent = 0;
        if (this.#waiting.length > 0) this.#schedule();
      }
    });
  }
}
