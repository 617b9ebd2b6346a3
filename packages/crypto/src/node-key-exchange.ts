/**
 * Key exchange with OpenSSL, through keys in DER.
 *
 * `createDiffieHellman(prime)` tests the prime for about 190 ms on every call, and the groups that Node names make
 * their own random exponents. A private key in PKCS #8 form carries any group and our own exponent, costs
 * no prime test, and `diffieHellman` uses OpenSSL's constant-time exponentiation for it. Measured costs: README.
 */
import { createECDH, createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from "node:crypto";
import type { GroupName } from "./algorithms.ts";
import { derBitString, derOctetString, derOid, derSequence, derUnsigned } from "./der-writer.ts";
import { isModp, MODP_GROUPS, type ModpName } from "./modp-groups.ts";
import { concatBytes, hexToBytes, leftPad } from "./octets.ts";

const VERSION_0 = derUnsigned(Uint8Array.of(0));
/** dhKeyAgreement, PKCS #3. */
const OID_DH = derOid("1.2.840.113549.1.3.1");
const X25519_ALGORITHM = derSequence(derOid("1.3.101.110"));

const CURVE_NAME: Readonly<Record<"ecp256" | "ecp384" | "ecp521", string>> = {
  ecp256: "prime256v1",
  ecp384: "secp384r1",
  ecp521: "secp521r1",
};

const modpAlgorithm = new Map<ModpName, Uint8Array>();

function algorithmOf(group: ModpName): Uint8Array {
  let found = modpAlgorithm.get(group);
  if (found === undefined) {
    const { primeHex, generatorHex } = MODP_GROUPS[group];
    found = derSequence(
      OID_DH,
      derSequence(derUnsigned(hexToBytes(primeHex)), derUnsigned(hexToBytes(generatorHex))),
    );
    modpAlgorithm.set(group, found);
  }
  return found;
}

function privateKeyObject(algorithm: Uint8Array, inner: Uint8Array): KeyObject {
  const der = derSequence(VERSION_0, algorithm, derOctetString(inner));
  return createPrivateKey({ key: der as Buffer, format: "der", type: "pkcs8" });
}

function publicKeyObject(algorithm: Uint8Array, bits: Uint8Array): KeyObject {
  return createPublicKey({
    key: derSequence(algorithm, derBitString(bits)) as Buffer,
    format: "der",
    type: "spki",
  });
}

/** The last `length` bytes of the SPKI hold the public value: an INTEGER for MODP, bare bytes for X25519. */
function modpPublicValue(spki: Uint8Array, algorithm: Uint8Array, length: number): Uint8Array {
  // SEQUENCE { algorithm, BIT STRING { 0, INTEGER y } }: find y behind the headers.
  let at = spki[1]! < 0x80 ? 2 : 2 + (spki[1]! & 0x7f);
  at += algorithm.length;
  const skipHeader = (): number => {
    const first = spki[at + 1]!;
    let n = first;
    at += 2;
    if (first >= 0x80) {
      n = 0;
      for (let i = 0; i < (first & 0x7f); i++) n = n * 256 + spki[at++]!;
    }
    return n;
  };
  skipHeader();
  at += 1;
  let size = skipHeader();
  if (spki[at] === 0 && size > 1) {
    at += 1;
    size -= 1;
  }
  return leftPad(Uint8Array.from(spki.subarray(at, at + size)), length);
}

export function nodePublicValue(group: GroupName, privateKey: Uint8Array): Uint8Array {
  if (isModp(group)) {
    const algorithm = algorithmOf(group);
    const key = privateKeyObject(algorithm, derUnsigned(privateKey));
    const spki = createPublicKey(key).export({ format: "der", type: "spki" });
    return modpPublicValue(spki, algorithm, MODP_GROUPS[group].length);
  }
  if (group === "x25519") {
    const key = privateKeyObject(X25519_ALGORITHM, derOctetString(privateKey));
    const spki = createPublicKey(key).export({ format: "der", type: "spki" });
    return Uint8Array.from(spki.subarray(spki.length - 32));
  }
  const ecdh = createECDH(CURVE_NAME[group]);
  ecdh.setPrivateKey(privateKey);
  return Uint8Array.from(ecdh.getPublicKey().subarray(1));
}

export function nodeAgree(
  group: GroupName,
  privateKey: Uint8Array,
  peer: Uint8Array,
): Uint8Array | undefined {
  try {
    if (isModp(group)) {
      const algorithm = algorithmOf(group);
      const secret = diffieHellman({
        privateKey: privateKeyObject(algorithm, derUnsigned(privateKey)),
        publicKey: publicKeyObject(algorithm, derUnsigned(peer)),
      });
      return leftPad(Uint8Array.from(secret), MODP_GROUPS[group].length);
    }
    if (group === "x25519") {
      const secret = diffieHellman({
        privateKey: privateKeyObject(X25519_ALGORITHM, derOctetString(privateKey)),
        publicKey: publicKeyObject(X25519_ALGORITHM, peer),
      });
      return Uint8Array.from(secret);
    }
    const ecdh = createECDH(CURVE_NAME[group]);
    ecdh.setPrivateKey(privateKey);
    return leftPad(Uint8Array.from(ecdh.computeSecret(concatBytes(Uint8Array.of(4), peer))), peer.length / 2);
  } catch {
    // OpenSSL refuses points off the curve and all-zero results by an exception.
    return undefined;
  }
}
