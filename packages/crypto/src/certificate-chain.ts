/** Checks a certificate chain for IKE (RFC 5280 §6.1, RFC 4945). */

/** ID types of RFC 7296 §3.5 by name; the bytes are those of the ID payload's data. */
export type IdentityType = "ipv4-addr" | "fqdn" | "rfc822-addr" | "ipv6-addr" | "der-asn1-dn" | "key-id";

export interface Identity {
  readonly type: IdentityType;
  readonly data: Uint8Array;
}

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

export function checkCertificateChain(
  _request: CertificateChainRequest,
): CheckedCertificate | { readonly error: string } {
  return { error: "this build does not check certificates yet" };
}
