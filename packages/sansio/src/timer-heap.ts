/**
 * Deadlines of thousands of engines: a binary heap that knows where each key stands, so that moving or removing a
 * deadline costs O(log n) and finding the next one costs nothing. Keys with equal deadlines come out in the order
 * in which they were set, which keeps simulations repeatable.
 */
import type { Instant } from "./instant.ts";

interface Entry<Key> {
  readonly key: Key;
  at: Instant;
  order: number;
  index: number;
}

export class TimerHeap<Key> {
  readonly #heap: Entry<Key>[] = [];
  readonly #entries = new Map<Key, Entry<Key>>();
  #order = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** Sets, moves or (with `undefined`) removes the key's deadline: made for `heap.set(engine, engine.nextTimeout())`. */
  set(key: Key, at: Instant | undefined): void {
    if (at === undefined) {
      this.delete(key);
      return;
    }
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      const fresh = { key, at, order: this.#order++, index: this.#heap.length };
      this.#entries.set(key, fresh);
      this.#heap.push(fresh);
      this.#up(fresh);
      return;
    }
    if (entry.at === at) return;
    entry.at = at;
    entry.order = this.#order++;
    this.#up(entry);
    this.#down(entry);
  }

  delete(key: Key): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    const last = this.#heap.pop()!;
    if (last === entry) return;
    this.#place(last, entry.index);
    this.#up(last);
    this.#down(last);
  }

  get(key: Key): Instant | undefined {
    return this.#entries.get(key)?.at;
  }

  /** The earliest deadline. */
  next(): Instant | undefined {
    return this.#heap[0]?.at;
  }

  /** Takes out and returns the earliest key that is due; `undefined` when none is. */
  expire(now: Instant): Key | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    this.delete(first.key);
    return first.key;
  }

  #before(a: Entry<Key>, b: Entry<Key>): boolean {
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  #place(entry: Entry<Key>, index: number): void {
    this.#heap[index] = entry;
    entry.index = index;
  }

  #up(entry: Entry<Key>): void {
    while (entry.index > 0) {
      const parent = this.#heap[(entry.index - 1) >> 1]!;
      if (!this.#before(entry, parent)) return;
      const index = parent.index;
      this.#place(parent, entry.index);
      this.#place(entry, index);
    }
  }

  #down(entry: Entry<Key>): void {
    for (;;) {
      const left = this.#heap[2 * entry.index + 1];
      const right = this.#heap[2 * entry.index + 2];
      if (left === undefined) return;
      const child = right !== undefined && this.#before(right, left) ? right : left;
      if (!this.#before(child, entry)) return;
      const index = child.index;
      this.#place(child, entry.index);
      this.#place(entry, index);
    }
  }
}
