/**
 * Signatures over bytes, as IKE's AUTH payload carries them.
 *
 * Reading list: RFC 7296 §2.15, §3.8 (method 1); RFC 4754 (methods 9, 10, 11: ECDSA as r||s);
 * RFC 7427 (method 14; ECDSA as DER); RFC 8420 (Ed25519); RFC 8017 (RSA).
 */
import {
  constants,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign as nodeSign,
  verify as nodeVerify,
} from "node:crypto";
import { HASH_LENGTH } from "./algorithm-sizes.ts";
import type { HashName } from "./algorithms.ts";
import { type SecretBytes, secretBytes } from "./secret-bytes.ts";

export type SignatureScheme =
  | { readonly kind: "rsa-pkcs1"; readonly hash: HashName }
  /** MGF1 with the same hash; the salt is as long as the hash (RFC 7427 §4.2, RFC 8017 §9.1). */
  | { readonly kind: "rsa-pss"; readonly hash: HashName; readonly saltLength: number }
  /** `encoding` is `der` under RFC 7427 and `raw` (r||s of fixed length) under RFC 4754. */
  | { readonly kind: "ecdsa"; readonly hash: HashName; readonly encoding: "der" | "raw" }
  | { readonly kind: "ed25519" };

export type KeyKind = "rsa" | "ecdsa-p256" | "ecdsa-p384" | "ecdsa-p521" | "ed25519";

const CURVE_KIND: Readonly<Record<string, KeyKind>> = {
  prime256v1: "ecdsa-p256",
  secp384r1: "ecdsa-p384",
  secp521r1: "ecdsa-p521",
};

/** RFC 4754 §3: each classic ECDSA method is one curve with one hash. */
export const CLASSIC_ECDSA_HASH: Readonly<
  Record<"ecdsa-p256" | "ecdsa-p384" | "ecdsa-p521", { method: 9 | 10 | 11; hash: HashName }>
> = {
  "ecdsa-p256": { method: 9, hash: "sha256" },
  "ecdsa-p384": { method: 10, hash: "sha384" },
  "ecdsa-p521": { method: 11, hash: "sha512" },
};

export function pssScheme(hash: HashName): SignatureScheme {
  return { kind: "rsa-pss", hash, saltLength: HASH_LENGTH[hash] };
}

function kindOf(key: KeyObject): KeyKind | undefined {
  switch (key.asymmetricKeyType) {
    case "rsa":
    case "rsa-pss":
      return "rsa";
    case "ed25519":
      return "ed25519";
    case "ec":
      return CURVE_KIND[key.asymmetricKeyDetails?.namedCurve ?? ""];
    default:
      return undefined;
  }
}

/** The kind of a public key in SPKI DER; `undefined` when it is unreadable or of a kind IKE does not use here. */
export function publicKeyKind(spki: Uint8Array): KeyKind | undefined {
  try {
    return kindOf(createPublicKey({ key: spki as Buffer, format: "der", type: "spki" }));
  } catch {
    return undefined;
  }
}

/** The kind of a private key in PKCS #8 DER; `undefined` when it is unreadable or of another kind. */
export function privateKeyKind(pkcs8: Uint8Array): KeyKind | undefined {
  try {
    return kindOf(createPrivateKey({ key: pkcs8 as Buffer, format: "der", type: "pkcs8" }));
  } catch {
    return undefined;
  }
}

/** Any unencrypted private key in PEM (PKCS #8, PKCS #1, SEC 1) as PKCS #8 DER, or why not. */
export function privateKeyFromPem(pem: string): SecretBytes | { readonly error: string } {
  try {
    const key = createPrivateKey(pem);
    if (kindOf(key) === undefined) return { error: `key type ${key.asymmetricKeyType} is not supported` };
    return secretBytes(Uint8Array.from(key.export({ format: "der", type: "pkcs8" })));
  } catch (cause) {
    return { error: `unreadable private key: ${(cause as Error).message}` };
  }
}

/** The public half, SPKI DER, of a private key in PKCS #8 DER. */
export function publicKeyOf(pkcs8: Uint8Array): Uint8Array {
  const key = createPublicKey(
    createPrivateKey({ key: pkcs8 as Buffer, format: "der", type: "pkcs8" }) as never,
  );
  return Uint8Array.from(key.export({ format: "der", type: "spki" }));
}

/** Which scheme goes with which key. */
export function schemeFitsKey(scheme: SignatureScheme, key: KeyKind): boolean {
  switch (scheme.kind) {
    case "rsa-pkcs1":
    case "rsa-pss":
      return key === "rsa";
    case "ecdsa":
      return key.startsWith("ecdsa");
    case "ed25519":
      return key === "ed25519";
  }
}

function options(scheme: SignatureScheme, key: KeyObject): { hash: string | null; key: object } {
  switch (scheme.kind) {
    case "rsa-pkcs1":
      return { hash: scheme.hash, key: { key, padding: constants.RSA_PKCS1_PADDING } };
    case "rsa-pss":
      return {
        hash: scheme.hash,
        key: { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: scheme.saltLength },
      };
    case "ecdsa":
      return {
        hash: scheme.hash,
        key: { key, dsaEncoding: scheme.encoding === "raw" ? "ieee-p1363" : "der" },
      };
    case "ed25519":
      return { hash: null, key: { key } };
  }
}

/** Signs `data` with a PKCS #8 DER key. A key that does not fit the scheme gives an error, never a throw. */
export function sign(
  scheme: SignatureScheme,
  pkcs8: Uint8Array,
  data: Uint8Array,
): Uint8Array | { readonly error: string } {
  try {
    const key = createPrivateKey({ key: pkcs8 as Buffer, format: "der", type: "pkcs8" });
    const kind = kindOf(key);
    if (kind === undefined || !schemeFitsKey(scheme, kind))
      return { error: `${scheme.kind} cannot use a key of type ${kind ?? key.asymmetricKeyType}` };
    const { hash, key: input } = options(scheme, key);
    return Uint8Array.from(nodeSign(hash, data, input as never));
  } catch (cause) {
    return { error: `signing failed: ${(cause as Error).message}` };
  }
}

/** Whether `signature` over `data` is by the key in `spki`; every malformed input is just `false`. */
export function verify(
  scheme: SignatureScheme,
  spki: Uint8Array,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    const key = createPublicKey({ key: spki as Buffer, format: "der", type: "spki" });
    const kind = kindOf(key);
    if (kind === undefined || !schemeFitsKey(scheme, kind)) return false;
    const { hash, key: input } = options(scheme, key);
    return nodeVerify(hash, data, input as never, signature);
  } catch {
    return false;
  }
}
