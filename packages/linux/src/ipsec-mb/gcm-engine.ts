/** AES-GCM by Intel's library. */
import { type AeadEngine, TAG_LENGTH } from "../aead/aead-engine.ts";
import { scratchPool, takeScratchSlot } from "../aead/scratch.ts";
import { constantTimeCompare } from "../evp/libcrypto.ts";
import type { GcmQueue } from "./gcm-queue.ts";
import { type GcmFunctions, KEY_DATA_LENGTH } from "./library.ts";

const takeKeySlot = scratchPool(KEY_DATA_LENGTH, 16_384);

// scratch slot
const CONTEXT = 0;
const RIGHT_TAG = 128;

export function createGcmEngine(
  functions: GcmFunctions,
  direction: "seal" | "open",
  key: Uint8Array,
  queue: GcmQueue | undefined,
): AeadEngine {
  const keySlot = takeKeySlot();
  const slot = takeScratchSlot();
  const keyData = keySlot.arena.base + keySlot.at;
  const context = slot.arena.base + slot.at + CONTEXT;
  const rightTag = slot.arena.base + slot.at + RIGHT_TAG;
  functions.prepare(key, keyData);
  queue?.register(keyData, direction === "seal" ? functions.sealAddress : functions.openAddress);
  return {
    context: keyData,
    seal(nonce, aad, aadLength, input, out, length) {
      functions.seal(keyData, context, out, input, length, nonce, aad, aadLength, out + length, TAG_LENGTH);
      return true;
    },
    open(nonce, aad, aadLength, data, length) {
      functions.open(keyData, context, data, data, length, nonce, aad, aadLength, rightTag, TAG_LENGTH);
      return constantTimeCompare(rightTag, data + length, TAG_LENGTH) === 0;
    },
    destroy() {
      queue?.forget(keyData);
      keySlot.release();
      slot.release();
    },
  };
}
