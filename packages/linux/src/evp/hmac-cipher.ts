/**
 * Encrypt-then-MAC suites: AES-CBC (RFC 3602), 3DES-CBC (RFC 2451) or NULL (RFC 2410) with an HMAC (RFC 2404, 4868, 2403).
 *
 *      header+0  SPI │ sequence number │ IV, one block │ ciphertext ... │ ICV, truncated HMAC over all before it
 *                and, with ESN, over the high 32 bits of the sequence number, which are not sent (RFC 4303 §2.2.1)
 *
 * The IV of CBC must be unpredictable (RFC 3602 §3): it comes from a pool of random bytes that is refilled when used up.
 */

import { takeScratchSlot } from "../aead/scratch.ts";
import type { CipherArena, CipherKeys, CipherSuite, PacketCipher } from "../packet-cipher.ts";
import {
  constantTimeCompare,
  createCipherContext,
  createHmacContext,
  decryptInit,
  decryptUpdate,
  encryptInit,
  encryptUpdate,
  freeCipherContext,
  freeMacContext,
  macFinal,
  macInit,
  macUpdate,
} from "./libcrypto.ts";
import { takeRandomBlock } from "./random-pool.ts";

const ESP_HEADER_LENGTH = 8;

const hmacs = {
  "hmac-md5-96": { digest: "MD5", icv: 12, key: 16 },
  "hmac-sha1-96": { digest: "SHA1", icv: 12, key: 20 },
  "hmac-sha256-128": { digest: "SHA256", icv: 16, key: 32 },
  "hmac-sha384-192": { digest: "SHA384", icv: 24, key: 48 },
  "hmac-sha512-256": { digest: "SHA512", icv: 32, key: 64 },
} as const;

// scratch slot
const OUT_LENGTH = 0;
const HIGH = 16;
const MAC = 64;
const MAC_SIZE = 64;

/** `cipherName` undefined is ESP with NULL encryption: no IV, the plaintext is only moved and authenticated. */
export function createHmacCipher(
  cipherName: string | undefined,
  cipherBlock: 1 | 8 | 16,
  direction: "seal" | "open",
  integrity: Exclude<CipherSuite["integrity"], "none">,
  esn: boolean,
  keys: CipherKeys,
  arena: CipherArena,
): PacketCipher {
  const hmac = hmacs[integrity];
  if (keys.integrity.length !== hmac.key) {
    throw new Error(`${integrity} needs a key of ${hmac.key} bytes, not ${keys.integrity.length}`);
  }
  const context =
    cipherName === undefined ? 0 : createCipherContext(cipherName, keys.encryption, direction === "seal");
  const mac = createHmacContext(hmac.digest, keys.integrity);
  const slot = takeScratchSlot();
  const outLength = slot.arena.base + slot.at + OUT_LENGTH;
  const high = slot.arena.base + slot.at + HIGH;
  const macOut = slot.arena.base + slot.at + MAC;
  const { bytes, base } = arena;
  const icvLength = hmac.icv;
  const ivLength = cipherName === undefined ? 0 : cipherBlock;
  const overhead = ESP_HEADER_LENGTH + ivLength + icvLength;
  let destroyed = false;

  /** The whole HMAC over `length` bytes at `header`, left at macOut. */
  function authenticate(header: number, length: number, sequenceHigh: number): boolean {
    if (macInit(mac, 0, 0, 0) !== 1 || macUpdate(mac, base + header, length) !== 1) return false;
    if (esn) {
      slot.arena.view.setUint32(slot.at + HIGH, sequenceHigh);
      if (macUpdate(mac, high, 4) !== 1) return false;
    }
    return macFinal(mac, macOut, outLength, MAC_SIZE) === 1;
  }

  return {
    ivLength,
    icvLength,
    blockLength: Math.max(4, cipherBlock),
    seal(header, plain, length, sequenceHigh, _sequenceLow) {
      const iv = header + ESP_HEADER_LENGTH;
      const at = iv + ivLength;
      if (context === 0) {
        if (plain !== at) bytes.copyWithin(at, plain, plain + length);
      } else {
        if (length % cipherBlock !== 0 || !takeRandomBlock(bytes, iv, ivLength)) return -1;
        if (
          encryptInit(context, 0, 0, 0, base + iv) !== 1 ||
          encryptUpdate(context, base + at, outLength, base + plain, length) !== 1
        ) {
          return -1;
        }
      }
      if (!authenticate(header, ESP_HEADER_LENGTH + ivLength + length, sequenceHigh)) return -1;
      bytes.set(slot.arena.bytes.subarray(slot.at + MAC, slot.at + MAC + icvLength), at + length);
      return overhead + length;
    },
    open(header, length, sequenceHigh) {
      const n = length - overhead;
      if (n < 0 || (context !== 0 && n % cipherBlock !== 0)) return -1;
      const signed = length - icvLength;
      // The MAC is checked before anything is decrypted.
      if (!authenticate(header, signed, sequenceHigh)) return -1;
      if (constantTimeCompare(macOut, base + header + signed, icvLength) !== 0) return -1;
      if (context !== 0 && n > 0) {
        const iv = base + header + ESP_HEADER_LENGTH;
        const at = iv + ivLength;
        if (decryptInit(context, 0, 0, 0, iv) !== 1 || decryptUpdate(context, at, outLength, at, n) !== 1) {
          bytes.fill(0, header + ESP_HEADER_LENGTH + ivLength, header + signed);
          return -1;
        }
      }
      return n;
    },
    destroy() {
      if (destroyed) return;
      destroyed = true;
      if (context !== 0) freeCipherContext(context);
      freeMacContext(mac);
      slot.release();
    },
  };
}
