/**
 * The FIB of the data plane: longest prefix match for IPv4 and IPv6 over addresses in the arena.
 *
 * One hash table per prefix length in use, asked from the longest down, behind a small direct-mapped cache of
 * destinations. An entry without tunnels means "inside": the kernel's routing delivers it.
 */
import { type Prefix, parsePrefix } from "@tandem/wire";
import type { FibEntry } from "./commands.ts";
import type { Tunnel } from "./tunnel.ts";

export interface Route {
  readonly entry: FibEntry;
  readonly prefix: Prefix;
  /** Resolved when the entry or a tunnel changes; those that do not exist (yet) are left out. */
  tunnels: readonly Tunnel[];
}

interface Length {
  readonly bits: number;
  readonly masks: Int32Array;
  readonly table: Map<number, Route[]>;
}

const CACHE = 512; // a power of two

export class RouteTable {
  readonly #routes = new Map<string, Route>();
  readonly #lengths: { readonly 4: Length[]; readonly 6: Length[] } = { 4: [], 6: [] };
  readonly #cacheKeys4 = new Int32Array(CACHE);
  readonly #cache4 = new Array<Route | undefined | null>(CACHE).fill(null);
  readonly #cacheKeys6 = new Int32Array(CACHE * 4);
  readonly #cache6 = new Array<Route | undefined | null>(CACHE).fill(null);
  readonly #words = new Int32Array(4);

  get size(): number {
    return this.#routes.size;
  }

  values(): IterableIterator<Route> {
    return this.#routes.values();
  }

  /** One consistent change. False, and nothing changed, when a prefix does not parse. */
  change(
    set: readonly FibEntry[],
    remove: readonly string[],
    resolve: (tunnel: string) => Tunnel | undefined,
  ): boolean {
    const prefixes = set.map((entry) => parsePrefix(entry.prefix));
    const removed = remove.map((text) => parsePrefix(text));
    if (prefixes.includes(undefined) || removed.includes(undefined)) return false;
    for (const prefix of removed) this.#remove(prefix!);
    for (let i = 0; i < set.length; i++) {
      this.#remove(prefixes[i]!);
      this.#add(set[i]!, prefixes[i]!, resolve);
    }
    this.invalidate();
    return true;
  }

  /** To be called after tunnels came or went. */
  resolveAll(resolve: (tunnel: string) => Tunnel | undefined): void {
    for (const route of this.#routes.values()) route.tunnels = resolved(route.entry, resolve);
    this.invalidate();
  }

  invalidate(): void {
    this.#cache4.fill(null);
    this.#cache6.fill(null);
  }

  /** The route for the address of `family` at `offset`; undefined when there is none. */
  lookup(view: DataView, offset: number, family: 4 | 6): Route | undefined {
    return family === 4 ? this.#lookup4(view.getInt32(offset)) : this.#lookup6(view, offset);
  }

  #lookup4(address: number): Route | undefined {
    const slot = (Math.imul(address, 0x9e3779b1) >>> 16) & (CACHE - 1);
    const cached = this.#cache4[slot];
    if (cached !== null && this.#cacheKeys4[slot] === address) return cached;
    this.#words[0] = address;
    const route = search(this.#lengths[4], this.#words, 1);
    this.#cacheKeys4[slot] = address;
    this.#cache4[slot] = route;
    return route;
  }

  #lookup6(view: DataView, offset: number): Route | undefined {
    const words = this.#words;
    for (let i = 0; i < 4; i++) words[i] = view.getInt32(offset + 4 * i);
    const slot = (hashWords(words, 4) >>> 16) & (CACHE - 1);
    const keys = this.#cacheKeys6;
    const at = slot * 4;
    const cached = this.#cache6[slot];
    if (
      cached !== null &&
      keys[at] === words[0] &&
      keys[at + 1] === words[1] &&
      keys[at + 2] === words[2] &&
      keys[at + 3] === words[3]
    ) {
      return cached;
    }
    const route = search(this.#lengths[6], words, 4);
    keys.set(words, at);
    this.#cache6[slot] = route;
    return route;
  }

  #add(entry: FibEntry, prefix: Prefix, resolve: (tunnel: string) => Tunnel | undefined): void {
    const route: Route = { entry, prefix, tunnels: resolved(entry, resolve) };
    this.#routes.set(prefix.text, route);
    const lengths = this.#lengths[prefix.family];
    let length = lengths.find((l) => l.bits === prefix.length);
    if (length === undefined) {
      length = { bits: prefix.length, masks: masksOf(prefix), table: new Map() };
      lengths.push(length);
      lengths.sort((a, b) => b.bits - a.bits);
    }
    const key = keyOf(prefix);
    const bucket = length.table.get(key);
    if (bucket === undefined) length.table.set(key, [route]);
    else bucket.push(route);
  }

  #remove(prefix: Prefix): void {
    const route = this.#routes.get(prefix.text);
    if (route === undefined) return;
    this.#routes.delete(prefix.text);
    const lengths = this.#lengths[prefix.family];
    const length = lengths.find((l) => l.bits === prefix.length)!;
    const key = keyOf(prefix);
    const bucket = length.table.get(key)!.filter((r) => r !== route);
    if (bucket.length > 0) length.table.set(key, bucket);
    else length.table.delete(key);
    if (length.table.size === 0) lengths.splice(lengths.indexOf(length), 1);
  }
}

function resolved(entry: FibEntry, resolve: (tunnel: string) => Tunnel | undefined): Tunnel[] {
  const all = entry.tunnels.map(resolve).filter((t) => t !== undefined);
  const staying = all.filter((t) => !t.leaving);
  return staying.length > 0 ? staying : all;
}

function search(lengths: readonly Length[], words: Int32Array, count: number): Route | undefined {
  for (let i = 0; i < lengths.length; i++) {
    const { masks, table } = lengths[i]!;
    let hash = 0;
    for (let w = 0; w < count; w++) hash = mixWord(hash, words[w]! & masks[w]!);
    const bucket = table.get(hash);
    if (bucket === undefined) continue;
    for (let b = 0; b < bucket.length; b++)
      if (covers(bucket[b]!.prefix, words, masks, count)) return bucket[b];
  }
  return undefined;
}

function covers(prefix: Prefix, words: Int32Array, masks: Int32Array, count: number): boolean {
  const bytes = prefix.bytes;
  for (let w = 0; w < count; w++) {
    const at = w * 4;
    const word = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    if ((words[w]! & masks[w]!) !== word) return false;
  }
  return true;
}

const mixWord = (hash: number, word: number): number => Math.imul(hash ^ word, 0x9e3779b1) ^ (word >>> 15);

function hashWords(words: Int32Array, count: number): number {
  let hash = 0;
  for (let w = 0; w < count; w++) hash = mixWord(hash, words[w]!);
  return hash;
}

function masksOf(prefix: Prefix): Int32Array {
  const masks = new Int32Array(prefix.bytes.length / 4);
  for (let w = 0; w < masks.length; w++) {
    const bits = Math.min(32, Math.max(0, prefix.length - 32 * w));
    masks[w] = bits === 0 ? 0 : -1 << (32 - bits);
  }
  return masks;
}

function keyOf(prefix: Prefix): number {
  const view = new DataView(prefix.bytes.buffer, prefix.bytes.byteOffset, prefix.bytes.byteLength);
  const words = new Int32Array(prefix.bytes.length / 4).map((_, w) => view.getInt32(4 * w));
  return hashWords(words, words.length);
}
