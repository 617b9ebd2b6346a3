/**
 * Remembers what a policy made of an attribute set, so that 200,000 routes in 20,000 sets cost 20,000 rewrites.
 * A result is held by the cache until its source set is gone.
 */
import type { AttributeDependent } from "./attribute-table.ts";

/** Holder of the results: the attribute table on import, the table of encoded sets on export. */
export interface ResultHolder {
  retain(id: number): void;
  release(id: number): void;
}

export class TransformCache implements AttributeDependent {
  readonly #holder: ResultHolder;
  /** Result by source set, for outcome 0, which is nearly always the only one. */
  #plain: Int32Array = new Int32Array(256);
  /** How far `clearSome` has come. */
  #cleared = 0;
  readonly #others: Map<number, Map<number, number>> = new Map();

  constructor(holder: ResultHolder) {
    this.#holder = holder;
  }

  /** 0 when it is not known. */
  get(set: number, outcome: number): number {
    if (outcome === 0) return set < this.#plain.length ? this.#plain[set]! : 0;
    return this.#others.get(set)?.get(outcome) ?? 0;
  }

  put(set: number, outcome: number, result: number): void {
    this.#holder.retain(result);
    if (outcome !== 0) {
      let byOutcome = this.#others.get(set);
      if (byOutcome === undefined) {
        byOutcome = new Map();
        this.#others.set(set, byOutcome);
      }
      byOutcome.set(outcome, result);
      return;
    }
    if (set >= this.#plain.length) {
      const grown = new Int32Array(Math.max(this.#plain.length * 2, set + 1));
      grown.set(this.#plain);
      this.#plain = grown;
    }
    this.#plain[set] = result;
  }

  forget(set: number): void {
    if (set < this.#plain.length) {
      const result = this.#plain[set]!;
      if (result !== 0) {
        this.#plain[set] = 0;
        this.#holder.release(result);
      }
    }
    const byOutcome = this.#others.get(set);
    if (byOutcome === undefined) return;
    this.#others.delete(set);
    for (const result of byOutcome.values()) this.#holder.release(result);
  }

  /** Forgets some sets; true when nothing is left. */
  clearSome(count: number): boolean {
    const end = Math.min(this.#plain.length, this.#cleared + count);
    for (; this.#cleared < end; this.#cleared++) this.forget(this.#cleared);
    if (this.#cleared < this.#plain.length) return false;
    for (const set of [...this.#others.keys()]) this.forget(set);
    this.#cleared = 0;
    return true;
  }

  clear(): void {
    for (let set = 0; set < this.#plain.length; set++) this.forget(set);
    for (const set of [...this.#others.keys()]) this.forget(set);
  }
}
