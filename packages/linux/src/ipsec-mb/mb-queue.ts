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
  readonly #arenaView: DataView;
  readonly #view: DataView;
  readonly #functions = new Map<number, number>();
  readonly #tags: number;
  readonly #compares: boolean;
  /** Address of the library's working memory: one for all jobs, since each is finished before the next. */
  protected readonly context: number;

  constructor(arena: CipherArena, layout: JobLayout, list: CallList, memory: OwnedArena) {
    super(arena, layout, list, memory);
    this.#arenaView = arena.view;
    this.#view = memory.view;
    this.#tags = memory.allocate(this.capacity * TAG_LENGTH);
    // Sealing writes the tag into the packet.
    this.#compares = layout.tag === 0;
    this.context = memory.base + memory.allocate(CONTEXT_LENGTH);
  }

  /** The function that works with the key at this address. */
  use(key: number, address: number): void {
    this.#functions.set(key, address);
  }

  override forget(key: number): void {
    this.#functions.delete(key);
    super.forget(key);
  }

  ok(job: number): boolean {
    return !this.#compares || this.#difference(job) === 0;
  }

  override allOk(): boolean {
    if (!this.#compares) return true;
    let difference = 0;
    for (let job = 0; job < this.ran; job++) difference |= this.#difference(job);
    return difference === 0;
  }

  /** 0 when the packet's tag is the right one; without a branch on either. */
  #difference(job: number): number {
    const view = this.#arenaView;
    const right = this.#view;
    const a = this.tagOf(job);
    const b = this.#tags + TAG_LENGTH * job;
    return (
      (view.getInt32(a) ^ right.getInt32(b)) |
      (view.getInt32(a + 4) ^ right.getInt32(b + 4)) |
      (view.getInt32(a + 8) ^ right.getInt32(b + 8)) |
      (view.getInt32(a + 12) ^ right.getInt32(b + 12))
    );
  }

  /** Where the right tag of a job is written when it is compared. */
  protected tagAddress(job: number): number {
    return this.memory.base + this.#tags + TAG_LENGTH * job;
  }

  protected functionOf(key: number): number {
    return this.#functions.get(key)!;
  }
}
