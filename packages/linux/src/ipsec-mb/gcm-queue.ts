/** AES-GCM by Intel's library: one call per packet. */

import { TAG_LENGTH } from "../aead/aead-engine.ts";
import { argumentWord, createJobList, type JobLayout } from "../aead/aead-queue.ts";
import type { OwnedArena } from "../arena.ts";
import { type CallList, WIDE } from "../call-list.ts";
import type { CipherArena } from "../packet-cipher.ts";
import { MbQueue } from "./mb-queue.ts";

// Arguments: key data, context, out, in, length, IV, AAD, AAD length, tag, tag length.
const KEY_DATA = 0;
const common = {
  shape: WIDE,
  calls: 1,
  out: argumentWord(WIDE, 0, 2),
  input: argumentWord(WIDE, 0, 3),
  length: argumentWord(WIDE, 0, 4),
  aad: argumentWord(WIDE, 0, 6),
  aadLength: argumentWord(WIDE, 0, 7),
};
const SEAL: JobLayout = { ...common, tag: argumentWord(WIDE, 0, 8) };
const OPEN: JobLayout = { ...common, tag: 0 };

export class GcmQueue extends MbQueue {
  /** Undefined where the machine cannot have a call list. */
  static create(direction: "seal" | "open", arena: CipherArena): GcmQueue | undefined {
    const layout = direction === "seal" ? SEAL : OPEN;
    const made = createJobList(layout);
    return made && new GcmQueue(layout, arena, made.list, made.memory);
  }

  private constructor(layout: JobLayout, arena: CipherArena, list: CallList, memory: OwnedArena) {
    super(arena, layout, list, memory);
    for (let job = 0; job < this.capacity; job++) {
      list.set(job, 0, 0, this.context, 0, 0, 0, this.nonce(job), 0, 0, this.tagAddress(job), TAG_LENGTH);
    }
  }

  protected setContext(job: number, keyData: number): void {
    this.list.function(job, this.functionOf(keyData));
    this.list.argument(job, KEY_DATA, keyData);
  }
}
