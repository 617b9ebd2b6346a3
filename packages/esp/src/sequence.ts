/**
 * Outbound sequence numbers (RFC 4303 §3.3.3), taken only out of blocks that were reserved, and replicated, beforehand:
 * whoever adopts the SA starts above every block, so no (key, IV) pair can repeat (DESIGN §3).
 */
import type { SequenceBlock } from "./sa-parameters.ts";

/** Specification: the last number without ESN, and with it as far as a double counts exactly. */
export const LAST_SEQUENCE = 0xffff_ffff;
export const LAST_EXTENDED_SEQUENCE: number = Number.MAX_SAFE_INTEGER;
/** Implementation: so many blocks may wait behind the current one. */
const QUEUE = 8;

export class SequenceCounter {
  readonly #last: number;
  // [next, limit (exclusive), low-water mark, reservedUpTo (exclusive)]
  readonly #state = new Float64Array(4);
  readonly #queue: SequenceBlock[] = [];

  constructor(esn: boolean, block: SequenceBlock) {
    this.#last = esn ? LAST_EXTENDED_SEQUENCE : LAST_SEQUENCE;
    this.#take({ first: Math.max(1, block.first), limit: block.limit });
    this.#state[3] = block.limit;
  }

  /** One past the highest reserved number. */
  get reservedUpTo(): number {
    return this.#state[3]!;
  }

  /** The next number to be used; for status. */
  get upcoming(): number {
    return this.#state[0]!;
  }

  /** True when every number that the SA can ever use is spent: only a rekey helps. */
  get exhausted(): boolean {
    return this.#state[0]! > this.#last;
  }

  /** True once less than half of the last reserved block is left. */
  get low(): boolean {
    return this.#queue.length === 0 && this.#state[0]! >= this.#state[2]!;
  }

  /** The next number, or -1 when no reserved one is left. */
  next(): number {
    const sequence = this.#state[0]!;
    if (sequence >= this.#state[1]!) return this.#advance();
    if (sequence > this.#last) return -1;
    this.#state[0] = sequence + 1;
    return sequence;
  }

  /** Adds a block above all earlier ones. False when it overlaps an earlier one, is empty, or too many wait. */
  reserve(block: SequenceBlock): boolean {
    if (block.first < this.#state[3]! || block.limit <= block.first || this.#queue.length >= QUEUE)
      return false;
    if (block.first === this.#state[3]! && this.#queue.length === 0) {
      // It continues the current block: extend, so that the low-water mark moves with it.
      this.#state[2] = block.first + (block.limit - block.first) / 2;
      this.#state[1] = block.limit;
    } else {
      this.#queue.push(block);
    }
    this.#state[3] = block.limit;
    return true;
  }

  #take(block: SequenceBlock): void {
    this.#state[0] = block.first;
    this.#state[1] = block.limit;
    this.#state[2] = block.first + (block.limit - block.first) / 2;
  }

  #advance(): number {
    const block = this.#queue.shift();
    if (block === undefined) return -1;
    this.#take(block);
    return this.next();
  }
}
