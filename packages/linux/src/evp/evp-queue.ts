/**
 * Five calls of OpenSSL per packet:
 *
 *      job i    seal: Init(nonce) Update(AAD) Update(data) Final   GetTag
 *               open: Init(nonce) Update(AAD) Update(data) SetTag  Final
 */

import { TAG_LENGTH } from "../aead/aead-engine.ts";
import { AeadQueue, argumentWord, createJobList, type JobLayout } from "../aead/aead-queue.ts";
import type { OwnedArena } from "../arena.ts";
import { type CallList, NARROW, symbolAddress } from "../call-list.ts";
import type { CipherArena } from "../packet-cipher.ts";
import { EVP_CTRL_AEAD_GET_TAG, EVP_CTRL_AEAD_SET_TAG } from "./libcrypto.ts";

const CALLS = 5;
const CALL_WORDS = NARROW.length / 4;
const RESULT_WORD = NARROW.result / 4;

const layout = (tagCall: number): JobLayout => ({
  shape: NARROW,
  calls: CALLS,
  aad: argumentWord(NARROW, 1, 3),
  aadLength: argumentWord(NARROW, 1, 4),
  out: argumentWord(NARROW, 2, 1),
  input: argumentWord(NARROW, 2, 3),
  length: argumentWord(NARROW, 2, 4),
  tag: argumentWord(NARROW, tagCall, 3),
});
const SEAL = { prefix: "EVP_Encrypt", tag: 4, final: 3, control: EVP_CTRL_AEAD_GET_TAG };
const OPEN = { prefix: "EVP_Decrypt", tag: 3, final: 4, control: EVP_CTRL_AEAD_SET_TAG };

export class EvpQueue extends AeadQueue {
  /** Undefined where the machine cannot have a call list. */
  static create(direction: "seal" | "open", arena: CipherArena): EvpQueue | undefined {
    const { tag } = direction === "seal" ? SEAL : OPEN;
    const made = createJobList(layout(tag));
    return made && new EvpQueue(direction, arena, made.list, made.memory);
  }

  private constructor(direction: "seal" | "open", arena: CipherArena, list: CallList, memory: OwnedArena) {
    const { prefix, tag, final, control } = direction === "seal" ? SEAL : OPEN;
    super(arena, layout(tag), list, memory);
    const outLength = memory.base + memory.allocate(16);
    const last = memory.base + memory.allocate(16);
    const init = symbolAddress(`${prefix}Init_ex`);
    const update = symbolAddress(`${prefix}Update`);
    const finish = symbolAddress(`${prefix}Final_ex`);
    const contextControl = symbolAddress("EVP_CIPHER_CTX_ctrl");
    for (let job = 0; job < this.capacity; job++) {
      const call = job * CALLS;
      list.set(call, init, 0, 0, 0, 0, this.nonce(job));
      list.set(call + 1, update, 0, 0, outLength, 0, 0);
      list.set(call + 2, update, 0, 0, outLength, 0, 0);
      list.set(call + final, finish, 0, last, outLength);
      list.set(call + tag, contextControl, 0, control, TAG_LENGTH, 0);
    }
  }

  /** Whether all five calls of a job succeeded. */
  ok(job: number): boolean {
    const { words } = this;
    const at = this.start + job * this.jobWords + RESULT_WORD;
    for (let call = 0; call < CALLS; call++) if (words[at + call * CALL_WORDS] !== 1) return false;
    return true;
  }

  protected setContext(job: number, context: number): void {
    for (let call = 0; call < CALLS; call++) this.list.argument(job * CALLS + call, 0, context);
  }
}
