/**
 * What the queues over Intel's library share: its functions report nothing, and opening gives the tag that would be right,
 * which is compared with the packet's here.
 */

import { TAG_LENGTH } from "../aead/aead-engine.ts";
import { AeadQueue, type JobLayout } from "../aead/aead-queue.ts";
import type { OwnedArena } from "../arena.ts";
import type { CallList } from "../call-list.ts";
import type { CipherArena } from "../packet-cipher.ts";
import { CONTEXT_LENGTH } from "./library.ts";

export abstract class MbQueue extends AeadQueue {
  readonly #arena: CipherArena;
  readonly #functions = new Map<number, number>();
  readonly #tags: number;
  readonly #compares: boolean;
  /** Address of the library's working memory: one for all jobs, since each is finished before the next. */
  protected readonly context: number;

  constructor(arena: CipherArena, layout: JobLayout, list: CallList, memory: OwnedArena) {
    super(arena, layout, list, memory);
    this.#arena = arena;
    this.#tags = memory.allocate(this.capacity * TAG_LENGTH);
    // Sealing writes the tag into the packet.
    this.#compares = layout.tag === undefined;
    this.context = memory.base + memory.allocate(CONTEXT_LENGTH);
  }

  /** The function that works with the key at this address. */
  register(key: number, address: number): void {
    this.#functions.set(key, address);
  }

  forget(key: number): void {
    this.#functions.delete(key);
    this.forgetContext(key);
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

  /** Where the right tag of a job is written when it is compared. */
  protected tagAddress(job: number): number {
    return this.memory.base + this.#tags + TAG_LENGTH * job;
  }

  protected functionOf(key: number): number {
    return this.#functions.get(key)!;
  }
}
