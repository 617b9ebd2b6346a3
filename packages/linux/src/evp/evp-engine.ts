/** AES-GCM and ChaCha20-Poly1305 by OpenSSL, five calls per packet. */
import { type AeadEngine, TAG_LENGTH } from "../aead/aead-engine.ts";
import { takeScratchSlot } from "../aead/scratch.ts";
import {
  contextControl,
  createCipherContext,
  decryptFinal,
  decryptInit,
  decryptUpdate,
  EVP_CTRL_AEAD_GET_TAG,
  EVP_CTRL_AEAD_SET_TAG,
  encryptFinal,
  encryptInit,
  encryptUpdate,
  freeCipherContext,
} from "./libcrypto.ts";

export function createEvpEngine(cipherName: string, direction: "seal" | "open", key: Uint8Array): AeadEngine {
  const context = createCipherContext(cipherName, key, direction === "seal");
  const slot = takeScratchSlot();
  const outLength = slot.arena.base + slot.at;
  const final = outLength + 16;
  return {
    context,
    seal: (nonce, aad, aadLength, input, out, length) =>
      encryptInit(context, 0, 0, 0, nonce) === 1 &&
      encryptUpdate(context, 0, outLength, aad, aadLength) === 1 &&
      encryptUpdate(context, out, outLength, input, length) === 1 &&
      encryptFinal(context, final, outLength) === 1 &&
      contextControl(context, EVP_CTRL_AEAD_GET_TAG, TAG_LENGTH, out + length) === 1,
    open: (nonce, aad, aadLength, data, length) =>
      decryptInit(context, 0, 0, 0, nonce) === 1 &&
      decryptUpdate(context, 0, outLength, aad, aadLength) === 1 &&
      decryptUpdate(context, data, outLength, data, length) === 1 &&
      contextControl(context, EVP_CTRL_AEAD_SET_TAG, TAG_LENGTH, data + length) === 1 &&
      decryptFinal(context, final, outLength) === 1,
    destroy() {
      freeCipherContext(context);
      slot.release();
    },
  };
}
