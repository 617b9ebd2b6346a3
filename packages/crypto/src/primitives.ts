/**
 * The seam between what the protocols ask for and who does the mathematics. Two backends stand behind it:
 * `node-primitives.ts` (OpenSSL through node:crypto) and `noble-primitives.ts` (portable). One shared suite tests both.
 * Everything is synchronous and over plain bytes; results are fresh arrays owned by the caller.
 */

import type { AeadName, CbcName } from "./algorithm-sizes.ts";
import type { GroupName, HashName } from "./algorithms.ts";

export interface Primitives {
  readonly name: "node" | "noble";
  hash(name: HashName, ...data: readonly Uint8Array[]): Uint8Array;
  hmac(name: HashName, key: Uint8Array, ...data: readonly Uint8Array[]): Uint8Array;
  /** `nonce` is 12 bytes (salt || explicit IV). Returns ciphertext || 16-byte tag. */
  aeadSeal(
    name: AeadName,
    key: Uint8Array,
    nonce: Uint8Array,
    aad: Uint8Array,
    plaintext: Uint8Array,
  ): Uint8Array;
  /** The inverse; `undefined` when the tag is wrong or the input is shorter than a tag. */
  aeadOpen(
    name: AeadName,
    key: Uint8Array,
    nonce: Uint8Array,
    aad: Uint8Array,
    ciphertext: Uint8Array,
  ): Uint8Array | undefined;
  /** `data` is a whole number of blocks: no padding is added or taken off. */
  cbcEncrypt(name: CbcName, key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array;
  cbcDecrypt(name: CbcName, key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array;
  /** Public value of a private one, in the encoding of the KE payload. */
  publicValue(group: GroupName, privateKey: Uint8Array): Uint8Array;
  /** The shared secret. `peer` has been checked for length and range; `undefined` when the mathematics refuses it. */
  agree(group: GroupName, privateKey: Uint8Array, peer: Uint8Array): Uint8Array | undefined;
}
