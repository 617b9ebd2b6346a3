/**
 * Checks a peer's certificate chain for IKE: RFC 5280 §6.1 (path validation, without policies and name constraints,
 * which are refused when critical), §6.3 (CRLs), RFC 4945 §5.1.3 (key usage and purposes).
 *
 *      peer's certificate ──issuer──▶ intermediates ──issuer──▶ trust anchor
 */

import { verify } from "../signature.ts";
import { decodeSignatureAlgorithm } from "../signature-algorithm.ts";
import { type Certificate, decodeCertificate } from "./certificate.ts";
import { commonName } from "./distinguished-name.ts";
import { certificateHasIdentity, type Identity } from "./identity.ts";
import { decodeRevocationList, type RevocationList } from "./revocation-list.ts";

export interface CertificateChainRequest {
  /** DER, the peer's own certificate first; the rest in any order. */
  readonly certificates: readonly Uint8Array[];
  /** DER certificates that are believed. */
  readonly trustAnchors: readonly Uint8Array[];
  /** DER CRLs, from configuration or from the peer. */
  readonly crls: readonly Uint8Array[];
  /** The time to check for, in milliseconds since 1970 UTC: an argument, because engines have no clock. */
  readonly at: number;
  /** When given, the peer's certificate must carry this identity. */
  readonly identity?: Identity;
  /** With `required`, every certificate below the anchor needs a current CRL of its issuer. Default: `if-available`. */
  readonly revocation?: "if-available" | "required";
}

export interface CheckedCertificate {
  /** SPKI DER of the peer's certificate: what its signature is verified with. */
  readonly publicKey: Uint8Array;
  /** DER of the subject's Name, and the same for people. */
  readonly subject: Uint8Array;
  readonly subjectText: string;
  /** Common names from the peer's certificate up to the trust anchor. */
  readonly path: readonly string[];
}

type Failure = { readonly error: string };

/** Longer chains are refused before any signature is verified: a peer must not make us work without end. */
const MAX_CHAIN = 8;
const MAX_CERTIFICATES = 16;

/** Purposes that allow IKE: anyExtendedKeyUsage, serverAuth, clientAuth, ipsec-IKE (RFC 4945 §5.1.3.12), iKEIntermediate. */
const IKE_PURPOSES: ReadonlySet<string> = new Set([
  "2.5.29.37.0",
  "1.3.6.1.5.5.7.3.1",
  "1.3.6.1.5.5.7.3.2",
  "1.3.6.1.5.5.7.3.17",
  "1.3.6.1.5.5.8.2.2",
]);

const day = (at: number): string => new Date(at).toISOString().replace(".000Z", "Z");

/** RFC 5280 §6.1.3 (a)(2) and the extensions, for one certificate by itself. */
function refuseAlone(certificate: Certificate, at: number): string | undefined {
  const name = `certificate "${certificate.subjectText}"`;
  if (at > certificate.notAfter) return `${name} expired on ${day(certificate.notAfter)}`;
  if (at < certificate.notBefore) return `${name} is not valid before ${day(certificate.notBefore)}`;
  if (certificate.unknownCritical.length > 0)
    return `${name} has critical extension ${certificate.unknownCritical[0]}, which is not understood`;
  return undefined;
}

/** RFC 4945 §5.1.3.2, §5.1.3.12. */
function refuseLeaf(leaf: Certificate): string | undefined {
  const usage = leaf.keyUsage;
  if (usage !== undefined && !usage.has("digitalSignature") && !usage.has("nonRepudiation"))
    return `certificate "${leaf.subjectText}" may not sign: its key usage lacks digitalSignature`;
  if (leaf.extendedKeyUsage?.some((purpose) => IKE_PURPOSES.has(purpose)) === false)
    return `certificate "${leaf.subjectText}" is not meant for IKE: its extended key usage has none of serverAuth, clientAuth, ipsecIKE`;
  return undefined;
}

/** RFC 5280 §6.1.4 (k) to (n); `below` counts the CA certificates between it and the peer's certificate. */
function refuseIssuer(issuer: Certificate, below: number): string | undefined {
  const name = `certificate "${issuer.subjectText}"`;
  if (!issuer.isCa) return `${name} issued another one but is no CA`;
  if (issuer.keyUsage?.has("keyCertSign") === false)
    return `${name} may not issue certificates: its key usage lacks keyCertSign`;
  if (issuer.pathLength !== undefined && below > issuer.pathLength)
    return `${name} allows ${issuer.pathLength} CAs below it, the chain has ${below}`;
  return undefined;
}

