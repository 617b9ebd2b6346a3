import type { CipherArena, CipherSuite, EvpPacketCipherBackend } from "../packet-cipher.ts";
import { createAeadCipher } from "./aead-cipher.ts";
import { AeadQueue } from "./aead-queue.ts";
import { createHmacCipher } from "./hmac-cipher.ts";

/**
 * Packet ciphers by OpenSSL through FFI. Synchronous; use one isolate per cipher. `create` throws on a suite that this
 * OpenSSL or ESP does not know (DES needs OpenSSL's legacy provider, which Node does not load) and on keys of a wrong length.
 */
export function createEvpBackend(options: { readonly queue?: boolean } = {}): EvpPacketCipherBackend {
  const queues = options.queue === false ? undefined : createQueues();
  return {
    name: "evp",
    create(direction, suite, esn, keys, arena) {
      checkKeyLength(suite, keys.encryption.length);
      const { encryption, keyBits, integrity } = suite;
      if (encryption === "aes-gcm-16") {
        return createAeadCipher(
          `AES-${keyBits}-GCM`,
          direction,
          esn,
          keys,
          arena,
          queues?.(direction, arena),
        );
      }
      if (encryption === "chacha20-poly1305") {
        return createAeadCipher("ChaCha20-Poly1305", direction, esn, keys, arena, queues?.(direction, arena));
      }
      if (integrity === "none") throw new Error(`${encryption} needs an integrity algorithm`);
      switch (encryption) {
        case "aes-cbc":
          return createHmacCipher(`AES-${keyBits}-CBC`, 16, direction, integrity, esn, keys, arena);
        case "3des-cbc":
          return createHmacCipher("DES-EDE3-CBC", 8, direction, integrity, esn, keys, arena);
        case "des-cbc":
          return createHmacCipher("DES-CBC", 8, direction, integrity, esn, keys, arena);
        case "null":
          return createHmacCipher(undefined, 1, direction, integrity, esn, keys, arena);
      }
    },
  };
}

function checkKeyLength(suite: CipherSuite, length: number): void {
  if (suite.keyBits !== length * 8) {
    throw new Error(`${suite.encryption} with ${suite.keyBits} bits got a key of ${length * 8} bits`);
  }
}

/** One queue per direction and packet memory, made when first asked for. */
function createQueues(): (direction: "seal" | "open", arena: CipherArena) => AeadQueue | undefined {
  const made = new Map<CipherArena, { seal: AeadQueue | undefined; open: AeadQueue | undefined }>();
  return (direction, arena) => {
    let both = made.get(arena);
    if (both === undefined) {
      both = { seal: AeadQueue.create("seal", arena), open: AeadQueue.create("open", arena) };
      made.set(arena, both);
    }
    return both[direction];
  };
}
