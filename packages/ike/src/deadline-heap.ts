/**
 * Who wants to be woken when: a binary heap with the place of each member, so that changing one deadline among
 * thousands costs O(log n) and asking for the next costs nothing.
 */
import type { Instant } from "@tandem/sansio";

interface Entry<K> {
  readonly key: K;
  at: Instant;
  place: number;
}

export class DeadlineHeap<K> {
  readonly #heap: Entry<K>[] = [];
  readonly #entries: Map<K, Entry<K>> = new Map();

  get size(): number {
    return this.#heap.length;
  }

  /** Sets, moves or (undefined) removes the deadline of `key`. */
  set(key: K, at: Instant | undefined): void {
    const entry = this.#entries.get(key);
    if (at === undefined) {
      if (entry !== undefined) this.#remove(entry);
      return;
    }
    if (entry === undefined) {
      const added: Entry<K> = { key, at, place: this.#heap.length };
      this.#entries.set(key, added);
      this.#heap.push(added);
      this.#up(added);
    } else if (entry.at !== at) {
      entry.at = at;
      this.#up(entry);
      this.#down(entry);
    }
  }

  next(): Instant | undefined {
    return this.#heap[0]?.at;
  }

  /** Takes out one key whose deadline has come. */
  popDue(now: Instant): K | undefined {
    const top = this.#heap[0];
    if (top === undefined || top.at > now) return undefined;
    this.#remove(top);
    return top.key;
  }

  #remove(entry: Entry<K>): void {
    this.#entries.delete(entry.key);
    const last = this.#heap.pop()!;
    if (last === entry) return;
    last.place = entry.place;
    this.#heap[last.place] = last;
    this.#up(last);
    this.#down(last);
  }

  #up(entry: Entry<K>): void {
    while (entry.place > 0) {
      const parent = this.#heap[(entry.place - 1) >> 1]!;
      if (parent.at <= entry.at) return;
      this.#swap(entry, parent);
    }
  }

  #down(entry: Entry<K>): void {
    for (;;) {
      const left = this.#heap[2 * entry.place + 1];
      const right = this.#heap[2 * entry.place + 2];
      const least = right !== undefined && left !== undefined && right.at < left.at ? right : left;
      if (least === undefined || least.at >= entry.at) return;
      this.#swap(least, entry);
    }
  }

  /** `child` goes up, `parent` goes down. */
  #swap(child: Entry<K>, parent: Entry<K>): void {
    const place = parent.place;
    parent.place = child.place;
    child.place = place;
    this.#heap[parent.place] = parent;
    this.#heap[child.place] = child;
  }
}
