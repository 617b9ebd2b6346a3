/** AES-GCM by Intel's library: one call per packet. */

import { TAG_LENGTH } from "../aead/aead-engine.ts";
import { AeadQueue, argumentWord, createJobList, type JobLayout } from "../aead/aead-queue.ts";
import type { OwnedArena } from "../arena.ts";
import { type CallList, WIDE } from "../call-list.ts";
import type { CipherArena } from "../packet-cipher.ts";
import { CONTEXT_LENGTH } from "./library.ts";

// Arguments: key data, context, out, in, length, IV, AAD, AAD length, tag, tag length.
const KEY_DATA = 0;
const TAG = 8;
const common = {
  shape: WIDE,
  calls: 1,
  out: argumentWord(WIDE, 0, 2),
  input: argumentWord(WIDE, 0, 3),
  length: argumentWord(WIDE, 0, 4),
  aad: argumentWord(WIDE, 0, 6),
  aadLength: argumentWord(WIDE, 0, 7),
};
/** Sealing writes the tag into the packet; opening writes the right one beside it. */
const SEAL: JobLayout = { ...common, tag: argumentWord(WIDE, 0, TAG) };
const OPEN: JobLayout = { ...common, tag: undefined };

export class GcmQueue extends AeadQueue {
  readonly #arena: CipherArena;
  readonly #functions = new Map<number, number>();
  readonly #tags: number;
  readonly #compares: boolean;

  /** Undefined where the machine cannot have a call list. */
  static create(direction: "seal" | "open", arena: CipherArena): GcmQueue | undefined {
    const layout = direction === "seal" ? SEAL : OPEN;
    const made = createJobList(layout);
    return made && new GcmQueue(layout, arena, made.list, made.memory);
  }

  private constructor(layout: JobLayout, arena: CipherArena, list: CallList, memory: OwnedArena) {
    super(arena, layout, list, memory);
    this.#arena = arena;
    this.#tags = memory.allocate(this.capacity * TAG_LENGTH);
    this.#compares = layout === OPEN;
    const context = memory.base + memory.allocate(CONTEXT_LENGTH);
    for (let job = 0; job < this.capacity; job++) {
      const tag = memory.base + this.#tags + TAG_LENGTH * job;
      list.set(job, 0, 0, context, 0, 0, 0, this.nonce(job), 0, 0, tag, TAG_LENGTH);
    }
  }

  /** The function that works with the key data at this address. */
  register(keyData: number, address: number): void {
    this.#functions.set(keyData, address);
  }

  forget(keyData: number): void {
    this.#functions.delete(keyData);
    this.forgetContext(keyData);
  }

  ok(job: number): boolean {
    if (!this.#compares) return true;
    const own = this.tagOf(job);
    const { view } = this.#arena;
    const right = this.memory.view;
    const at = this.#tags + TAG_LENGTH * job;
    let difference = 0;
    for (let i = 0; i < TAG_LENGTH; i += 4) difference |= view.getInt32(own + i) ^ right.getInt32(at + i);
    return difference === 0;
  }

  protected setContext(job: number, keyData: number): void {
    this.list.function(job, this.#functions.get(keyData)!);
    this.list.argument(job, KEY_DATA, keyData);
  }
}
