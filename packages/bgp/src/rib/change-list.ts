/**
 * Prefixes in the order of their last change, and readers that follow it.
 *
 *      oldest ⇄ ... ⇄ [a reader stands here] ⇄ ... ⇄ newest        a prefix that changes moves to the end
 *
 * A reader remembers the prefix it read last; what comes after it is news. So nobody queues anything for anybody:
 * a reader that is slow sees a prefix once however often it changed, a reader that is new sees the whole table, and
 * memory is one list whatever the readers do. Position 0 is before the oldest.
 */
import { growInt32, grownLength, growUint8, growUint16 } from "./growable.ts";

export interface ChangeReader {
  /** The prefix read last. Kept by the list. */
  at: number;
}

export class ChangeList {
  #next: Int32Array = new Int32Array(1024);
  #previous: Int32Array = new Int32Array(1024);
  #listed: Uint8Array = new Uint8Array(1024);
  /** How many readers stand on a prefix: only then does a move concern them. */
  #readersHere: Uint16Array = new Uint16Array(1024);
  readonly #readers: Set<ChangeReader> = new Set();
  /** Counts up with every change: a stamp for "everything up to now". */
  #stamp = 0;
  #stamps: Float64Array = new Float64Array(1024);

  get stamp(): number {
    return this.#stamp;
  }

  /** A new reader, before the oldest. */
  join(): ChangeReader {
    const reader = { at: 0 };
    this.#readers.add(reader);
    return reader;
  }

  leave(reader: ChangeReader): void {
    this.#stand(reader, 0);
    this.#readers.delete(reader);
  }

  /** Back before the oldest: the reader sees everything again. */
  rewind(reader: ChangeReader): void {
    this.#stand(reader, 0);
  }

  /** The next prefix for the reader, which stands on it from then on; 0 when it has seen everything. */
  advance(reader: ChangeReader): number {
    const id = this.#next[reader.at]!;
    if (id !== 0) this.#stand(reader, id);
    return id;
  }

  hasNews(reader: ChangeReader): boolean {
    return this.#next[reader.at] !== 0;
  }

  stampOf(prefix: number): number {
    return this.#stamps[prefix]!;
  }

  /** Everything with a stamp up to this one has been read by every reader. */
  readByAll(): number {
    let least = this.#stamp;
    for (const r of this.#readers) {
      const stamp = this.hasNews(r) ? this.#stamps[r.at]! : this.#stamp;
      if (stamp < least) least = stamp;
    }
    return least;
  }

  /** The prefix has changed: it moves to the end. */
  touch(prefix: number): void {
    if (prefix >= this.#next.length) this.#grow(prefix);
    this.#stamps[prefix] = ++this.#stamp;
    if (this.#listed[prefix] === 1) {
      if (this.#readersHere[prefix]! > 0) this.#stepBack(prefix);
      if (this.#previous[0] === prefix) return;
      this.#unlink(prefix);
    }
    const last = this.#previous[0]!;
    this.#next[last] = prefix;
    this.#previous[prefix] = last;
    this.#next[prefix] = 0;
    this.#previous[0] = prefix;
    this.#listed[prefix] = 1;
  }

  /** The prefix is gone for good. */
  drop(prefix: number): void {
    if (prefix >= this.#listed.length || this.#listed[prefix] === 0) return;
    if (this.#readersHere[prefix]! > 0) this.#stepBack(prefix);
    this.#unlink(prefix);
    this.#listed[prefix] = 0;
  }

  #unlink(prefix: number): void {
    const before = this.#previous[prefix]!;
    const after = this.#next[prefix]!;
    this.#next[before] = after;
    this.#previous[after] = before;
  }

  #stepBack(prefix: number): void {
    for (const r of this.#readers) if (r.at === prefix) this.#stand(r, this.#previous[prefix]!);
  }

  #stand(reader: ChangeReader, at: number): void {
    if (reader.at !== 0) this.#readersHere[reader.at] = this.#readersHere[reader.at]! - 1;
    reader.at = at;
    if (at !== 0) this.#readersHere[at] = this.#readersHere[at]! + 1;
  }

  #grow(least: number): void {
    let length = this.#next.length;
    while (length <= least) length = grownLength(length);
    this.#next = growInt32(this.#next, length);
    this.#previous = growInt32(this.#previous, length);
    this.#listed = growUint8(this.#listed, length);
    this.#readersHere = growUint16(this.#readersHere, length);
    const stamps = new Float64Array(length);
    stamps.set(this.#stamps);
    this.#stamps = stamps;
  }
}
