/** Authentication with a pre-shared key (RFC 7296 §2.15). */
import { constantTimeEqual, type PrfName } from "@tandem/crypto";
import type { PskAuthentication } from "../config.ts";
import { AuthMethod } from "../iana.ts";
import { pskAuth } from "../keymat.ts";
import type { AuthPayload } from "../message/payloads/auth.ts";
import type { AuthVerdict } from "./authenticator.ts";

export function makePsk(prf: PrfName, own: PskAuthentication, octets: Uint8Array): AuthPayload {
  return { kind: "AUTH", method: AuthMethod.SHARED_KEY_MIC, data: pskAuth(prf, own.secret, octets) };
}

export function checkPsk(
  prf: PrfName,
  own: PskAuthentication,
  octets: Uint8Array,
  auth: AuthPayload,
): AuthVerdict {
  if (constantTimeEqual(pskAuth(prf, own.secret, octets), auth.data))
    return { ok: true, how: "pre-shared key" };
  return {
    ok: false,
    lines: [
      "the peer's AUTH does not match this side's pre-shared key",
      `cause: the pre-shared keys differ (here it has ${own.secret.length} octets); cure: set the same key on both sides, without spaces or a line end`,
    ],
  };
}