function signedBy(
  signed: Pick<Certificate, "tbs" | "signature" | "signatureAlgorithm">,
  issuer: Certificate,
): true | string {
  const scheme = decodeSignatureAlgorithm(signed.signatureAlgorithm);
  if (scheme === undefined) return "its signature algorithm is not supported";
  if (scheme.kind !== "ed25519" && (scheme.hash === "sha1" || scheme.hash === "md5"))
    return `it is signed with ${scheme.hash}, which is broken`;
  return verify(scheme, issuer.publicKey, signed.tbs, signed.signature) || "its signature is wrong";
}

interface Pool {
  readonly anchors: readonly Certificate[];
  readonly others: readonly Certificate[];
  readonly at: number;
}

/** Depth first, anchors before intermediates. Returns the path up to and with the anchor, or the most telling failure. */
function findPath(path: readonly Certificate[], pool: Pool): readonly Certificate[] | Failure {
  const last = path.at(-1)!;
  if (pool.anchors.some((anchor) => sameBytes(anchor.der, last.der))) return path;
  if (path.length >= MAX_CHAIN) return { error: `the chain is longer than ${MAX_CHAIN} certificates` };
  let failure: Failure | undefined;
  for (const issuer of [...pool.anchors, ...pool.others]) {
    if (issuer.subjectKey !== last.issuerKey || path.includes(issuer)) continue;
    const signed = signedBy(last, issuer);
    const refused =
      signed !== true
        ? `certificate "${last.subjectText}" is not by "${issuer.subjectText}": ${signed}`
        : (refuseAlone(issuer, pool.at) ?? refuseIssuer(issuer, path.length - 1));
    if (refused !== undefined) {
      failure ??= { error: refused };
      continue;
    }
    const found = findPath([...path, issuer], pool);
    if (!("error" in found)) return found;
    failure ??= found;
  }
  return failure ?? { error: `issuer unknown: "${last.issuerText}" of certificate "${last.subjectText}"` };
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function refuseRevoked(
  certificate: Certificate,
  issuer: Certificate,
  crls: readonly RevocationList[],
  request: CertificateChainRequest,
): string | undefined {
  let current = false;
  let stale: number | undefined;
  for (const crl of crls) {
    if (crl.issuerKey !== issuer.subjectKey || issuer.keyUsage?.has("crlSign") === false) continue;
    if (crl.thisUpdate > request.at || signedBy(crl, issuer) !== true) continue;
    // An old list still tells the truth about what it lists.
    const when = crl.revoked.get(certificate.serial);
    if (when !== undefined)
      return `certificate "${certificate.subjectText}" (serial ${certificate.serial}) was revoked on ${day(when)}`;
    if (crl.nextUpdate === undefined || crl.nextUpdate >= request.at) current = true;
    else stale = Math.max(stale ?? 0, crl.nextUpdate);
  }
  if (current || request.revocation !== "required") return undefined;
  return stale === undefined
    ? `there is no CRL of "${issuer.subjectText}", and one is required`
    : `the CRL of "${issuer.subjectText}" expired on ${day(stale)}`;
}

/** Checks one chain. Never throws on the peer's bytes; `error` is a sentence for people that holds no secret. */
export function checkCertificateChain(request: CertificateChainRequest): CheckedCertificate | Failure {
  if (request.certificates.length === 0) return { error: "the peer sent no certificate" };
  if (request.certificates.length > MAX_CERTIFICATES)
    return { error: `the peer sent more than ${MAX_CERTIFICATES} certificates` };
  const leaf = decodeCertificate(request.certificates[0]!);
  if ("error" in leaf) return leaf;
  const readable = (ders: readonly Uint8Array[]): Certificate[] =>
    ders.map(decodeCertificate).filter((found): found is Certificate => !("error" in found));
  const anchors = readable(request.trustAnchors);
  const refused = refuseAlone(leaf, request.at) ?? refuseLeaf(leaf);
  if (refused !== undefined) return { error: refused };
  const path = findPath([leaf], { anchors, others: readable(request.certificates.slice(1)), at: request.at });
  if ("error" in path) return path;
  const crls = request.crls
    .map(decodeRevocationList)
    .filter((found): found is RevocationList => !("error" in found));
  for (const [i, certificate] of path.slice(0, -1).entries()) {
    const revoked = refuseRevoked(certificate, path[i + 1]!, crls, request);
    if (revoked !== undefined) return { error: revoked };
  }
  if (request.identity !== undefined && !certificateHasIdentity(leaf, request.identity))
    return {
      error: `certificate "${leaf.subjectText}" does not carry the identity that the peer claims (${request.identity.type})`,
    };
  return {
    publicKey: leaf.publicKey,
    subject: leaf.subject,
    subjectText: leaf.subjectText,
    path: path.map((certificate) => commonName(certificate.subject)),
  };
}
