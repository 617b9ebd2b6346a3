/** Named deadlines in a heap: the earliest is known at once, and one change costs the logarithm of how many there are. */
import type { Instant } from "@tandem/sansio";

export class Timer {
  readonly #expire: (now: Instant) => void;
  /** Undefined while it does not run. Set by the queue. */
  at: Instant | undefined = undefined;
  /** Place in the heap. Set by the queue. */
  slot = -1;

  constructor(expire: (now: Instant) => void) {
    this.#expire = expire;
  }

  get running(): boolean {
    return this.at !== undefined;
  }

  expire(now: Instant): void {
    this.#expire(now);
  }
}

export class TimerQueue {
  readonly #heap: Timer[] = [];

  next(): Instant | undefined {
    return this.#heap[0]?.at;
  }

  start(timer: Timer, at: Instant): void {
    if (timer.slot < 0) {
      timer.slot = this.#heap.length;
      this.#heap.push(timer);
    }
    timer.at = at;
    this.#up(timer.slot);
    this.#down(timer.slot);
  }

  stop(timer: Timer): void {
    const slot = timer.slot;
    if (slot < 0) return;
    timer.at = undefined;
    timer.slot = -1;
    const last = this.#heap.pop()!;
    if (last === timer) return;
    this.#heap[slot] = last;
    last.slot = slot;
    this.#up(slot);
    this.#down(last.slot);
  }

  /** Expires everything due. A timer that is started again by its own expiry for `now` waits for the next call. */
  run(now: Instant): void {
    const due: Timer[] = [];
    for (let first = this.#heap[0]; first !== undefined && first.at! <= now; first = this.#heap[0]) {
      this.stop(first);
      due.push(first);
    }
    for (const timer of due) if (!timer.running) timer.expire(now);
  }

  #up(slot: number): void {
    let at = slot;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#heap[parent]!.at! <= this.#heap[at]!.at!) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #down(slot: number): void {
    let at = slot;
    for (;;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.#heap.length && this.#heap[child]!.at! < this.#heap[least]!.at!) least = child;
      }
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #swap(a: number, b: number): void {
    const x = this.#heap[a]!;
    const y = this.#heap[b]!;
    this.#heap[a] = y;
    this.#heap[b] = x;
    y.slot = a;
    x.slot = b;
  }
}
