/** Prefixes of one batch, chained by the encoded attribute set that they go out with. Nothing is allocated per prefix. */
import { SLICE_PREFIXES } from "../constants.ts";
import { growInt32 } from "./growable.ts";

export class Batch {
  /** Place in `#ids` plus one, by set; 0: not in this batch. */
  #placeOf: Int32Array = new Int32Array(1024);
  readonly #ids: Int32Array = new Int32Array(SLICE_PREFIXES);
  readonly #first: Int32Array = new Int32Array(SLICE_PREFIXES);
  readonly #last: Int32Array = new Int32Array(SLICE_PREFIXES);
  readonly #prefix: Int32Array = new Int32Array(SLICE_PREFIXES);
  readonly #next: Int32Array = new Int32Array(SLICE_PREFIXES);
  #used = 0;
  /** How many different sets there are. */
  sets = 0;
  /** What `gather` filled. */
  readonly gathered: Int32Array = new Int32Array(SLICE_PREFIXES);

  /** True when the set is new in this batch. */
  add(set: number, prefix: number): boolean {
    const entry = this.#used++;
    this.#prefix[entry] = prefix;
    this.#next[entry] = -1;
    if (set >= this.#placeOf.length) {
      this.#placeOf = growInt32(this.#placeOf, Math.max(this.#placeOf.length * 2, set + 1));
    }
    const place = this.#placeOf[set]! - 1;
    if (place >= 0) {
      this.#next[this.#last[place]!] = entry;
      this.#last[place] = entry;
      return false;
    }
    const fresh = this.sets++;
    this.#placeOf[set] = fresh + 1;
    this.#ids[fresh] = set;
    this.#first[fresh] = entry;
    this.#last[fresh] = entry;
    return true;
  }

  setAt(place: number): number {
    return this.#ids[place]!;
  }

  /** Puts the prefixes of one set into `gathered`, in the order they were added; returns how many. */
  gather(place: number): number {
    let n = 0;
    for (let entry = this.#first[place]!; entry >= 0; entry = this.#next[entry]!) {
      this.gathered[n++] = this.#prefix[entry]!;
    }
    return n;
  }

  clear(): void {
    for (let i = 0; i < this.sets; i++) this.#placeOf[this.#ids[i]!] = 0;
    this.sets = 0;
    this.#used = 0;
  }
}
