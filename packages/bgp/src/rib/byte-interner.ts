/**
 * Byte strings with small numbers for names: equal bytes (under one salt) have one id while anyone holds it.
 * Ids start at 1 and are used again after release; 0 is "none".
 */
import { ByteArena } from "./byte-arena.ts";
import { growInt32, grownLength } from "./growable.ts";

const INITIAL = 1024;

export class ByteInterner {
  #buckets: Int32Array = new Int32Array(INITIAL * 2);
  #next: Int32Array = new Int32Array(INITIAL);
  #hash: Int32Array = new Int32Array(INITIAL);
  #salt: Int32Array = new Int32Array(INITIAL);
  #references: Int32Array = new Int32Array(INITIAL);
  /** Where the bytes are, and how many; -1 when the id is free. */
  #place: Int32Array = new Int32Array(INITIAL);
  #length: Int32Array = new Int32Array(INITIAL);
  readonly #arena: ByteArena = new ByteArena();
  readonly #free: number[] = [];
  #bound = 1;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** One more than the largest id ever given: the length that a parallel array needs. */
  get bound(): number {
    return this.#bound;
  }

  /** The id of bytes[start..end) or 0. Takes no reference. */
  find(bytes: Uint8Array, start: number, end: number, salt: number): number {
    return this.#lookup(bytes, start, end, salt, hashBytes(bytes, start, end, salt));
  }

  #lookup(bytes: Uint8Array, start: number, end: number, salt: number, hash: number): number {
    const length = end - start;
    let id = this.#buckets[hash & (this.#buckets.length - 1)]!;
    while (id !== 0) {
      if (
        this.#hash[id] === hash &&
        this.#salt[id] === salt &&
        this.#length[id] === length &&
        this.#arena.equals(this.#place[id]!, length, bytes, start)
      ) {
        return id;
      }
      id = this.#next[id]!;
    }
    return 0;
  }

  /** Finds or adds; a new id has no reference yet, and the bytes are copied. */
  intern(bytes: Uint8Array, start: number, end: number, salt: number): number {
    const hash = hashBytes(bytes, start, end, salt);
    const found = this.#lookup(bytes, start, end, salt, hash);
    if (found !== 0) return found;
    const id = this.#free.pop() ?? this.#bound++;
    if (id >= this.#next.length) this.#growColumns();
    this.#place[id] = this.#arena.put(bytes, start, end);
    this.#length[id] = end - start;
    this.#hash[id] = hash;
    this.#salt[id] = salt;
    this.#references[id] = 0;
    this.#size++;
    if (this.#size > this.#buckets.length) this.#rehash();
    else this.#link(id);
    return id;
  }

  retain(id: number): void {
    this.#references[id] = this.#references[id]! + 1;
  }

  /** True when that was the last reference: the id is free from here on. */
  release(id: number): boolean {
    const left = this.#references[id]! - 1;
    this.#references[id] = left;
    if (left > 0) return false;
    this.#unlink(id);
    this.#arena.drop(this.#place[id]!, this.#length[id]!);
    this.#length[id] = -1;
    this.#free.push(id);
    this.#size--;
    return true;
  }

  /** A view: it is good while somebody holds the id. */
  key(id: number): Uint8Array {
    return this.#arena.view(this.#place[id]!, this.#length[id]!);
  }

  keyLength(id: number): number {
    return this.#length[id]!;
  }

  #link(id: number): void {
    const bucket = this.#hash[id]! & (this.#buckets.length - 1);
    this.#next[id] = this.#buckets[bucket]!;
    this.#buckets[bucket] = id;
  }

  #unlink(id: number): void {
    const bucket = this.#hash[id]! & (this.#buckets.length - 1);
    let at = this.#buckets[bucket]!;
    if (at === id) {
      this.#buckets[bucket] = this.#next[id]!;
      return;
    }
    while (this.#next[at] !== id) at = this.#next[at]!;
    this.#next[at] = this.#next[id]!;
  }

  #growColumns(): void {
    const length = grownLength(this.#next.length);
    this.#next = growInt32(this.#next, length);
    this.#hash = growInt32(this.#hash, length);
    this.#salt = growInt32(this.#salt, length);
    this.#references = growInt32(this.#references, length);
    this.#place = growInt32(this.#place, length);
    this.#length = growInt32(this.#length, length);
  }

  #rehash(): void {
    this.#buckets = new Int32Array(this.#buckets.length * 4);
    for (let id = 1; id < this.#bound; id++) if (this.#length[id]! >= 0) this.#link(id);
  }
}

/** Four bytes at a time; mixing after each word. Not for adversaries that can choose 2^16 keys, who are bounded elsewhere. */
function hashBytes(bytes: Uint8Array, start: number, end: number, salt: number): number {
  let h = Math.imul(salt ^ (end - start), 0x9e3779b1);
  let i = start;
  for (; i + 4 <= end; i += 4) {
    const w = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    h = Math.imul(h ^ w, 0x85ebca6b);
    h ^= h >>> 15;
  }
  for (; i < end; i++) {
    h = Math.imul(h ^ bytes[i]!, 0xc2b2ae35);
    h ^= h >>> 13;
  }
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  return h ^ (h >>> 15);
}
