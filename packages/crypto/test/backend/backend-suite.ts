/** What every backend must do: run over node:crypto and over @noble alike. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CryptoBackend } from "../../src/backend.ts";
import {
  bytesToHex,
  type CbcName,
  type GroupName,
  type HashName,
  hexToBytes,
  type IntegrityName,
  integOutputLength,
  keyPairEntropyLength,
  type PrfName,
  prfOutputLength,
  publicValueLength,
  sharedSecretLength,
} from "../../src/index.ts";
import { MODP_GROUPS } from "../../src/modp-groups.ts";
import { bigIntToBytes } from "../../src/octets.ts";

const load = (name: string) =>
  JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), "utf8"));
const hmacVectors: (Record<HashName, string | undefined> & { source: string; key: string; data: string })[] =
  load("hmac");
const aeadVectors: {
  source: string;
  algorithm: "aes-gcm-16" | "chacha20-poly1305";
  key: string;
  nonce: string;
  aad: string;
  plaintext: string;
  sealed: string;
}[] = load("aead");
const cbcVectors: {
  source: string;
  algorithm: CbcName;
  key: string;
  iv: string;
  plaintext: string;
  ciphertext: string;
}[] = load("cbc");
const keyExchangeVectors: {
  source: string;
  group: GroupName;
  privateA: string;
  publicA: string;
  privateB: string;
  publicB: string;
  shared: string;
}[] = load("key-exchange");

const INTEG_OF: Record<HashName, IntegrityName> = {
  md5: "hmac-md5-96",
  sha1: "hmac-sha1-96",
  sha256: "hmac-sha256-128",
  sha384: "hmac-sha384-192",
  sha512: "hmac-sha512-256",
};
const HASHES = Object.keys(INTEG_OF) as HashName[];

export const GROUPS: readonly GroupName[] = [
  "modp768",
  "modp1024",
  "modp1536",
  "modp2048",
  "modp3072",
  "modp4096",
  "modp2048s256",
  "ecp256",
  "ecp384",
  "ecp521",
  "x25519",
];

const hex = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : bytesToHex(bytes));

export function backendSuite(backend: CryptoBackend, has: { des: boolean }): void {
  describe.each(hmacVectors)("HMAC, $source", (vector) => {
    it.each(HASHES.filter((hash) => vector[hash] !== undefined))("%s as PRF and as ICV", (hash) => {
      const [key, data] = [hexToBytes(vector.key), hexToBytes(vector.data)];
      const expected = vector[hash]!;
      expect(hex(backend.prf(`prf-hmac-${hash}` as PrfName, key, data))).toBe(expected);
      const parts = [data.subarray(0, 3), new Uint8Array(0), data.subarray(3)];
      const icv = backend.integ(INTEG_OF[hash], key, ...parts);
      expect(hex(icv)).toBe(expected.slice(0, 2 * integOutputLength(INTEG_OF[hash])));
    });
  });

  it.each(HASHES)("prf+ over %s is the chain of RFC 7296 §2.13", (hash) => {
    const name = `prf-hmac-${hash}` as PrfName;
    const [key, seed] = [Uint8Array.of(1, 2, 3), Uint8Array.of(9, 8, 7, 6)];
    const t1 = backend.prf(name, key, seed, Uint8Array.of(1));
    const t2 = backend.prf(name, key, t1, seed, Uint8Array.of(2));
    const t3 = backend.prf(name, key, t2, seed, Uint8Array.of(3));
    const whole = hex(t1)! + hex(t2) + hex(t3);
    const block = prfOutputLength(name);
    for (const length of [0, 1, block - 1, block, block + 1, 2 * block + 5, 3 * block])
      expect(hex(backend.prfPlus(name, key, seed, length))).toBe(whole.slice(0, 2 * length));
    expect(() => backend.prfPlus(name, key, seed, 255 * block)).not.toThrow();
    expect(() => backend.prfPlus(name, key, seed, 255 * block + 1)).toThrow(RangeError);
  });

  it.each(aeadVectors)("AEAD, $source", (vector) => {
    const { algorithm } = vector;
    const [key, nonce, aad] = [hexToBytes(vector.key), hexToBytes(vector.nonce), hexToBytes(vector.aad)];
    const sealed = hexToBytes(vector.sealed);
    expect(hex(backend.aeadSeal(algorithm, key, nonce, aad, hexToBytes(vector.plaintext)))).toBe(
      vector.sealed,
    );
    expect(hex(backend.aeadOpen(algorithm, key, nonce, aad, sealed))).toBe(vector.plaintext);
    for (let at = 0; at < sealed.length; at++) {
      const wrong = sealed.slice();
      wrong[at]! ^= 0x80;
      expect(backend.aeadOpen(algorithm, key, nonce, aad, wrong)).toBeUndefined();
    }
    expect(backend.aeadOpen(algorithm, key, nonce, Uint8Array.of(...aad, 0), sealed)).toBeUndefined();
    expect(backend.aeadOpen(algorithm, key, nonce, aad, sealed.subarray(0, 15))).toBeUndefined();
  });

  it.each(cbcVectors.filter(({ algorithm }) => has.des || algorithm === "aes-cbc"))(
    "CBC, $source",
    (vector) => {
      const [key, iv] = [hexToBytes(vector.key), hexToBytes(vector.iv)];
      expect(hex(backend.cbcEncrypt(vector.algorithm, key, iv, hexToBytes(vector.plaintext)))).toBe(
        vector.ciphertext,
      );
      expect(hex(backend.cbcDecrypt(vector.algorithm, key, iv, hexToBytes(vector.ciphertext)))).toBe(
        vector.plaintext,
      );
    },
  );

  it.each(keyExchangeVectors)("key exchange, $source", (vector) => {
    const { group } = vector;
    const [a, b] = [hexToBytes(vector.privateA), hexToBytes(vector.privateB)];
    expect(hex(backend.sharedSecret(group, a, hexToBytes(vector.publicB)) as Uint8Array)).toBe(vector.shared);
    expect(hex(backend.sharedSecret(group, b, hexToBytes(vector.publicA)) as Uint8Array)).toBe(vector.shared);
  });

  describe.each(GROUPS)("group %s", (group) => {
    const pairFrom = (fill: number) =>
      backend.keyPairFromEntropy(group, new Uint8Array(keyPairEntropyLength(group)).fill(fill));

    it("agrees, in the lengths of the RFC, and repeats itself from the same entropy", () => {
      const [a, b] = [pairFrom(0x11), pairFrom(0xee)];
      expect(a.publicValue).toHaveLength(publicValueLength(group));
      expect(hex(pairFrom(0x11).publicValue)).toBe(hex(a.publicValue));
      const one = backend.sharedSecret(group, a.privateKey, b.publicValue);
      const two = backend.sharedSecret(group, b.privateKey, a.publicValue);
      if ("error" in one || "error" in two) throw new Error("no agreement");
      expect(hex(one)).toBe(hex(two));
      expect(one).toHaveLength(sharedSecretLength(group));
    });

    it("refuses a value of another length, zero, and all ones", () => {
      const { privateKey } = pairFrom(0x33);
      const length = publicValueLength(group);
      for (const peer of [new Uint8Array(length - 1), new Uint8Array(length + 1), new Uint8Array(length)])
        expect(backend.sharedSecret(group, privateKey, peer)).toHaveProperty("error");
      if (group !== "x25519")
        expect(backend.sharedSecret(group, privateKey, new Uint8Array(length).fill(0xff))).toHaveProperty(
          "error",
        );
    });
  });

  it("refuses 1, p-1 and p, and in group 24 what lies outside of the subgroup", () => {
    for (const group of ["modp2048", "modp2048s256"] as const) {
      const { privateKey } = backend.keyPairFromEntropy(
        group,
        new Uint8Array(keyPairEntropyLength(group)).fill(7),
      );
      const prime = BigInt(`0x${MODP_GROUPS[group].primeHex}`);
      for (const value of [1n, prime - 1n, prime])
        expect(backend.sharedSecret(group, privateKey, bigIntToBytes(value, 256))).toMatchObject({
          error: "public value out of range (RFC 6989 §2.1)",
        });
    }
    const { privateKey } = backend.keyPairFromEntropy("modp2048s256", new Uint8Array(40).fill(7));
    expect(backend.sharedSecret("modp2048s256", privateKey, bigIntToBytes(2n, 256))).toMatchObject({
      error: "public value outside of the subgroup (RFC 6989 §2.2)",
    });
  });

  it("refuses points off the curve, whatever they are", () => {
    for (const group of ["ecp256", "ecp384", "ecp521"] as const) {
      const pair = backend.keyPairFromEntropy(group, new Uint8Array(keyPairEntropyLength(group)).fill(5));
      fc.assert(
        fc.property(fc.nat(publicValueLength(group) - 1), fc.integer({ min: 0, max: 7 }), (at, bit) => {
          const changed = pair.publicValue.slice();
          changed[at]! ^= 1 << bit;
          expect(backend.sharedSecret(group, pair.privateKey, changed)).toHaveProperty("error");
        }),
        { numRuns: 20 },
      );
    }
  });
}
