/**
 * AES-GCM (RFC 4106) and ChaCha20-Poly1305 (RFC 7634) on ESP packets in an arena: five calls of OpenSSL per packet.
 *
 *      header+0  SPI │ sequence number │ IV = 64-bit sequence number │ ciphertext ... │ ICV 16
 *      nonce     salt 4 │ IV 8                                  (RFC 4106 §4, RFC 7634 §2)
 *      AAD       SPI │ sequence number, with ESN: SPI │ high │ low    (RFC 4106 §5, RFC 7634 §2.1)
 *
 * The IV is the 64-bit sequence number: unique for the key by construction, since no sequence number is used twice
 * (RFC 4106 §3.1 allows any unique value).
 */
import type { CipherArena, CipherKeys, EvpPacketCipher } from "../packet-cipher.ts";
import type { AeadQueue } from "./aead-queue.ts";
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
import { takeScratchSlot } from "./scratch.ts";

const ESP_HEADER_LENGTH = 8;
const IV_LENGTH = 8;
const ICV_LENGTH = 16;
const OVERHEAD = ESP_HEADER_LENGTH + IV_LENGTH + ICV_LENGTH;
const SALT_LENGTH = 4;

// scratch slot
const NONCE = 0;
const AAD = 16;
const OUT_LENGTH = 32;
const FINAL = 48;

export function createAeadCipher(
  cipherName: string,
  direction: "seal" | "open",
  esn: boolean,
  keys: CipherKeys,
  arena: CipherArena,
  queue?: AeadQueue,
): EvpPacketCipher {
  if (keys.salt.length !== SALT_LENGTH)
    throw new Error(`an AEAD needs a salt of 4 bytes, not ${keys.salt.length}`);
  let context = createCipherContext(cipherName, keys.encryption, direction === "seal");
  const slot = takeScratchSlot();
  const scratch = slot.arena.view;
  const nonceView = slot.at + NONCE;
  slot.arena.bytes.set(keys.salt, nonceView);
  const saltWord = scratch.getUint32(nonceView);
  const nonce = slot.arena.base + slot.at + NONCE;
  const aad = slot.arena.base + slot.at + AAD;
  const outLength = slot.arena.base + slot.at + OUT_LENGTH;
  const final = slot.arena.base + slot.at + FINAL;
  const { view, base, bytes } = arena;
  const aadLength = esn ? 12 : 8;

  /** Address of the AAD of the packet at `header`. */
  function writeAad(header: number, sequenceHigh: number): number {
    if (!esn) return base + header;
    scratch.setUint32(slot.at + AAD, view.getUint32(header));
    scratch.setUint32(slot.at + AAD + 4, sequenceHigh);
    scratch.setUint32(slot.at + AAD + 8, view.getUint32(header + 4));
    return aad;
  }

  return {
    ivLength: IV_LENGTH,
    icvLength: ICV_LENGTH,
    blockLength: 4, // padding aligns the trailer to 4 bytes, RFC 4303 §2.4
    seal(header, plain, length, sequenceHigh, sequenceLow) {
      const iv = header + ESP_HEADER_LENGTH;
      view.setUint32(iv, sequenceHigh);
      view.setUint32(iv + 4, sequenceLow);
      scratch.setUint32(nonceView + 4, sequenceHigh);
      scratch.setUint32(nonceView + 8, sequenceLow);
      const cipher = base + iv + IV_LENGTH;
      if (
        encryptInit(context, 0, 0, 0, nonce) !== 1 ||
        encryptUpdate(context, 0, outLength, writeAad(header, sequenceHigh), aadLength) !== 1 ||
        encryptUpdate(context, cipher, outLength, base + plain, length) !== 1 ||
        encryptFinal(context, final, outLength) !== 1 ||
        contextControl(context, EVP_CTRL_AEAD_GET_TAG, ICV_LENGTH, cipher + length) !== 1
      ) {
        return -1;
      }
      return OVERHEAD + length;
    },
    open(header, length, sequenceHigh) {
      const n = length - OVERHEAD;
      if (n < 0) return -1;
      const iv = header + ESP_HEADER_LENGTH;
      scratch.setUint32(nonceView + 4, view.getUint32(iv));
      scratch.setUint32(nonceView + 8, view.getUint32(iv + 4));
      const cipher = base + iv + IV_LENGTH;
      if (
        decryptInit(context, 0, 0, 0, nonce) === 1 &&
        decryptUpdate(context, 0, outLength, writeAad(header, sequenceHigh), aadLength) === 1 &&
        decryptUpdate(context, cipher, outLength, cipher, n) === 1 &&
        contextControl(context, EVP_CTRL_AEAD_SET_TAG, ICV_LENGTH, cipher + n) === 1 &&
        decryptFinal(context, final, outLength) === 1
      ) {
        return n;
      }
      bytes.fill(0, iv + IV_LENGTH, iv + IV_LENGTH + n); // unauthenticated plaintext is never left lying about
      return -1;
    },
    ...(queue && {
      queue,
      enqueueSeal(header, length, sequenceHigh, sequenceLow) {
        const iv = header + ESP_HEADER_LENGTH;
        view.setUint32(iv, sequenceHigh);
        view.setUint32(iv + 4, sequenceLow);
        const job = queue.add(context, saltWord, sequenceHigh, sequenceLow, iv + IV_LENGTH, length);
        if (esn) queue.extendedAad(job, view.getUint32(header), sequenceHigh, view.getUint32(header + 4));
        else queue.aad(job, header);
        return OVERHEAD + length;
      },
      enqueueOpen(header, length, sequenceHigh) {
        const n = length - OVERHEAD;
        if (n < 0) return -1;
        const iv = header + ESP_HEADER_LENGTH;
        const job = queue.add(
          context,
          saltWord,
          view.getUint32(iv),
          view.getUint32(iv + 4),
          iv + IV_LENGTH,
          n,
        );
        if (esn) queue.extendedAad(job, view.getUint32(header), sequenceHigh, view.getUint32(header + 4));
        else queue.aad(job, header);
        return n;
      },
    }),
    destroy() {
      if (context === 0) return;
      freeCipherContext(context);
      context = 0;
      slot.release();
    },
  };
}
