/**
 * ChaCha20-Poly1305 by Intel's library, three calls per packet:
 *
 *      Init(key, context, nonce, AAD, AAD length)  Update(key, context, out, in, length)  Finalize(context, tag, tag length)
 */

import { TAG_LENGTH } from "../aead/aead-engine.ts";
import { argumentWord, createJobList, type JobLayout } from "../aead/aead-queue.ts";
import type { OwnedArena } from "../arena.ts";
import { type CallList, NARROW } from "../call-list.ts";
import type { CipherArena } from "../packet-cipher.ts";
import type { ChaChaFunctions } from "./library.ts";
import { MbQueue } from "./mb-queue.ts";

const CALLS = 3;
const common = {
  shape: NARROW,
  calls: CALLS,
  aad: argumentWord(NARROW, 0, 3),
  aadLength: argumentWord(NARROW, 0, 4),
  out: argumentWord(NARROW, 1, 2),
  input: argumentWord(NARROW, 1, 3),
  length: argumentWord(NARROW, 1, 4),
};
const SEAL: JobLayout = { ...common, tag: argumentWord(NARROW, 2, 1) };
const OPEN: JobLayout = { ...common, tag: 0 };

export class ChaChaQueue extends MbQueue {
  /** Undefined where the machine cannot have a call list. */
  static create(
    functions: ChaChaFunctions,
    direction: "seal" | "open",
    arena: CipherArena,
  ): ChaChaQueue | undefined {
    const layout = direction === "seal" ? SEAL : OPEN;
    const made = createJobList(layout);
    return made && new ChaChaQueue(functions, layout, arena, made.list, made.memory);
  }

  private constructor(
    functions: ChaChaFunctions,
    layout: JobLayout,
    arena: CipherArena,
    list: CallList,
    memory: OwnedArena,
  ) {
    super(arena, layout, list, memory);
    const { init, finalize } = functions;
    for (let job = 0; job < this.capacity; job++) {
      const call = job * CALLS;
      list.set(call, init.address, 0, this.context, this.nonce(job), 0, 0);
      list.set(call + 1, 0, 0, this.context, 0, 0, 0);
      list.set(call + 2, finalize.address, this.context, this.tagAddress(job), TAG_LENGTH);
    }
  }

  protected setContext(job: number, key: number): void {
    const call = job * CALLS;
    this.list.argument(call, 0, key);
    this.list.function(call + 1, this.functionOf(key));
    this.list.argument(call + 1, 0, key);
  }
}
