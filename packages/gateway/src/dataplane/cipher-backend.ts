/**
 * Who does the mathematics of ESP: Intel's ipsec-mb for the AEADs where it is installed and the processor has what it needs, else
 * OpenSSL, both through FFI. The slower two need no foreign calls: to compare results, or where an OpenSSL is not trusted.
 * Status shows the one in use.
 */
import { nodePacketCipher } from "@tandem/crypto";
import type { PacketCipherBackend } from "@tandem/esp";
import { createEvpBackend, createIpsecMbBackend, ipsecMbMissing } from "@tandem/linux";

export type CipherBackendName = PacketCipherBackend["name"];

const LOADERS: Readonly<Record<CipherBackendName, () => Promise<PacketCipherBackend>>> = {
  "ipsec-mb": async () => createIpsecMbBackend(),
  evp: async () => createEvpBackend(),
  node: async () => nodePacketCipher,
  noble: async () => (await import("@tandem/crypto/noble")).noblePacketCipher,
};

/** Environment variable that chooses for a process whose options do not. */
export const CIPHER_BACKEND_VARIABLE = "TANDEM_ESP_BACKEND";

/** The fastest where no name is given. Rejects with a RangeError on any other name, and where the named one cannot be had. */
export async function loadCipherBackend(name?: string): Promise<PacketCipherBackend> {
  if (name === undefined) return LOADERS[ipsecMbMissing() === undefined ? "ipsec-mb" : "evp"]();
  if (!Object.hasOwn(LOADERS, name)) {
    const accepted = Object.keys(LOADERS).join(", ");
    throw new RangeError(
      `there is no ESP cipher backend "${name}" (${CIPHER_BACKEND_VARIABLE}): ${accepted}`,
    );
  }
  const missing = name === "ipsec-mb" ? ipsecMbMissing() : undefined;
  if (missing !== undefined) {
    throw new RangeError(
      `the ESP cipher backend "ipsec-mb" (${CIPHER_BACKEND_VARIABLE}) cannot be used: ${missing}`,
    );
  }
  return LOADERS[name as CipherBackendName]();
}
