import { checkSalt, createAeadCipher } from "../aead/aead-cipher.ts";
import type { AeadEngine } from "../aead/aead-engine.ts";
import { queuesOf } from "../aead/queues.ts";
import { checkKeyLength, createEvpBackend } from "../evp/backend.ts";
import type { CipherArena, PacketCipherBackend } from "../packet-cipher.ts";
import { ChaChaQueue } from "./chacha-queue.ts";
import { createChaChaEngine, createGcmEngine } from "./engine.ts";
import { GcmQueue } from "./gcm-queue.ts";
import { openIpsecMb } from "./library.ts";
import type { MbQueue } from "./mb-queue.ts";

type Queues = ((direction: "seal" | "open", arena: CipherArena) => MbQueue | undefined) | undefined;

/** Why `createIpsecMbBackend` would throw here; undefined when it would not. */
export function ipsecMbMissing(): string | undefined {
  const opened = openIpsecMb();
  return "reason" in opened ? opened.reason : undefined;
}

/**
 * AES-GCM and ChaCha20-Poly1305 by Intel's Multi-Buffer Crypto for IPsec, everything else by OpenSSL. Throws an Error with the
 * reason where the library cannot be used; `create` throws as that of `createEvpBackend`.
 */
export function createIpsecMbBackend(options: { readonly queue?: boolean } = {}): PacketCipherBackend {
  const opened = openIpsecMb();
  if ("reason" in opened) throw new Error(opened.reason);
  const { gcm, chacha } = opened.library;
  const evp = createEvpBackend(options);
  const queued = options.queue !== false;
  const gcmQueues = queued ? queuesOf(GcmQueue.create) : undefined;
  const chachaQueues =
    queued && chacha
      ? queuesOf((direction, arena) => ChaChaQueue.create(chacha, direction, arena))
      : undefined;
  return {
    name: "ipsec-mb",
    create(direction, suite, esn, keys, arena) {
      const aead = (queues: Queues, engine: (queue: MbQueue | undefined) => AeadEngine) => {
        checkKeyLength(suite, keys.encryption.length);
        checkSalt(keys.salt);
        const queue = queues?.(direction, arena);
        return createAeadCipher(engine(queue), esn, keys.salt, arena, queue);
      };
      const functions = gcm[suite.keyBits];
      if (suite.encryption === "aes-gcm-16" && functions !== undefined) {
        return aead(gcmQueues, (queue) => createGcmEngine(functions, direction, keys.encryption, queue));
      }
      if (suite.encryption === "chacha20-poly1305" && chacha !== undefined) {
        return aead(chachaQueues, (queue) => createChaChaEngine(chacha, direction, keys.encryption, queue));
      }
      return evp.create(direction, suite, esn, keys, arena);
    },
  };
}
