/** Nonce payload (RFC 7296 §3.9): 16 to 256 octets. */
import { NONCE_MAX_LENGTH, NONCE_MIN_LENGTH } from "../../constants.ts";
import { type Malformed, malformed } from "../octets.ts";

export interface NoncePayload {
  readonly kind: "Nonce";
  readonly data: Uint8Array;
}

export function decodeNonce(body: Uint8Array): NoncePayload | Malformed {
  if (body.length < NONCE_MIN_LENGTH || body.length > NONCE_MAX_LENGTH)
    return malformed(`nonce of ${body.length} octets instead of 16 to 256`);
  return { kind: "Nonce", data: body.slice() };
}

export const encodeNonce = (payload: NoncePayload): Uint8Array => payload.data;
