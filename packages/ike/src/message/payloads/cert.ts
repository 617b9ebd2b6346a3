/** Certificate and Certificate Request payloads (RFC 7296 §3.6, §3.7). */
import { concatBytes } from "@tandem/crypto";
import { type Malformed, malformed } from "../octets.ts";

export interface CertPayload {
  readonly kind: "CERT";
  readonly encoding: number;
  readonly data: Uint8Array;
}

export interface CertReqPayload {
  readonly kind: "CERTREQ";
  readonly encoding: number;
  /** SHA-1 hashes of trusted authorities' public keys, 20 octets each. */
  readonly authorities: Uint8Array;
}

export function decodeCert(body: Uint8Array): CertPayload | Malformed {
  if (body.length < 1) return malformed("empty CERT payload");
  return { kind: "CERT", encoding: body[0]!, data: body.slice(1) };
}

export function decodeCertReq(body: Uint8Array): CertReqPayload | Malformed {
  if (body.length < 1) return malformed("empty CERTREQ payload");
  return { kind: "CERTREQ", encoding: body[0]!, authorities: body.slice(1) };
}

export const encodeCert = (payload: CertPayload): Uint8Array =>
  concatBytes(Uint8Array.of(payload.encoding), payload.data);
export const encodeCertReq = (payload: CertReqPayload): Uint8Array =>
  concatBytes(Uint8Array.of(payload.encoding), payload.authorities);
