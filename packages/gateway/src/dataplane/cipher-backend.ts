/**
 * Who does the mathematics of ESP: OpenSSL through FFI unless one of the slower backends is asked for, which need no foreign
 * calls: to compare results, or where an OpenSSL is not trusted. Status shows the one in use.
 */
import { nodePacketCipher } from "@tandem/crypto";
import type { PacketCipherBackend } from "@tandem/esp";
import { createEvpBackend } from "@tandem/linux";

export type CipherBackendName = PacketCipherBackend["name"];

const LOADERS: Readonly<Record<CipherBackendName, () => Promise<PacketCipherBackend>>> = {
  evp: async () => createEvpBackend(),
  node: async () => nodePacketCipher,
  noble: async () => (await import("@tandem/crypto/noble")).noblePacketCipher,
};

/** Environment variable that chooses for a process whose options do not. */
export const CIPHER_BACKEND_VARIABLE = "TANDEM_ESP_BACKEND";

/** Rejects with a RangeError on any other name. */
export async function loadCipherBackend(name: string): Promise<PacketCipherBackend> {
  if (!Object.hasOwn(LOADERS, name)) {
    const accepted = Object.keys(LOADERS).join(", ");
    throw new RangeError(
      `there is no ESP cipher backend "${name}" (${CIPHER_BACKEND_VARIABLE}): ${accepted}`,
    );
  }
  return LOADERS[name as CipherBackendName]();
}
