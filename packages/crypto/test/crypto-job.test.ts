import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  CLASSIC_ECDSA_HASH,
  type CryptoJob,
  keyPairEntropyLength,
  privateKeyFromPem,
  privateKeyKind,
  pssScheme,
  publicKeyKind,
  publicKeyOf,
  restoreSecrets,
  runCryptoJob,
  SecretBytes,
  type SignatureScheme,
  sign,
  verify,
} from "../src/index.ts";

/** As a worker sees it: nothing but what a structured clone keeps. */
const inWorker = (job: CryptoJob) => restoreSecrets(structuredClone(runCryptoJob(structuredClone(job))));

describe("key exchange by jobs", () => {
  it("agrees between threads, and the secrets stay secrets", () => {
    const pair = (fill: number) => {
      const result = inWorker({
        kind: "generate-key-pair",
        group: "ecp256",
        entropy: new Uint8Array(keyPairEntropyLength("ecp256")).fill(fill),
      });
      if (result.kind !== "generate-key-pair") throw new Error("no key pair");
      return result;
    };
    const [a, b] = [pair(1), pair(2)];
    expect(a.privateKey).toBeInstanceOf(SecretBytes);
    const agree = (privateKey: Uint8Array, peerPublic: Uint8Array) =>
      inWorker({ kind: "shared-secret", group: "ecp256", privateKey, peerPublic });
    const one = agree(a.privateKey, b.publicValue);
    expect(one).toEqual(agree(b.privateKey, a.publicValue));
    expect(JSON.stringify(one)).toBe('{"kind":"shared-secret","secret":"[secret: 32 bytes]"}');
    expect(agree(a.privateKey, new Uint8Array(64))).toMatchObject({
      kind: "failed",
      job: "shared-secret",
      reason: "public value is not a point of the curve (RFC 6989 §2.3)",
    });
  });

  it("does both steps of a responder at once", () => {
    const entropy = new Uint8Array(keyPairEntropyLength("modp2048")).fill(3);
    const initiator = inWorker({
      kind: "generate-key-pair",
      group: "modp2048",
      entropy: entropy.map((x) => x + 1),
    });
    if (initiator.kind !== "generate-key-pair") throw new Error("no key pair");
    const job = { kind: "generate-and-agree", group: "modp2048", entropy } as const;
    const responder = inWorker({ ...job, peerPublic: initiator.publicValue });
    if (responder.kind !== "generate-and-agree") throw new Error("no agreement");
    expect(responder.secret).toBeInstanceOf(SecretBytes);
    expect(responder.privateKey).toBeInstanceOf(SecretBytes);
    const { privateKey } = initiator;
    expect(
      inWorker({ kind: "shared-secret", group: "modp2048", privateKey, peerPublic: responder.publicValue }),
    ).toEqual({ kind: "shared-secret", secret: responder.secret });
    expect(inWorker({ ...job, peerPublic: new Uint8Array(256) })).toMatchObject({
      kind: "failed",
      job: "generate-and-agree",
      reason: "public value out of range (RFC 6989 §2.1)",
    });
  });

  it("says what is wrong with a job instead of throwing", () => {
    expect(
      inWorker({ kind: "generate-key-pair", group: "ecp256", entropy: new Uint8Array(3) }),
    ).toMatchObject({
      kind: "failed",
      reason: "ecp256 takes 40 bytes of entropy, not 3",
    });
  });
});

const pem = (key: KeyObject) => key.export({ type: "pkcs8", format: "pem" }).toString();
const data = new TextEncoder().encode("signed octets");

const KEYS = {
  rsa: pem(generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey),
  "ecdsa-p256": pem(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey),
  "ecdsa-p384": pem(generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey),
  "ecdsa-p521": pem(generateKeyPairSync("ec", { namedCurve: "P-521" }).privateKey),
  ed25519: pem(generateKeyPairSync("ed25519").privateKey),
} as const;

const CASES: [keyof typeof KEYS, SignatureScheme, number | undefined][] = [
  ["rsa", { kind: "rsa-pkcs1", hash: "sha1" }, 256],
  ["rsa", { kind: "rsa-pkcs1", hash: "sha512" }, 256],
  ["rsa", pssScheme("sha256"), 256],
  ["rsa", pssScheme("sha512"), 256],
  ["ecdsa-p256", { kind: "ecdsa", hash: CLASSIC_ECDSA_HASH["ecdsa-p256"].hash, encoding: "raw" }, 64],
  ["ecdsa-p384", { kind: "ecdsa", hash: CLASSIC_ECDSA_HASH["ecdsa-p384"].hash, encoding: "raw" }, 96],
  ["ecdsa-p521", { kind: "ecdsa", hash: CLASSIC_ECDSA_HASH["ecdsa-p521"].hash, encoding: "raw" }, 132],
  ["ecdsa-p256", { kind: "ecdsa", hash: "sha256", encoding: "der" }, undefined],
  ["ed25519", { kind: "ed25519" }, 64],
];

function keyOf(name: keyof typeof KEYS): Uint8Array {
  const key = privateKeyFromPem(KEYS[name]);
  if ("error" in key) throw new Error(key.error);
  return key;
}

describe("signatures", () => {
  it.each(CASES)("%s with %o", (name, scheme, length) => {
    const key = keyOf(name);
    const spki = publicKeyOf(key);
    expect(privateKeyKind(key)).toBe(name);
    expect(publicKeyKind(spki)).toBe(name);
    const signature = sign(scheme, key, data);
    if ("error" in signature) throw new Error(signature.error);
    if (length !== undefined) expect(signature).toHaveLength(length);
    expect(verify(scheme, spki, data, signature)).toBe(true);
    expect(verify(scheme, spki, data.subarray(1), signature)).toBe(false);
    expect(verify(scheme, spki, data, signature.subarray(1))).toBe(false);
    expect(verify(scheme, spki, data, new Uint8Array(0))).toBe(false);
    expect(verify(scheme, new Uint8Array(20), data, signature)).toBe(false);
  });

  it("refuses a key that does not fit, without a throw", () => {
    expect(sign({ kind: "ed25519" }, keyOf("rsa"), data)).toEqual({
      error: "ed25519 cannot use a key of type rsa",
    });
    expect(verify({ kind: "rsa-pkcs1", hash: "sha256" }, publicKeyOf(keyOf("ed25519")), data, data)).toBe(
      false,
    );
    expect(sign({ kind: "ed25519" }, new Uint8Array(5), data)).toHaveProperty("error");
    expect(privateKeyFromPem("nonsense")).toHaveProperty("error");
  });
});
