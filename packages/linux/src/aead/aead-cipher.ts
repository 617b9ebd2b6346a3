/**
 * AES-GCM (RFC 4106) and ChaCha20-Poly1305 (RFC 7634) on ESP packets in an arena.
 *
 *      header+0  SPI │ sequence number │ IV = 64-bit sequence number │ ciphertext ... │ ICV 16
 *      nonce     salt 4 │ IV 8                                  (RFC 4106 §4, RFC 7634 §2)
 *      AAD       SPI │ sequence number, with ESN: SPI │ high │ low    (RFC 4106 §5, RFC 7634 §2.1)
 *
 * The IV is the 64-bit sequence number: unique for the key by construction, since no sequence number is used twice
 * (RFC 4106 §3.1 allows any unique value).
 */
import type { CipherArena, PacketCipher } from "../packet-cipher.ts";
import { type AeadEngine, type AeadJobs, ESP_HEADER_LENGTH, IV_LENGTH, TAG_LENGTH } from "./aead-engine.ts";
import { takeScratchSlot } from "./scratch.ts";

const OVERHEAD = ESP_HEADER_LENGTH + IV_LENGTH + TAG_LENGTH;
const SALT_LENGTH = 4;

// scratch slot
const NONCE = 0;
const AAD = 16;

export function checkSalt(salt: Uint8Array): void {
  if (salt.length !== SALT_LENGTH) throw new Error(`an AEAD needs a salt of 4 bytes, not ${salt.length}`);
}

/** The engine is destroyed with the cipher. */
export function createAeadCipher(
  engine: AeadEngine,
  esn: boolean,
  salt: Uint8Array,
  arena: CipherArena,
  queue?: AeadJobs,
): PacketCipher {
  const slot = takeScratchSlot();
  const scratch = slot.arena.view;
  const nonceView = slot.at + NONCE;
  slot.arena.bytes.set(salt, nonceView);
  const nonce = slot.arena.base + slot.at + NONCE;
  const aad = slot.arena.base + slot.at + AAD;
  const { view, base, bytes } = arena;
  const { context } = engine;
  const aadLength = esn ? 12 : 8;
  let destroyed = false;
  queue?.register(context, scratch.getUint32(nonceView), esn);

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
    icvLength: TAG_LENGTH,
    blockLength: 4, // padding aligns the trailer to 4 bytes, RFC 4303 §2.4
    seal(header, plain, length, sequenceHigh, sequenceLow) {
      const iv = header + ESP_HEADER_LENGTH;
      view.setUint32(iv, sequenceHigh);
      view.setUint32(iv + 4, sequenceLow);
      scratch.setUint32(nonceView + 4, sequenceHigh);
      scratch.setUint32(nonceView + 8, sequenceLow);
      const out = base + iv + IV_LENGTH;
      const done = engine.seal(nonce, writeAad(header, sequenceHigh), aadLength, base + plain, out, length);
      return done ? OVERHEAD + length : -1;
    },
    open(header, length, sequenceHigh) {
      const n = length - OVERHEAD;
      if (n < 0) return -1;
      const iv = header + ESP_HEADER_LENGTH;
      scratch.setUint32(nonceView + 4, view.getUint32(iv));
      scratch.setUint32(nonceView + 8, view.getUint32(iv + 4));
      if (engine.open(nonce, writeAad(header, sequenceHigh), aadLength, base + iv + IV_LENGTH, n)) return n;
      bytes.fill(0, iv + IV_LENGTH, iv + IV_LENGTH + n); // unauthenticated plaintext is never left lying about
      return -1;
    },
    ...(queue && {
      queue,
      enqueueSeal(header, length, sequenceHigh, sequenceLow) {
        const iv = header + ESP_HEADER_LENGTH;
        view.setUint32(iv, sequenceHigh);
        view.setUint32(iv + 4, sequenceLow);
        queue.add(context, header, sequenceHigh, sequenceLow, sequenceHigh, length);
        return OVERHEAD + length;
      },
      enqueueOpen(header, length, sequenceHigh) {
        const n = length - OVERHEAD;
        if (n < 0) return -1;
        const iv = header + ESP_HEADER_LENGTH;
        queue.add(context, header, view.getUint32(iv), view.getUint32(iv + 4), sequenceHigh, n);
        return n;
      },
    }),
    destroy() {
      if (destroyed) return;
      destroyed = true;
      queue?.forget(context);
      engine.destroy();
      slot.release();
    },
  };
}
