/** RFC 7296 §2.13 to §2.18, computed a second time here from the RFC's formulas with node:crypto alone. */
import { createHmac } from "node:crypto";
import { bytesToHex, hexToBytes } from "@tandem/crypto";
import { describe, expect, it } from "vitest";
import {
  authOctets,
  deriveChildKeys,
  deriveIkeKeys,
  initialSkeyseed,
  pskAuth,
  rekeySkeyseed,
} from "../src/keymat.ts";

const hmac = (hash: string, key: Uint8Array, ...data: Uint8Array[]): Buffer => {
  const h = createHmac(hash, key);
  for (const d of data) h.update(d);
  return h.digest();
};
/** prf+ (K,S) = T1 | T2 | T3 ..., T1 = prf (K, S | 0x01), T2 = prf (K, T1 | S | 0x02) */
function prfPlus(hash: string, key: Uint8Array, seed: Uint8Array, length: number): Buffer {
  let out: Buffer = Buffer.alloc(0);
  let t: Buffer = Buffer.alloc(0);
  for (let i = 1; out.length < length; i++) {
    t = hmac(hash, key, t, seed, Uint8Array.of(i));
    out = Buffer.concat([out, t]);
  }
  return out.subarray(0, length);
}

const fill = (length: number, from: number) => Uint8Array.from({ length }, (_, i) => (from + i) & 255);
const nonces = { initiator: fill(32, 1), responder: fill(24, 101) };
const shared = fill(32, 200);
const both = Buffer.concat([nonces.initiator, nonces.responder]);
const spis = ["0011223344556677", "8899aabbccddeeff"] as const;

describe("the IKE SA's keys", () => {
  it.each([
    ["aes-cbc", 256, "hmac-sha256-128", "prf-hmac-sha256", "sha256", 32, 32, 32],
    ["aes-gcm-16", 128, "none", "prf-hmac-sha384", "sha384", 48, 0, 20],
    ["chacha20-poly1305", 256, "none", "prf-hmac-sha512", "sha512", 64, 0, 36],
    ["3des-cbc", 192, "hmac-sha1-96", "prf-hmac-sha1", "sha1", 20, 20, 24],
  ] as const)("of %s-%i, %s, %s", (encryption, keyBits, integrity, prf, hash, p, a, e) => {
    const suite = { encryption, keyBits, integrity, prf, group: "x25519" } as const;
    const skeyseed = hmac(hash, both, shared);
    expect(bytesToHex(initialSkeyseed(prf, nonces, shared))).toBe(skeyseed.toString("hex"));
    const seed = Buffer.concat([both, hexToBytes(spis[0]), hexToBytes(spis[1])]);
    const stream = prfPlus(hash, skeyseed, seed, 3 * p + 2 * a + 2 * e);
    const keys = deriveIkeKeys(suite, skeyseed, nonces, ...spis);
    const joined = Buffer.concat([keys.d, keys.ai, keys.ar, keys.ei, keys.er, keys.pi, keys.pr]);
    expect(joined.toString("hex")).toBe(stream.toString("hex"));
    expect([keys.d, keys.ai, keys.ei, keys.pi].map((k) => k.length)).toEqual([p, a, e, p]);
  });

  it("after a rekey come from the old SK_d with the old PRF", () => {
    const skD = fill(48, 7);
    const expected = hmac("sha384", skD, shared, nonces.initiator, nonces.responder);
    expect(bytesToHex(rekeySkeyseed("prf-hmac-sha384", skD, nonces, shared))).toBe(expected.toString("hex"));
  });
});

describe("a Child SA's keys", () => {
  const skD = fill(32, 9);
  it("take the initiator's direction first, encryption before integrity", () => {
    const suite = { encryption: "aes-cbc", keyBits: 128, integrity: "hmac-sha1-96" } as const;
    const stream = prfPlus("sha256", skD, both, 2 * (16 + 20));
    const keys = deriveChildKeys("prf-hmac-sha256", skD, suite, nonces, undefined);
    const { initiator: i, responder: r } = keys;
    expect(Buffer.concat([i.encryption, i.integrity, r.encryption, r.integrity]).toString("hex")).toBe(
      stream.toString("hex"),
    );
    expect(i.salt).toHaveLength(0);
  });
  it("have the salt behind the key, and g^ir in front of the nonces with PFS", () => {
    const suite = { encryption: "aes-gcm-16", keyBits: 256, integrity: "none" } as const;
    const stream = prfPlus("sha256", skD, Buffer.concat([shared, both]), 2 * 36);
    const { initiator: i, responder: r } = deriveChildKeys("prf-hmac-sha256", skD, suite, nonces, shared);
    expect(Buffer.concat([i.encryption, i.salt, r.encryption, r.salt]).toString("hex")).toBe(
      stream.toString("hex"),
    );
    expect(i.salt).toHaveLength(4);
  });
});

it("AUTH with a pre-shared key", () => {
  const id = { idType: 2, data: Buffer.from("gw.example.com") };
  const skP = fill(32, 77);
  const rest = Buffer.concat([Uint8Array.of(2, 0, 0, 0), id.data]);
  const octets = Buffer.concat([fill(100, 3), nonces.responder, hmac("sha256", skP, rest)]);
  expect(bytesToHex(authOctets("prf-hmac-sha256", skP, fill(100, 3), nonces.responder, id))).toBe(
    octets.toString("hex"),
  );
  const inner = hmac("sha256", Buffer.from("secret"), Buffer.from("Key Pad for IKEv2"));
  expect(bytesToHex(pskAuth("prf-hmac-sha256", Buffer.from("secret"), octets))).toBe(
    hmac("sha256", inner, octets).toString("hex"),
  );
});
