/**
 * AEAD operations on many packets by one entry into C: the calls of each are written into a call list and made together.
 * Functions, lengths and scratch addresses stand in the list from the start, and what belongs to a key from its last job in
 * the same place; a job writes only what differs. The data is transformed in place.
 */
import { createArena, type OwnedArena } from "../arena.ts";
import { type CallList, type CallShape, createCallList } from "../call-list.ts";
import type { CipherArena } from "../packet-cipher.ts";
import { type AeadJobs, ESP_HEADER_LENGTH, IV_LENGTH } from "./aead-engine.ts";

const CAPACITY = 64;
const TWO_32 = 0x1_0000_0000;
const DATA = ESP_HEADER_LENGTH + IV_LENGTH;

/** Where in a job's calls the arguments stand that every job has: indexes of 32-bit words from its first. */
export interface JobLayout {
  readonly shape: CallShape;
  readonly calls: number;
  readonly aad: number;
  readonly aadLength: number;
  readonly out: number;
  readonly input: number;
  readonly length: number;
  /** Takes the address of the packet's own tag; 0 where no call wants it. */
  readonly tag: number;
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

interface Key {
  readonly salt: number;
  readonly extended: boolean;
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
  readonly #view: DataView;
  readonly #arena: CipherArena;
  /** Address of the arena, and its low word as a signed number. */
  readonly #base: number;
  readonly #baseLow: number;
  /** Whether the high words of addresses differ within the arena. */
  readonly #crosses: boolean;
  readonly #nonces: number;
  readonly #aads: number;
  readonly #keys = new Map<number, Key>();
  /** Of the last job in each place: its key, and whether its sequence numbers are extended. */
  readonly #contexts = new Float64Array(CAPACITY);
  readonly #extended = new Uint8Array(CAPACITY);
  #count = 0;
  /** Jobs of the last run. */
  protected ran = 0;

  constructor(arena: CipherArena, layout: JobLayout, list: CallList, memory: OwnedArena) {
    this.list = list;
    this.memory = memory;
    this.words = memory.words;
    this.start = list.offset / 4;
    this.jobWords = (layout.calls * layout.shape.length) / 4;
    this.#layout = layout;
    this.#view = memory.view;
    this.#arena = arena;
    this.#base = arena.base;
    this.#baseLow = arena.base | 0;
    this.#crosses = high(arena.base) !== high(arena.base + arena.bytes.length);
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

  register(context: number, salt: number, extended: boolean): void {
    this.#keys.set(context, { salt, extended });
  }

  forget(context: number): void {
    this.#keys.delete(context);
    for (let job = 0; job < CAPACITY; job++) if (this.#contexts[job] === context) this.#contexts[job] = 0;
  }

  add(
    context: number,
    header: number,
    ivHigh: number,
    ivLow: number,
    sequenceHigh: number,
    length: number,
  ): void {
    const job = this.#count++;
    const layout = this.#layout;
    const words = this.words;
    const view = this.#view;
    const at = this.start + job * this.jobWords;
    if (this.#contexts[job] !== context || this.#crosses) this.#prepare(job, context, header, length);
    const nonce = this.#nonces + 16 * job;
    view.setUint32(nonce + 4, ivHigh);
    view.setUint32(nonce + 8, ivLow);
    // The low words of addresses.
    const packet = (this.#baseLow + header) | 0;
    const data = (packet + DATA) | 0;
    words[at + layout.out] = data;
    words[at + layout.input] = data;
    words[at + layout.length] = length;
    if (layout.tag !== 0) words[at + layout.tag] = data + length;
    if (this.#extended[job] === 0) words[at + layout.aad] = packet;
    else this.#extendAad(job, header, sequenceHigh);
  }

  /** What a key's next jobs in this place need not write again; where the arena crosses 4 GiB, for each job. */
  #prepare(job: number, context: number, header: number, length: number): void {
    const { salt, extended } = this.#keys.get(context)!;
    const layout = this.#layout;
    const words = this.words;
    const at = this.start + job * this.jobWords;
    this.#contexts[job] = context;
    this.#extended[job] = extended ? 1 : 0;
    this.setContext(job, context);
    this.#view.setUint32(this.#nonces + 16 * job, salt);
    const packet = this.#base + header;
    const aad = extended ? this.memory.base + this.#aads + 16 * job : packet;
    words[at + layout.aad] = aad % TWO_32;
    words[at + layout.aad + 1] = high(aad);
    words[at + layout.aadLength] = extended ? 12 : 8;
    words[at + layout.out + 1] = high(packet + DATA);
    words[at + layout.input + 1] = high(packet + DATA);
    if (layout.tag !== 0) words[at + layout.tag + 1] = high(packet + DATA + length);
  }

  /** SPI, high and low half of the sequence number (RFC 4106 §5). */
  #extendAad(job: number, header: number, sequenceHigh: number): void {
    const packet = this.#arena.view;
    const aad = this.#aads + 16 * job;
    this.#view.setInt32(aad, packet.getInt32(header));
    this.#view.setUint32(aad + 4, sequenceHigh);
    this.#view.setInt32(aad + 8, packet.getInt32(header + 4));
  }

  run(): void {
    this.list.run(this.#count * this.#layout.calls);
    this.ran = this.#count;
    this.#count = 0;
  }

  /** Arena offset of the tag in the packet of a job of the last run. */
  protected tagOf(job: number): number {
    const { words } = this;
    const at = this.start + job * this.jobWords;
    return ((words[at + this.#layout.out]! - this.#baseLow) >>> 0) + words[at + this.#layout.length]!;
  }

  allOk(): boolean {
    for (let job = 0; job < this.ran; job++) if (!this.ok(job)) return false;
    return true;
  }

  /** Whether a job of the last run succeeded; for `open`, whether the packet is authentic. */
  abstract ok(job: number): boolean;

  /** Another key than at the last job in this place. */
  protected abstract setContext(job: number, context: number): void;
}

const high = (address: number): number => Math.floor(address / TWO_32);
