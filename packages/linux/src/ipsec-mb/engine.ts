/** One key of AES-GCM or ChaCha20-Poly1305 in Intel's library. */
import { type AeadEngine, TAG_LENGTH } from "../aead/aead-engine.ts";
import { type ScratchSlot, scratchPool } from "../aead/scratch.ts";
import { constantTimeCompare } from "../evp/libcrypto.ts";
import { type ChaChaFunctions, CONTEXT_LENGTH, GCM_KEY_LENGTH, type GcmFunctions } from "./library.ts";
import type { MbQueue } from "./mb-queue.ts";

const SLOTS = 16_384;
const takeGcmKey = scratchPool(GCM_KEY_LENGTH, SLOTS);
const takeChaChaKey = scratchPool(64, SLOTS);
const takeWorkSlot = scratchPool(CONTEXT_LENGTH + 64, SLOTS);

// work slot
const CONTEXT = 0;
const RIGHT_TAG = CONTEXT_LENGTH;

/** Both directions: writes `length` bytes at `out` and the tag that belongs to them at `tag`. All arguments are addresses and lengths. */
type Transform = (
  key: number,
  context: number,
  nonce: number,
  aad: number,
  aadLength: number,
  input: number,
  out: number,
  length: number,
  tag: number,
) => void;

export function createGcmEngine(
  functions: GcmFunctions,
  direction: "seal" | "open",
  key: Uint8Array,
  queue: MbQueue | undefined,
): AeadEngine {
  const { call, address } = functions[direction];
  const slot = takeGcmKey();
  functions.prepare(key, slot.arena.base + slot.at);
  return createEngine(slot, queue, address, (data, context, nonce, aad, aadLength, input, out, length, tag) =>
    call(data, context, out, input, length, nonce, aad, aadLength, tag, TAG_LENGTH),
  );
}

export function createChaChaEngine(
  functions: ChaChaFunctions,
  direction: "seal" | "open",
  key: Uint8Array,
  queue: MbQueue | undefined,
): AeadEngine {
  const init = functions.init.call;
  const update = functions[direction].call;
  const finalize = functions.finalize.call;
  const slot = takeChaChaKey();
  slot.arena.bytes.set(key, slot.at);
  return createEngine(
    slot,
    queue,
    functions[direction].address,
    (data, context, nonce, aad, aadLength, input, out, length, tag) => {
      init(data, context, nonce, aad, aadLength);
      update(data, context, out, input, length);
      finalize(context, tag, TAG_LENGTH);
    },
  );
}

function createEngine(
  keySlot: ScratchSlot,
  queue: MbQueue | undefined,
  queuedFunction: number,
  transform: Transform,
): AeadEngine {
  const work = takeWorkSlot();
  const key = keySlot.arena.base + keySlot.at;
  const context = work.arena.base + work.at + CONTEXT;
  const rightTag = work.arena.base + work.at + RIGHT_TAG;
  queue?.use(key, queuedFunction);
  return {
    context: key,
    seal(nonce, aad, aadLength, input, out, length) {
      transform(key, context, nonce, aad, aadLength, input, out, length, out + length);
      return true;
    },
    open(nonce, aad, aadLength, data, length) {
      transform(key, context, nonce, aad, aadLength, data, data, length, rightTag);
      return constantTimeCompare(rightTag, data + length, TAG_LENGTH) === 0;
    },
    destroy() {
      keySlot.release();
      work.release();
    },
  };
}
