import { checkSalt, createAeadCipher } from "../aead/aead-cipher.ts";
import { queuesOf } from "../aead/queues.ts";
import { checkKeyLength, createEvpBackend } from "../evp/backend.ts";
import type { PacketCipherBackend } from "../packet-cipher.ts";
import { createGcmEngine } from "./gcm-engine.ts";
import { GcmQueue } from "./gcm-queue.ts";
import { openIpsecMb } from "./library.ts";

/** Why `createIpsecMbBackend` would throw here; undefined when it would not. */
export function ipsecMbMissing(): string | undefined {
  const opened = openIpsecMb();
  return "reason" in opened ? opened.reason : undefined;
}

/**
 * AES-GCM by Intel's Multi-Buffer Crypto for IPsec, everything else by OpenSSL. Throws an Error with the reason where the
 * library cannot be used; `create` throws as that of `createEvpBackend`.
 */
export function createIpsecMbBackend(options: { readonly queue?: boolean } = {}): PacketCipherBackend {
  const opened = openIpsecMb();
  if ("reason" in opened) throw new Error(opened.reason);
  const { library } = opened;
  const evp = createEvpBackend(options);
  const queues = options.queue === false ? undefined : queuesOf(GcmQueue.create);
  return {
    name: "ipsec-mb",
    create(direction, suite, esn, keys, arena) {
      const functions = library[suite.keyBits as keyof typeof library];
      if (suite.encryption !== "aes-gcm-16" || functions === undefined) {
        return evp.create(direction, suite, esn, keys, arena);
      }
      checkKeyLength(suite, keys.encryption.length);
      checkSalt(keys.salt);
      const queue = queues?.(direction, arena);
      const engine = createGcmEngine(functions, direction, keys.encryption, queue);
      return createAeadCipher(engine, esn, keys.salt, arena, queue);
    },
  };
}
