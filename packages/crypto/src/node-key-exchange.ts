/**
 * Key exchange with OpenSSL, through keys in DER.
 *
 * `createDiffieHellman(prime)` tests the prime for about 190 ms on every call, and the groups that Node names make
 * their own random exponents. A private key in PKCS #8 form carries any group and our own exponent, costs
 * no prime test, and `diffieHellman` uses OpenSSL's constant-time exponentiation for it. Measured costs: README.
 */
import { createECDH, createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from "node:crypto";
import { sharedSecretLength } from "./algorithm-sizes.ts";
import type { GroupName } from "./algorithms.ts";
import { derBitString, derOctetString, derOid, derSequence, derTlv, derUnsigned } from "./der-writer.ts";
import { isModp, MODP_GROUPS, type ModpName } from "./modp-groups.ts";
import { concatBytes, constantTimeEqual, hexToBytes, leftPad } from "./octets.ts";

const VERSION_0 = derUnsigned(Uint8Array.of(0));
/** dhKeyAgreement, PKCS #3. */
const OID_DH = derOid("1.2.840.113549.1.3.1");
const X25519_ALGORITHM = derSequence(derOid("1.3.101.110"));

type CurveName = "ecp256" | "ecp384" | "ecp521";

/** SEC 2's curves under the names of OpenSSL, and their AlgorithmIdentifiers (RFC 5480 §2.1.1). */
const CURVES: Readonly<Record<CurveName, { name: string; algorithm: Uint8Array }>> = {
  ecp256: { name: "prime256v1", algorithm: curveAlgorithm("1.2.840.10045.3.1.7") },
  ecp384: { name: "secp384r1", algorithm: curveAlgorithm("1.3.132.0.34") },
  ecp521: { name: "secp521r1", algorithm: curveAlgorithm("1.3.132.0.35") },
};

function curveAlgorithm(oid: string): Uint8Array {
  return derSequence(derOid("1.2.840.10045.2.1"), derOid(oid));
}

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

/** A private key as OpenSSL holds it, with its public value: making both costs as much as an agreement. */
interface Prepared {
  readonly publicValue: Uint8Array;
  /** Throws when OpenSSL refuses the peer's value. */
  agree(peer: Uint8Array): Uint8Array;
}

/**
 * Keys that this thread has prepared, by the caller's array: whoever generates a pair and agrees with it in one thread pays
 * for one exponentiation each. The copy guards against an array that was written over since.
 */
const preparedKeys = new WeakMap<Uint8Array, { readonly copy: Uint8Array; readonly prepared: Prepared }>();

function prepare(group: GroupName, privateKey: Uint8Array): Prepared {
  const known = preparedKeys.get(privateKey);
  if (known !== undefined && constantTimeEqual(known.copy, privateKey)) return known.prepared;
  const prepared =
    group === "x25519"
      ? prepareX25519(privateKey)
      : isModp(group)
        ? prepareModp(group, privateKey)
        : prepareCurve(group, privateKey);
  preparedKeys.set(privateKey, { copy: privateKey.slice(), prepared });
  return prepared;
}

function publicInfo(key: KeyObject): Uint8Array {
  return createPublicKey(key as never).export({ format: "der", type: "spki" });
}

function prepareModp(group: ModpName, privateKey: Uint8Array): Prepared {
  const algorithm = algorithmOf(group);
  const key = privateKeyObject(algorithm, derUnsigned(privateKey));
  return {
    publicValue: modpPublicValue(publicInfo(key), algorithm, MODP_GROUPS[group].length),
    agree: (peer) =>
      diffieHellman({ privateKey: key, publicKey: publicKeyObject(algorithm, derUnsigned(peer)) }),
  };
}

function prepareX25519(privateKey: Uint8Array): Prepared {
  const key = privateKeyObject(X25519_ALGORITHM, derOctetString(privateKey));
  return {
    publicValue: Uint8Array.from(publicInfo(key).subarray(-32)),
    agree: (peer) => diffieHellman({ privateKey: key, publicKey: publicKeyObject(X25519_ALGORITHM, peer) }),
  };
}

/**
 * `ECDH.computeSecret` multiplies twice, the second time to check the key; on P-256, where OpenSSL has fast code, that is
 * still cheaper than keys in DER. On the other curves the DER key, with its public key inside (RFC 5915 §3), multiplies once.
 */
function prepareCurve(group: CurveName, privateKey: Uint8Array): Prepared {
  const { name, algorithm } = CURVES[group];
  const ecdh = createECDH(name);
  ecdh.setPrivateKey(privateKey);
  const point = ecdh.getPublicKey();
  const publicValue = Uint8Array.from(point.subarray(1));
  const asPoint = (peer: Uint8Array): Uint8Array => concatBytes(Uint8Array.of(4), peer);
  if (group === "ecp256") return { publicValue, agree: (peer) => ecdh.computeSecret(asPoint(peer)) };
  const scalar = privateKey.slice();
  let key: KeyObject | undefined;
  return {
    publicValue,
    agree(peer) {
      key ??= privateKeyObject(
        algorithm,
        derSequence(derUnsigned(Uint8Array.of(1)), derOctetString(scalar), derTlv(0xa1, derBitString(point))),
      );
      return diffieHellman({ privateKey: key, publicKey: publicKeyObject(algorithm, asPoint(peer)) });
    },
  };
}

export function nodePublicValue(group: GroupName, privateKey: Uint8Array): Uint8Array {
  return prepare(group, privateKey).publicValue.slice();
}

export function nodeAgree(
  group: GroupName,
  privateKey: Uint8Array,
  peer: Uint8Array,
): Uint8Array | undefined {
  const prepared = prepare(group, privateKey);
  try {
    return leftPad(Uint8Array.from(prepared.agree(peer)), sharedSecretLength(group));
  } catch {
    // OpenSSL refuses points off the curve and all-zero results by an exception.
    return undefined;
  }
}
