/**
 * The AlgorithmIdentifier blobs in front of a signature under authentication method 14.
 *
 * Reading list: RFC 7427 §3 (form of the AUTH payload), §A (the blobs); RFC 8420 §3, RFC 8410 §3 (Ed25519);
 * RFC 4055 §3.1 (RSASSA-PSS parameters); RFC 7296 §3.8.
 *
 *      AUTH data:  ASN.1 length (1) | AlgorithmIdentifier (DER) | signature value
 */

import { HASH_LENGTH } from "./algorithm-sizes.ts";
import type { HashName } from "./algorithms.ts";
import { derNull, derOid, derSequence, derTlv, derUnsigned } from "./der-writer.ts";
import { bytesToHex } from "./octets.ts";
import type { SignatureScheme } from "./signature.ts";

const PKCS1_OID: Readonly<Partial<Record<HashName, string>>> = {
  sha1: "1.2.840.113549.1.1.5",
  sha256: "1.2.840.113549.1.1.11",
  sha384: "1.2.840.113549.1.1.12",
  sha512: "1.2.840.113549.1.1.13",
};

const ECDSA_OID: Readonly<Partial<Record<HashName, string>>> = {
  sha1: "1.2.840.10045.4.1",
  sha256: "1.2.840.10045.4.3.2",
  sha384: "1.2.840.10045.4.3.3",
  sha512: "1.2.840.10045.4.3.4",
};

const HASH_OID: Readonly<Partial<Record<HashName, string>>> = {
  sha1: "1.3.14.3.2.26",
  sha256: "2.16.840.1.101.3.4.2.1",
  sha384: "2.16.840.1.101.3.4.2.2",
  sha512: "2.16.840.1.101.3.4.2.3",
};

const OID_RSASSA_PSS = "1.2.840.113549.1.1.10";
const OID_MGF1 = "1.2.840.113549.1.1.8";
const OID_ED25519 = "1.3.101.112";

function required(oids: Readonly<Partial<Record<HashName, string>>>, hash: HashName): string {
  const oid = oids[hash];
  if (oid === undefined) throw new RangeError(`RFC 7427 has no signature algorithm over ${hash}`);
  return oid;
}

/** `nulls`: with NULL parameters of the hashes inside (RFC 4055 §2.1 accepts both forms); `trailer`: with the default written out. */
function pss(hash: HashName, saltLength: number, nulls: boolean, trailer = false): Uint8Array {
  const hashOid = derOid(required(HASH_OID, hash));
  const algorithm = nulls ? derSequence(hashOid, derNull()) : derSequence(hashOid);
  // SHA-1 and salt length 20 are DER defaults, hence absent (RFC 7427 §A.4.1).
  const fields: Uint8Array[] = [];
  if (hash !== "sha1") {
    fields.push(derTlv(0xa0, algorithm));
    fields.push(derTlv(0xa1, derSequence(derOid(OID_MGF1), algorithm)));
  }
  if (saltLength !== 20) fields.push(derTlv(0xa2, derUnsigned(Uint8Array.of(saltLength))));
  if (trailer) fields.push(derTlv(0xa3, derUnsigned(Uint8Array.of(1))));
  return derSequence(derOid(OID_RSASSA_PSS), derSequence(...fields));
}

/** The DER AlgorithmIdentifier of a scheme. Throws for MD5 and for `raw` ECDSA, which method 14 does not have. */
export function encodeSignatureAlgorithm(scheme: SignatureScheme): Uint8Array {
  switch (scheme.kind) {
    case "rsa-pkcs1":
      return derSequence(derOid(required(PKCS1_OID, scheme.hash)), derNull());
    case "rsa-pss":
      return pss(scheme.hash, scheme.saltLength, true);
    case "ecdsa":
      if (scheme.encoding === "raw") throw new RangeError("RFC 7427 carries ECDSA signatures in DER");
      return derSequence(derOid(required(ECDSA_OID, scheme.hash)));
    case "ed25519":
      return derSequence(derOid(OID_ED25519));
  }
}

const HASHES: readonly HashName[] = ["sha256", "sha384", "sha512", "sha1"];

/** Every blob that is accepted, with its scheme: the set is finite, so decoding is a look-up (nothing to misparse). */
const KNOWN: ReadonlyMap<string, SignatureScheme> = new Map(
  HASHES.flatMap((hash): [string, SignatureScheme][] => {
    const pkcs1: SignatureScheme = { kind: "rsa-pkcs1", hash };
    const ecdsa: SignatureScheme = { kind: "ecdsa", hash, encoding: "der" };
    const salted: SignatureScheme = { kind: "rsa-pss", hash, saltLength: HASH_LENGTH[hash] };
    return [
      [bytesToHex(encodeSignatureAlgorithm(pkcs1)), pkcs1],
      // Seen in the field without the NULL, which RFC 4055 §5 asks for.
      [bytesToHex(derSequence(derOid(required(PKCS1_OID, hash)))), pkcs1],
      [bytesToHex(encodeSignatureAlgorithm(ecdsa)), ecdsa],
      [bytesToHex(derSequence(derOid(required(ECDSA_OID, hash)), derNull())), ecdsa],
      [bytesToHex(pss(hash, HASH_LENGTH[hash], true)), salted],
      [bytesToHex(pss(hash, HASH_LENGTH[hash], false)), salted],
      [bytesToHex(pss(hash, HASH_LENGTH[hash], true, true)), salted],
      [bytesToHex(pss(hash, HASH_LENGTH[hash], false, true)), salted],
    ];
  }).concat([[bytesToHex(derSequence(derOid(OID_ED25519))), { kind: "ed25519" }]]),
);

/** The scheme of a blob from the network, or `undefined` when it is none that this package does. */
export function decodeSignatureAlgorithm(der: Uint8Array): SignatureScheme | undefined {
  return KNOWN.get(bytesToHex(der));
}
