/**
 * Prefixes of one family with dense numbers for names: everything else about a prefix is a column indexed by it.
 * Addresses are packed words, one for IPv4 and four for IPv6. Ids start at 1 and are used again after `remove`.
 *
 *      slot:  tag (the address itself for IPv4, a hash for IPv6) | id and length in one word
 *
 * Open addressing with linear probing. A slot alone tells a stranger from a match, so that a probe touches one line
 * of cache: with hundreds of thousands of prefixes that is where the time goes.
 */
import { type Prefix, parsePrefix } from "@tandem/wire";
import { growInt32, grownLength, growUint8 } from "./growable.ts";

const INITIAL = 1024;
/** A slot has 24 bits for the id. */
const MAXIMUM_ID = 0xffffff;

/** Reads up to 32 bits of a wire prefix: `octets` bytes at `at`, left-aligned. */
function word(bytes: Uint8Array, at: number, octets: number): number {
  switch (octets) {
    case 0:
      return 0;
    case 1:
      return bytes[at]! << 24;
    case 2:
      return (bytes[at]! << 24) | (bytes[at + 1]! << 16);
    case 3:
      return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8);
    default:
      return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }
}

const mask = (bits: number): number => (bits <= 0 ? 0 : bits >= 32 ? -1 : -1 << (32 - bits));

export class PrefixTable {
  readonly wide: boolean;
  readonly maximumBits: number;
  /** Pairs of words. */
  #slots: Int32Array = new Int32Array(INITIAL * 8);
  /** Address words and lengths by id. Read them; do not write. */
  w0: Int32Array = new Int32Array(INITIAL);
  w1: Int32Array = new Int32Array(0);
  w2: Int32Array = new Int32Array(0);
  w3: Int32Array = new Int32Array(0);
  bits: Uint8Array = new Uint8Array(INITIAL);
  readonly #free: number[] = [];
  #used = 1;
  #size = 0;
  // The key that was read last; kept in fields so that lookups allocate nothing.
  #k0 = 0;
  #k1 = 0;
  #k2 = 0;
  #k3 = 0;

  constructor(wide: boolean) {
    this.wide = wide;
    this.maximumBits = wide ? 128 : 32;
    if (wide) this.#widen(INITIAL);
  }

  get size(): number {
    return this.#size;
  }

  /** The length that a column indexed by prefix must have. */
  get capacity(): number {
    return this.bits.length;
  }

  /** Every id in use, in no order that means anything. */
  *ids(): IterableIterator<number> {
    for (let i = 1; i < this.#slots.length; i += 2) if (this.#slots[i] !== 0) yield this.#slots[i]! >>> 8;
  }

  /** The id of the prefix of `bits` bits whose octets start at `at` (host bits are ignored), or 0. */
  findWire(bytes: Uint8Array, at: number, bits: number): number {
    this.#load(bytes, at, bits);
    return this.#slots[this.#probe(bits) + 1]! >>> 8;
  }

  /** As `findWire`, but adds what is not there. */
  internWire(bytes: Uint8Array, at: number, bits: number): number {
    this.#load(bytes, at, bits);
    const slot = this.#probe(bits);
    const found = this.#slots[slot + 1]!;
    return found !== 0 ? found >>> 8 : this.#add(slot, bits);
  }

  find(prefix: Prefix): number {
    return this.findWire(prefix.bytes, 0, prefix.length);
  }

  intern(prefix: Prefix): number {
    return this.internWire(prefix.bytes, 0, prefix.length);
  }

  /** Writes length and octets as NLRI; returns the new end. */
  write(id: number, out: Uint8Array, at: number): number {
    const bits = this.bits[id]!;
    const octets = (bits + 7) >> 3;
    out[at] = bits;
    const w = this.w0[id]!;
    if (octets > 0) out[at + 1] = w >>> 24;
    if (octets > 1) out[at + 2] = w >>> 16;
    if (octets > 2) out[at + 3] = w >>> 8;
    if (octets > 3) out[at + 4] = w;
    if (octets > 4) this.#writeWide(id, out, at + 5, octets - 4);
    return at + 1 + octets;
  }

  /** Canonical text. */
  text(id: number): string {
    return this.wide ? this.prefix(id).text : `${ipv4Text(this.w0[id]!)}/${this.bits[id]}`;
  }

  prefix(id: number): Prefix {
    const bytes = new Uint8Array(this.wide ? 16 : 4);
    const words = this.wide ? [this.w0[id]!, this.w1[id]!, this.w2[id]!, this.w3[id]!] : [this.w0[id]!];
    words.forEach((w, i) => {
      bytes.set([w >>> 24, (w >>> 16) & 0xff, (w >>> 8) & 0xff, w & 0xff], i * 4);
    });
    const bits = this.bits[id]!;
    if (!this.wide) return { family: 4, bytes, length: bits, text: this.text(id) };
    return parsePrefix(`${hexGroups(bytes)}/${bits}`)!;
  }

  remove(id: number): void {
    this.#restore(id);
    const slots = this.#slots;
    let hole = this.#probe(this.bits[id]!);
    slots[hole] = 0;
    slots[hole + 1] = 0;
    this.bits[id] = 0;
    this.#free.push(id);
    this.#size--;
    // Backward shift: no tombstones, so lookups stay short for ever.
    const last = slots.length - 1;
    for (let i = (hole + 2) & last; slots[i + 1] !== 0; i = (i + 2) & last) {
      const home = this.#home(slots[i]!, slots[i + 1]! & 0xff);
      if (((i - home) & last) >= ((i - hole) & last)) {
        slots[hole] = slots[i]!;
        slots[hole + 1] = slots[i + 1]!;
        slots[i] = 0;
        slots[i + 1] = 0;
        hole = i;
      }
    }
  }

  #load(bytes: Uint8Array, at: number, bits: number): void {
    const octets = (bits + 7) >> 3;
    this.#k0 = word(bytes, at, octets) & mask(bits);
    if (!this.wide) return;
    this.#k1 = octets > 4 ? word(bytes, at + 4, octets - 4) & mask(bits - 32) : 0;
    this.#k2 = octets > 8 ? word(bytes, at + 8, octets - 8) & mask(bits - 64) : 0;
    this.#k3 = octets > 12 ? word(bytes, at + 12, octets - 12) & mask(bits - 96) : 0;
  }

