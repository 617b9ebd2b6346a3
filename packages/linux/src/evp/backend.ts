import { checkSalt, createAeadCipher } from "../aead/aead-cipher.ts";
import { queuesOf } from "../aead/queues.ts";
import type { CipherSuite, PacketCipherBackend } from "../packet-cipher.ts";
import { createEvpEngine } from "./evp-engine.ts";
import { EvpQueue } from "./evp-queue.ts";
import { createHmacCipher } from "./hmac-cipher.ts";

/**
 * Packet ciphers by OpenSSL through FFI. Synchronous; use one isolate per cipher. `create` throws on a suite that this
 * OpenSSL or ESP does not know (DES needs OpenSSL's legacy provider, which Node does not load) and on keys of a wrong length.
 */
export function createEvpBackend(options: { readonly queue?: boolean } = {}): PacketCipherBackend {
  const queues = options.queue === false ? undefined : queuesOf(EvpQueue.create);
  return {
    name: "evp",
    create(direction, suite, esn, keys, arena) {
      checkKeyLength(suite, keys.encryption.length);
      const { encryption, keyBits, integrity } = suite;
      const aead = (name: string) => {
        checkSalt(keys.salt);
        const engine = createEvpEngine(name, direction, keys.encryption);
        return createAeadCipher(engine, esn, keys.salt, arena, queues?.(direction, arena));
      };
      if (encryption === "aes-gcm-16") return aead(`AES-${keyBits}-GCM`);
      if (encryption === "chacha20-poly1305") return aead("ChaCha20-Poly1305");
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

export function checkKeyLength(suite: CipherSuite, length: number): void {
  if (suite.keyBits !== length * 8) {
    throw new Error(`${suite.encryption} with ${suite.keyBits} bits got a key of ${length * 8} bits`);
  }
}
