/**
 * AEAD operations on many packets by one entry into C: the calls of each are written into a call list and made together.
 * Functions, lengths and scratch addresses stand in the list from the start; a job writes only what differs, and the
 * key only when it is not the one that this place had before. The data is transformed in place.
 */
import { createArena, type OwnedArena } from "../arena.ts";
import { type CallList, type CallShape, createCallList } from "../call-list.ts";
import type { CipherArena } from "../packet-cipher.ts";
import type { AeadJobs } from "./aead-engine.ts";

const CAPACITY = 64;
const TWO_32 = 0x1_0000_0000;

/** Where in a job's calls the arguments stand that every job has: indexes of 32-bit words from its first. */
export interface JobLayout {
  readonly shape: CallShape;
  readonly calls: number;
  readonly aad: number;
  readonly aadLength: number;
  readonly out: number;
  readonly input: number;
  readonly length: number;
  /** Takes the address of the packet's own tag; undefined where no call wants it. */
  readonly tag: number | undefined;
}

/** Word of an argument (from 0) of a call (from 0). */
export const argumentWord = (shape: CallShape, call: number, index: number): number =>
  (call * shape.length) / 4 + 2 + 2 * index;

/** A call list and its memory; undefined where the machine cannot have one. */
export function createJobList(layout: JobLayout): { list: CallList; memory: OwnedArena } | undefined {
  const memory = createArena(CAPACITY * (layout.calls * layout.shape.length + 64) + 4096);
  const list = createCallList(memory, CAPACITY * layout.calls, layout.shape);
  return list && { list, memory };
}

export abstract class AeadQueue implements AeadJobs {
  readonly capacity: number = CAPACITY;
  protected readonly list: CallList;
  protected readonly memory: OwnedArena;
  /** The memory of `list`, and the index of its first word. */
  protected readonly words: Uint32Array;
  protected readonly start: number;
  protected readonly jobWords: number;
  readonly #layout: JobLayout;
  readonly #tag: number;
  readonly #nonces: number;
  readonly #aads: number;
  readonly #baseHigh: number;
  readonly #baseLow: number;
  readonly #contexts = new Float64Array(CAPACITY);
  #count = 0;

  constructor(arena: CipherArena, layout: JobLayout, list: CallList, memory: OwnedArena) {
    this.list = list;
    this.memory = memory;
    this.words = memory.words;
    this.start = list.offset / 4;
    this.jobWords = (layout.calls * layout.shape.length) / 4;
    this.#layout = layout;
    this.#tag = layout.tag ?? -1;
    this.#baseHigh = Math.floor(arena.base / TWO_32);
    this.#baseLow = arena.base % TWO_32;
    this.#nonces = memory.allocate(CAPACITY * 16);
    this.#aads = memory.allocate(CAPACITY * 16);
  }

  get count(): number {
    return this.#count;
  }

  /** Address of the nonce of a job. */
  protected nonce(job: number): number {
    return this.memory.base + this.#nonces + 16 * job;
  }

  add(context: number, salt: number, ivHigh: number, ivLow: number, data: number, length: number): number {
    const job = this.#count++;
    const { words } = this;
    const layout = this.#layout;
    const at = this.start + job * this.jobWords;
    if (this.#contexts[job] !== context) {
      this.#contexts[job] = context;
      this.setContext(job, context);
    }
    const { view } = this.memory;
    const nonce = this.#nonces + 16 * job;
    view.setUint32(nonce, salt);
    view.setUint32(nonce + 4, ivHigh);
    view.setUint32(nonce + 8, ivLow);
    this.#address(at + layout.out, data);
    this.#address(at + layout.input, data);
    words[at + layout.length] = length;
    if (this.#tag >= 0) this.#address(at + this.#tag, data + length);
    return job;
  }

  aad(job: number, header: number): void {
    const at = this.start + job * this.jobWords;
    this.#address(at + this.#layout.aad, header);
    this.words[at + this.#layout.aadLength] = 8;
  }

  extendedAad(job: number, spi: number, high: number, low: number): void {
    const { view, base } = this.memory;
    const aad = this.#aads + 16 * job;
    view.setUint32(aad, spi);
    view.setUint32(aad + 4, high);
    view.setUint32(aad + 8, low);
    const at = this.start + job * this.jobWords;
    const address = base + aad;
    this.words[at + this.#layout.aad] = address % TWO_32;
    this.words[at + this.#layout.aad + 1] = Math.floor(address / TWO_32);
    this.words[at + this.#layout.aadLength] = 12;
  }

  run(): void {
    this.list.run(this.#count * this.#layout.calls);
    this.#count = 0;
  }

  /** Arena offset of the tag in the packet of a job of the last run. */
  protected tagOf(job: number): number {
    const { words } = this;
    const at = this.start + job * this.jobWords;
    return ((words[at + this.#layout.out]! - this.#baseLow) >>> 0) + words[at + this.#layout.length]!;
  }

  /** Whether a job of the last run succeeded; for `open`, whether the packet is authentic. */
  abstract ok(job: number): boolean;
  /** The key is gone: what stands at its address next is another one. */
  protected forgetContext(context: number): void {
    for (let job = 0; job < CAPACITY; job++) if (this.#contexts[job] === context) this.#contexts[job] = 0;
  }

  /** Another key than at the last job in this place. */
  protected abstract setContext(job: number, context: number): void;

  #address(at: number, offset: number): void {
    const low = this.#baseLow + offset;
    this.words[at] = low; // modulo 2^32
    this.words[at + 1] = low >= TWO_32 ? this.#baseHigh + 1 : this.#baseHigh;
  }
}