  #restore(id: number): void {
    this.#k0 = this.w0[id]!;
    if (!this.wide) return;
    this.#k1 = this.w1[id]!;
    this.#k2 = this.w2[id]!;
    this.#k3 = this.w3[id]!;
  }

  /** The address, or a hash of it, of the loaded key. */
  #tag(): number {
    if (!this.wide) return this.#k0;
    let h = Math.imul(this.#k0, 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 15) ^ this.#k1, 0xc2b2ae35);
    h = Math.imul(h ^ (h >>> 13) ^ this.#k2, 0x27d4eb2f);
    h = Math.imul(h ^ (h >>> 15) ^ this.#k3, 0x165667b1);
    return h ^ (h >>> 15);
  }

  #home(tag: number, bits: number): number {
    let h = Math.imul(tag ^ Math.imul(bits, 0x9e3779b1), 0x85ebca6b);
    h ^= h >>> 15;
    h = Math.imul(h, 0x2c1b3c6d);
    return ((h ^ (h >>> 13)) << 1) & (this.#slots.length - 1);
  }

  /** The slot that holds the loaded key, or the empty one where it belongs. */
  #probe(bits: number): number {
    const slots = this.#slots;
    const last = slots.length - 1;
    const tag = this.#tag();
    let slot = this.#home(tag, bits);
    for (;;) {
      const entry = slots[slot + 1]!;
      if (entry === 0) return slot;
      if (slots[slot] === tag && (entry & 0xff) === bits && this.#restMatches(entry >>> 8)) return slot;
      slot = (slot + 2) & last;
    }
  }

  #restMatches(id: number): boolean {
    if (!this.wide) return true;
    return (
      this.w0[id] === this.#k0 &&
      this.w1[id] === this.#k1 &&
      this.w2[id] === this.#k2 &&
      this.w3[id] === this.#k3
    );
  }

  #add(slot: number, bits: number): number {
    const id = this.#free.pop() ?? this.#used++;
    // Sixteen million prefixes would be gigabytes long before: prefix limits are what keeps peers from this.
    if (id > MAXIMUM_ID) throw new RangeError("prefix table is full");
    if (id >= this.bits.length) this.#grow();
    this.w0[id] = this.#k0;
    if (this.wide) {
      this.w1[id] = this.#k1;
      this.w2[id] = this.#k2;
      this.w3[id] = this.#k3;
    }
    this.bits[id] = bits;
    this.#size++;
    this.#slots[slot] = this.#tag();
    this.#slots[slot + 1] = (id << 8) | bits;
    if (this.#size * 4 > this.#slots.length) this.#rehash();
    return id;
  }

  #grow(): void {
    const length = grownLength(this.bits.length);
    this.bits = growUint8(this.bits, length);
    this.w0 = growInt32(this.w0, length);
    if (this.wide) this.#widen(length);
  }

  #widen(length: number): void {
    this.w1 = growInt32(this.w1, length);
    this.w2 = growInt32(this.w2, length);
    this.w3 = growInt32(this.w3, length);
  }

  #rehash(): void {
    const old = this.#slots;
    const slots = new Int32Array(grownLength(old.length));
    this.#slots = slots;
    const last = slots.length - 1;
    for (let i = 0; i < old.length; i += 2) {
      const entry = old[i + 1]!;
      if (entry === 0) continue;
      let slot = this.#home(old[i]!, entry & 0xff);
      while (slots[slot + 1] !== 0) slot = (slot + 2) & last;
      slots[slot] = old[i]!;
      slots[slot + 1] = entry;
    }
  }

  #writeWide(id: number, out: Uint8Array, at: number, octets: number): void {
    for (let i = 0; i < octets; i++) {
      const w = i < 4 ? this.w1[id]! : i < 8 ? this.w2[id]! : this.w3[id]!;
      out[at + i] = w >>> (24 - 8 * (i & 3));
    }
  }
}

/** An IPv4 address as a number. */
export const ipv4Text = (word: number): string =>
  `${word >>> 24}.${(word >>> 16) & 0xff}.${(word >>> 8) & 0xff}.${word & 0xff}`;

function hexGroups(bytes: Uint8Array): string {
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i]! << 8) | bytes[i + 1]!).toString(16));
  return groups.join(":");
}
