/** The primitives by OpenSSL, through node:crypto. */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createSecretKey,
  type KeyObject,
} from "node:crypto";
import type { AeadName, CbcName } from "./algorithm-sizes.ts";
import { nodeAgree, nodePublicValue } from "./node-key-exchange.ts";
import { concatBytes, constantTimeEqual } from "./octets.ts";
import type { Primitives } from "./primitives.ts";

export const AEAD_TAG_LENGTH = 16;

type NodeAead = "aes-128-gcm" | "aes-192-gcm" | "aes-256-gcm" | "chacha20-poly1305";

/** OpenSSL's name of the AEAD. With the tag length given, both kinds take the same code. */
export function nodeAeadName(name: AeadName, keyLength: number): NodeAead {
  return name === "chacha20-poly1305" ? name : (`aes-${keyLength * 8}-gcm` as NodeAead);
}

/** OpenSSL's name and key of the CBC cipher. OpenSSL 3 has no single DES: 3DES with K|K|K is the same function. */
export function nodeCbc(name: CbcName, key: Uint8Array): { algorithm: string; key: Uint8Array } {
  switch (name) {
    case "aes-cbc":
      return { algorithm: `aes-${key.length * 8}-cbc`, key };
    case "3des-cbc":
      return { algorithm: "des-ede3-cbc", key };
    case "des-cbc":
      return { algorithm: "des-ede3-cbc", key: concatBytes(key, key, key) };
  }
}

/**
 * A key given as plain bytes costs Node 24 about 10 us per call, because it first tries it as a KeyObject and fails by an
 * exception inside; wrapped beforehand it costs 1.5 us.
 */
function keyObject(key: Uint8Array): KeyObject {
  const known = keyObjects.get(key);
  if (known !== undefined && constantTimeEqual(known.copy, key)) return known.object;
  const object = createSecretKey(key as Buffer);
  keyObjects.set(key, { copy: key.slice(), object });
  return object;
}

/** By the caller's array: the keys of an IKE SA serve many messages. The copy guards against one that was written over since. */
const keyObjects = new WeakMap<Uint8Array, { readonly copy: Uint8Array; readonly object: KeyObject }>();

export const nodePrimitives: Primitives = {
  name: "node",
  hash(name, ...data) {
    const hash = createHash(name);
    for (const part of data) hash.update(part);
    return Uint8Array.from(hash.digest());
  },
  hmac(name, key, ...data) {
    const hmac = createHmac(name, keyObject(key));
    for (const part of data) hmac.update(part);
    return Uint8Array.from(hmac.digest());
  },
  aeadSeal(name, key, nonce, aad, plaintext) {
    const cipher = createCipheriv(nodeAeadName(name, key.length) as "aes-128-gcm", keyObject(key), nonce, {
      authTagLength: AEAD_TAG_LENGTH,
    });
    cipher.setAAD(aad);
    const body = cipher.update(plaintext);
    return concatBytes(body, cipher.final(), cipher.getAuthTag());
  },
  aeadOpen(name, key, nonce, aad, ciphertext) {
    if (ciphertext.length < AEAD_TAG_LENGTH) return undefined;
    const end = ciphertext.length - AEAD_TAG_LENGTH;
    const decipher = createDecipheriv(
      nodeAeadName(name, key.length) as "aes-128-gcm",
      keyObject(key),
      nonce,
      {
        authTagLength: AEAD_TAG_LENGTH,
      },
    );
    decipher.setAAD(aad);
    decipher.setAuthTag(ciphertext.subarray(end));
    const body = decipher.update(ciphertext.subarray(0, end));
    try {
      return concatBytes(body, decipher.final());
    } catch {
      return undefined;
    }
  },
  cbcEncrypt(name, key, iv, data) {
    const cbc = nodeCbc(name, key);
    const cipher = createCipheriv(cbc.algorithm, keyObject(cbc.key), iv).setAutoPadding(false);
    return concatBytes(cipher.update(data), cipher.final());
  },
  cbcDecrypt(name, key, iv, data) {
    const cbc = nodeCbc(name, key);
    const decipher = createDecipheriv(cbc.algorithm, keyObject(cbc.key), iv).setAutoPadding(false);
    return concatBytes(decipher.update(data), decipher.final());
  },
  publicValue: nodePublicValue,
  agree: nodeAgree,
};
