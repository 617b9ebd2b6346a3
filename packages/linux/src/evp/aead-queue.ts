/**
 * AEAD operations on many packets by one entry into C: five calls per packet, written into a call list and made together.
 *
 *      job i    seal: Init(nonce) Update(AAD) Update(data) Final   GetTag
 *               open: Init(nonce) Update(AAD) Update(data) SetTag  Final
 *
 * Functions, lengths and scratch addresses stand in the list from the start; a job writes only what differs, and the
 * cipher's context only when it is not the one that this place had before. The data is transformed in place.
 */
import { createArena, type OwnedArena } from "../arena.ts";
import { CALL_LENGTH, type CallList, createCallList, symbolAddress } from "../call-list.ts";
import type { CipherArena, CipherQueue } from "../packet-cipher.ts";
import { EVP_CTRL_AEAD_GET_TAG, EVP_CTRL_AEAD_SET_TAG } from "./libcrypto.ts";

const CAPACITY = 64;
const CALLS = 5;
const TAG_LENGTH = 16;
const TWO_32 = 0x1_0000_0000;

// Words of a job's five calls (a call is 16 words): arguments start at word 2, two words each.
const CALL_WORDS = CALL_LENGTH / 4;
const argument = (call: number, index: number): number => call * CALL_WORDS + 2 + 2 * index;
const AAD = argument(1, 3);
const AAD_LENGTH = argument(1, 4);
const OUT = argument(2, 1);
const IN = argument(2, 3);
const LENGTH = argument(2, 4);
const RESULT_WORD = 12;

export class AeadQueue implements CipherQueue {
  readonly capacity: number = CAPACITY;
  readonly #list: CallList;
  readonly #memory: OwnedArena;
  readonly #words: Uint32Array;
  /** Index of the first call's first word. */
  readonly #start: number;
  readonly #nonces: number;
  readonly #aads: number;
  readonly #tag: number;
  readonly #baseHigh: number;
  readonly #baseLow: number;
  readonly #contexts = new Float64Array(CAPACITY);
  #count = 0;

  /** Undefined where the machine cannot have a call list. */
  static create(direction: "seal" | "open", arena: CipherArena): AeadQueue | undefined {
    const memory = createArena(CAPACITY * (CALLS * CALL_LENGTH + 64) + 4096);
    const list = createCallList(memory, CAPACITY * CALLS);
    return list && new AeadQueue(direction, arena, memory, list);
  }

  private constructor(direction: "seal" | "open", arena: CipherArena, memory: OwnedArena, list: CallList) {
    this.#list = list;
    this.#memory = memory;
    this.#words = memory.words;
    this.#start = list.offset / 4;
    this.#baseHigh = Math.floor(arena.base / TWO_32);
    this.#baseLow = arena.base % TWO_32;
    this.#nonces = memory.allocate(CAPACITY * 16);
    this.#aads = memory.allocate(CAPACITY * 16);
    const outLength = memory.base + memory.allocate(16);
    const final = memory.base + memory.allocate(16);
    const seal = direction === "seal";
    this.#tag = argument(seal ? 4 : 3, 3);
    const prefix = seal ? "EVP_Encrypt" : "EVP_Decrypt";
    const init = symbolAddress(`${prefix}Init_ex`);
    const update = symbolAddress(`${prefix}Update`);
    const finish = symbolAddress(`${prefix}Final_ex`);
    const control = symbolAddress("EVP_CIPHER_CTX_ctrl");
    for (let job = 0; job < CAPACITY; job++) {
      const call = job * CALLS;
      list.set(call, init, 0, 0, 0, 0, memory.base + this.#nonces + 16 * job);
      list.set(call + 1, update, 0, 0, outLength, 0, 0);
      list.set(call + 2, update, 0, 0, outLength, 0, 0);
      list.set(call + (seal ? 3 : 4), finish, 0, final, outLength);
      list.set(
        call + (seal ? 4 : 3),
        control,
        0,
        seal ? EVP_CTRL_AEAD_GET_TAG : EVP_CTRL_AEAD_SET_TAG,
        TAG_LENGTH,
        0,
      );
    }
  }

  get count(): number {
    return this.#count;
  }

  /**
   * Adds a job over `length` bytes at the arena offset `data`, the tag after them; the nonce is salt and IV as big-endian
   * words. Returns the job's number; `aad` or `extendedAad` must follow. The queue must not be full.
   */
  add(context: number, salt: number, ivHigh: number, ivLow: number, data: number, length: number): number {
    const job = this.#count++;
    const words = this.#words;
    const at = this.#start + job * CALLS * CALL_WORDS;
    if (this.#contexts[job] !== context) this.#setContext(job, context);
    const { view } = this.#memory;
    const nonce = this.#nonces + 16 * job;
    view.setUint32(nonce, salt);
    view.setUint32(nonce + 4, ivHigh);
    view.setUint32(nonce + 8, ivLow);
    this.#address(at + OUT, data);
    this.#address(at + IN, data);
    words[at + LENGTH] = length;
    this.#address(at + this.#tag, data + length);
    return job;
  }

  /** SPI and sequence number as they stand at the arena offset `header`. */
  aad(job: number, header: number): void {
    const at = this.#start + job * CALLS * CALL_WORDS;
    this.#address(at + AAD, header);
    this.#words[at + AAD_LENGTH] = 8;
  }

  /** With extended sequence numbers (RFC 4106 §5). */
  extendedAad(job: number, spi: number, high: number, low: number): void {
    const { view, base } = this.#memory;
    const aad = this.#aads + 16 * job;
    view.setUint32(aad, spi);
    view.setUint32(aad + 4, high);
    view.setUint32(aad + 8, low);
    const at = this.#start + job * CALLS * CALL_WORDS;
    const address = base + aad;
    this.#words[at + AAD] = address % TWO_32;
    this.#words[at + AAD + 1] = Math.floor(address / TWO_32);
    this.#words[at + AAD_LENGTH] = 12;
  }

  run(): void {
    this.#list.run(this.#count * CALLS);
    this.#count = 0;
  }

  /** Whether all five calls of a job succeeded in the last run; for `open`, whether the packet is authentic. */
  ok(job: number): boolean {
    const words = this.#words;
    const at = this.#start + job * CALLS * CALL_WORDS + RESULT_WORD;
    for (let call = 0; call < CALLS; call++) if (words[at + call * CALL_WORDS] !== 1) return false;
    return true;
  }

  #setContext(job: number, context: number): void {
    this.#contexts[job] = context;
    for (let call = 0; call < CALLS; call++) this.#list.argument(job * CALLS + call, 0, context);
  }

  #address(at: number, offset: number): void {
    const low = this.#baseLow + offset;
    this.#words[at] = low; // modulo 2^32
    this.#words[at + 1] = low >= TWO_32 ? this.#baseHigh + 1 : this.#baseHigh;
  }
}
