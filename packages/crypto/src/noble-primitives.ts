/**
 * The primitives in plain JavaScript, by @noble: portable, and the oracle of the tests. Slower than OpenSSL by one or two
 * orders of magnitude, and its MODP exponentiation is not constant-time. @noble has neither DES nor 3DES.
 */
import { cbc, gcm } from "@noble/ciphers/aes.js";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { hmac } from "@noble/hashes/hmac.js";
import { md5, sha1 } from "@noble/hashes/legacy.js";
import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import type { CbcName } from "./algorithm-sizes.ts";
import { powMod } from "./mod-power.ts";
import { isModp, MODP_GROUPS } from "./modp-groups.ts";
import { bigIntToBytes, bytesToBigInt, concatBytes } from "./octets.ts";
import type { Primitives } from "./primitives.ts";

const HASHES = { md5, sha1, sha256, sha384, sha512 } as const;
const CURVES = { ecp256: p256, ecp384: p384, ecp521: p521 } as const;

function refuseDes(name: CbcName): void {
  if (name !== "aes-cbc") throw new RangeError(`the noble backend has no ${name}`);
}

export const noblePrimitives: Primitives = {
  name: "noble",
  hash: (name, ...data) => HASHES[name](concatBytes(...data)),
  hmac: (name, key, ...data) => hmac(HASHES[name], key, concatBytes(...data)),
  aeadSeal(name, key, nonce, aad, plaintext) {
    const cipher = name === "aes-gcm-16" ? gcm(key, nonce, aad) : chacha20poly1305(key, nonce, aad);
    return cipher.encrypt(plaintext);
  },
  aeadOpen(name, key, nonce, aad, ciphertext) {
    const cipher = name === "aes-gcm-16" ? gcm(key, nonce, aad) : chacha20poly1305(key, nonce, aad);
    try {
      return cipher.decrypt(ciphertext);
    } catch {
      return undefined;
    }
  },
  cbcEncrypt(name, key, iv, data) {
    refuseDes(name);
    return cbc(key, iv, { disablePadding: true }).encrypt(data);
  },
  cbcDecrypt(name, key, iv, data) {
    refuseDes(name);
    return cbc(key, iv, { disablePadding: true }).decrypt(data);
  },
  publicValue(group, privateKey) {
    if (isModp(group)) {
      const { primeHex, generatorHex, length } = MODP_GROUPS[group];
      const value = powMod(BigInt(`0x${generatorHex}`), bytesToBigInt(privateKey), BigInt(`0x${primeHex}`));
      return bigIntToBytes(value, length);
    }
    if (group === "x25519") return x25519.getPublicKey(privateKey);
    return CURVES[group].getPublicKey(privateKey, false).slice(1);
  },
  agree(group, privateKey, peer) {
    if (isModp(group)) {
      const { primeHex, length } = MODP_GROUPS[group];
      return bigIntToBytes(
        powMod(bytesToBigInt(peer), bytesToBigInt(privateKey), BigInt(`0x${primeHex}`)),
        length,
      );
    }
    try {
      if (group === "x25519") return x25519.getSharedSecret(privateKey, peer);
      const point = CURVES[group].getSharedSecret(privateKey, concatBytes(Uint8Array.of(4), peer), false);
      return point.slice(1, 1 + peer.length / 2);
    } catch {
      return undefined;
    }
  },
};
