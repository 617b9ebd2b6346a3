/** Authentication payload (RFC 7296 §3.8). */
import { concatBytes } from "@tandem/crypto";
import { type Malformed, malformed } from "../octets.ts";

export interface AuthPayload {
  readonly kind: "AUTH";
  readonly method: number;
  readonly data: Uint8Array;
}

export function decodeAuth(body: Uint8Array): AuthPayload | Malformed {
  if (body.length < 4) return malformed("AUTH payload cut short");
  return { kind: "AUTH", method: body[0]!, data: body.slice(4) };
}

export const encodeAuth = (payload: AuthPayload): Uint8Array =>
  concatBytes(Uint8Array.of(payload.method, 0, 0, 0), payload.data);
