/**
 * Authentication with certificates: RFC 7296 §2.15 method 1 (RSA), RFC 4754 methods 9 to 11 (ECDSA),
 * RFC 7427 method 14 with hash negotiation, RFC 8420 (Ed25519).
 */
import {
  authorityKeyHash,
  CLASSIC_ECDSA_HASH,
  concatBytes,
  decodeCertificate,
  decodeSignatureAlgorithm,
  encodeSignatureAlgorithm,
  type HashName,
  type KeyKind,
  privateKeyKind,
  pssScheme,
  type SignatureScheme,
} from "@tandem/crypto";
import type { Authentication, CertificateAuthentication } from "../config.ts";
import { AuthMethod, authMethodName, CertEncoding, SignatureHash } from "../iana.ts";
import { certificateIdentity, identityText, type WireIdentity } from "../identity.ts";
import type { IkeSa } from "../ike-sa.ts";
import { findAll, type IkeMessage } from "../message/message.ts";
import type { Payload } from "../message/payload.ts";
import type { AuthPayload } from "../message/payloads/auth.ts";
import { compute, type Procedure } from "../tasks/task.ts";
import type { AuthVerdict, MadeAuth } from "./authenticator.ts";

/** What we announce in SIGNATURE_HASH_ALGORITHMS, preferred first (RFC 7427 §4). SHA-1 is not among them. */
export const OWN_SIGNATURE_HASHES: readonly number[] = [
  SignatureHash.SHA2_256,
  SignatureHash.SHA2_384,
  SignatureHash.SHA2_512,
  SignatureHash.IDENTITY,
];

const HASH_OF: Readonly<Record<number, HashName>> = {
  [SignatureHash.SHA2_256]: "sha256",
  [SignatureHash.SHA2_384]: "sha384",
  [SignatureHash.SHA2_512]: "sha512",
};

/** The hash that goes with a curve's size, when the peer has it. */
const PREFERRED: Partial<Record<KeyKind, number>> = {
  "ecdsa-p384": SignatureHash.SHA2_384,
  "ecdsa-p521": SignatureHash.SHA2_512,
};

interface OwnScheme {
  readonly method: AuthMethod;
  readonly scheme: SignatureScheme;
}

/** How to sign with this key for a peer with these hashes; none announced means that it knows the classic methods only. */
function ownScheme(key: KeyKind, peerHashes: readonly number[], pss: boolean): OwnScheme | undefined {
  const method = AuthMethod.DIGITAL_SIGNATURE;
  if (key === "ed25519")
    return peerHashes.includes(SignatureHash.IDENTITY) ? { method, scheme: { kind: "ed25519" } } : undefined;
  const wish = PREFERRED[key];
  const order = [...(wish === undefined ? [] : [wish]), ...OWN_SIGNATURE_HASHES];
  const hash = HASH_OF[order.find((h) => HASH_OF[h] !== undefined && peerHashes.includes(h)) ?? -1];
  if (hash !== undefined) {
    if (key === "rsa") return { method, scheme: pss ? pssScheme(hash) : { kind: "rsa-pkcs1", hash } };
    return { method, scheme: { kind: "ecdsa", hash, encoding: "der" } };
  }
  if (key === "rsa") return { method: AuthMethod.RSA_SIGNATURE, scheme: { kind: "rsa-pkcs1", hash: "sha1" } };
  const classic = CLASSIC_ECDSA_HASH[key];
  return { method: classic.method, scheme: { kind: "ecdsa", hash: classic.hash, encoding: "raw" } };
}

export function* makeSignature(
  sa: IkeSa,
  own: CertificateAuthentication,
  octets: Uint8Array,
): Procedure<MadeAuth> {
  const key = privateKeyKind(own.privateKey);
  if (key === undefined)
    return { ok: false, reason: "this side's private key is of a kind that IKE cannot use" };
  const choice = ownScheme(key, sa.peerSupports.signatureHashes, own.preferPss === true);
  if (choice === undefined)
    return { ok: false, reason: "this side's key is Ed25519 and the peer does not know it (RFC 8420)" };
  const result = yield* compute({
    kind: "sign",
    scheme: choice.scheme,
    privateKey: own.privateKey,
    data: octets,
  });
  if (result.kind === "failed") return { ok: false, reason: result.reason };
  const algorithm =
    choice.method === AuthMethod.DIGITAL_SIGNATURE ? encodeSignatureAlgorithm(choice.scheme) : undefined;
  const data =
    algorithm === undefined
      ? result.signature
      : concatBytes(Uint8Array.of(algorithm.length), algorithm, result.signature);
  return {
    ok: true,
    certificates: own.chain.map((der) => ({
      kind: "CERT",
      encoding: CertEncoding.X509_SIGNATURE,
      data: der,
    })),
    auth: { kind: "AUTH", method: choice.method, data },
  };
}

