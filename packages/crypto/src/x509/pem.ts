/** PEM (RFC 7468) to DER and back, and the key hash of a CERTREQ payload. */
import { createHash } from "node:crypto";
import { type Certificate, decodeCertificate } from "./certificate.ts";

export type PemLabel = "CERTIFICATE" | "X509 CRL";

/** All blocks with this label, in order; text around them is ignored, as RFC 7468 §2 allows. */
export function pemBlocks(text: string, label: PemLabel): Uint8Array[] {
  const pattern = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]*?)-----END ${label}-----`, "g");
  return [...text.matchAll(pattern)].map(([, base64]) => Uint8Array.from(Buffer.from(base64!, "base64")));
}

export function toPem(der: Uint8Array, label: PemLabel | "PRIVATE KEY"): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** Certificates of a PEM file, or why it holds none that can be used. */
export function certificatesFromPem(text: string): Certificate[] | { readonly error: string } {
  const out: Certificate[] = [];
  for (const der of pemBlocks(text, "CERTIFICATE")) {
    const certificate = decodeCertificate(der);
    if ("error" in certificate) return certificate;
    out.push(certificate);
  }
  return out.length > 0 ? out : { error: "the file holds no CERTIFICATE block" };
}

/** SHA-1 over the SubjectPublicKeyInfo: how CERTREQ names a trust anchor (RFC 7296 §3.7). 20 bytes. */
export function authorityKeyHash(certificate: Certificate): Uint8Array {
  return Uint8Array.from(createHash("sha1").update(certificate.publicKey).digest());
}
