/**
 * Byte strings with small numbers for names: equal bytes (under one salt) have one id while anyone holds it.
 * Ids start at 1 and are used again after release; 0 is "none".
 */
import { growInt32, grownLength } from "./growable.ts";

const INITIAL = 1024;

export class ByteInterner {
  #buckets: Int32Array = new Int32Array(INITIAL * 2);
  #next: Int32Array = new Int32Array(INITIAL);
  #hash: Int32Array = new Int32Array(INITIAL);
  #salt: Int32Array = new Int32Array(INITIAL);
  #references: Int32Array = new Int32Array(INITIAL);
  readonly #keys: (Uint8Array | undefined)[] = [undefined];
  readonly #free: number[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** One more than the largest id ever given: the length that a parallel array needs. */
  get bound(): number {
    return this.#keys.length;
  }

  /** The id of bytes[start..end) or 0. Takes no reference. */
  find(bytes: Uint8Array, start: number, end: number, salt: number): number {
    return this.#lookup(bytes, start, end, salt, hashBytes(bytes, start, end, salt));
  }

  #lookup(bytes: Uint8Array, start: number, end: number, salt: number, hash: number): number {
    const length = end - start;
    let id = this.#buckets[hash & (this.#buckets.length - 1)]!;
    while (id !== 0) {
      if (this.#hash[id] === hash && this.#salt[id] === salt) {
        const key = this.#keys[id]!;
        if (key.length === length) {
          let i = 0;
          while (i < length && key[i] === bytes[start + i]) i++;
          if (i === length) return id;
        }
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
    const id = this.#free.pop() ?? this.#keys.length;
    if (id === this.#keys.length) {
      this.#keys.push(undefined);
      if (id >= this.#next.length) this.#growColumns();
    }
    this.#keys[id] = bytes.slice(start, end);
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
    this.#keys[id] = undefined;
    this.#free.push(id);
    this.#size--;
    return true;
  }

  key(id: number): Uint8Array {
    return this.#keys[id]!;
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
  }

  #rehash(): void {
    this.#buckets = new Int32Array(this.#buckets.length * 4);
    for (let id = 1; id < this.#keys.length; id++) if (this.#keys[id] !== undefined) this.#link(id);
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