/** The schemes that the AUTH payload may stand for: method 1 does not say its hash. */
function peerSchemes(
  auth: AuthPayload,
): { schemes: readonly SignatureScheme[]; signature: Uint8Array } | string {
  const classic = Object.values(CLASSIC_ECDSA_HASH).find((c) => c.method === auth.method);
  if (classic !== undefined)
    return { schemes: [{ kind: "ecdsa", hash: classic.hash, encoding: "raw" }], signature: auth.data };
  if (auth.method === AuthMethod.RSA_SIGNATURE)
    return {
      schemes: (["sha1", "sha256", "sha384", "sha512"] as const).map((hash) => ({ kind: "rsa-pkcs1", hash })),
      signature: auth.data,
    };
  if (auth.method !== AuthMethod.DIGITAL_SIGNATURE)
    return `the peer signs with ${authMethodName(auth.method)}, which is not supported`;
  const length = auth.data[0] ?? 0;
  if (auth.data.length < 1 + length) return "the AUTH payload's algorithm identifier is cut short";
  const scheme = decodeSignatureAlgorithm(auth.data.subarray(1, 1 + length));
  if (scheme === undefined) return "the peer signs with an algorithm that is not supported";
  if ("hash" in scheme && (scheme.hash === "sha1" || scheme.hash === "md5"))
    return `the peer signs with ${scheme.hash}, which was not offered (RFC 7427 §4)`;
  return { schemes: [scheme], signature: auth.data.subarray(1 + length) };
}

export function* checkSignature(
  sa: IkeSa,
  own: CertificateAuthentication,
  message: IkeMessage,
  id: WireIdentity,
  octets: Uint8Array,
  auth: AuthPayload,
): Procedure<AuthVerdict> {
  const refused = (...lines: string[]): AuthVerdict => ({ ok: false, lines });
  const certs = findAll(message, "CERT");
  const certificates = certs.filter((c) => c.encoding === CertEncoding.X509_SIGNATURE).map((c) => c.data);
  if (certificates.length === 0)
    return refused(
      "the peer sent no certificate",
      "cure: let the peer send its certificate (send_cert = always)",
    );
  const identity = certificateIdentity(id);
  if (identity === undefined) return refused(`no certificate can prove the identity ${identityText(id)}`);
  const checked = yield* compute({
    kind: "check-certificate-chain",
    certificates,
    trustAnchors: own.trustAnchors,
    crls: [...own.crls, ...certs.filter((c) => c.encoding === CertEncoding.CRL).map((c) => c.data)],
    at: sa.host.unixTimeAtZero + sa.now,
    identity,
  });
  if (checked.kind === "failed")
    return refused(`the peer's certificate is refused: ${checked.reason}`, certificateCure(checked.reason));
  const read = peerSchemes(auth);
  if (typeof read === "string") return refused(read);
  for (const scheme of read.schemes) {
    const result = yield* compute({
      kind: "verify",
      scheme,
      publicKey: checked.publicKey,
      data: octets,
      signature: read.signature,
    });
    if (result.kind === "verify" && result.valid)
      return { ok: true, how: `certificate "${checked.subjectText}" (${checked.path.join(" ← ")})` };
  }
  return refused(
    `the peer's signature is not by the key of its certificate "${checked.subjectText}"`,
    "cause: the peer's private key and certificate do not belong together",
  );
}

/** CERTREQ: the SHA-1 hashes of the keys that we trust (RFC 7296 §3.7). Nothing for a pre-shared key. */
export function certificateRequest(own: Authentication): Payload[] {
  if (own.method !== "certificate") return [];
  const hashes: Uint8Array[] = [];
  for (const der of own.trustAnchors) {
    const anchor = decodeCertificate(der);
    if (!("error" in anchor)) hashes.push(authorityKeyHash(anchor));
  }
  return [{ kind: "CERTREQ", encoding: CertEncoding.X509_SIGNATURE, authorities: concatBytes(...hashes) }];
}

function certificateCure(reason: string): string {
  if (reason.includes("expired")) return "cure: renew that certificate, or set the clock of this machine";
  if (reason.includes("not valid before")) return "cure: set the clock of this machine, or wait";
  if (reason.includes("revoked")) return "cure: issue the peer a new certificate";
  if (reason.includes("identity"))
    return "cure: use an identity that is in the certificate (subject or subjectAltName) on the peer, or set the remote identity here";
  return "cure: trust the authority that issued it, or let the peer send the chain up to a trusted one";
}
