/** Making and checking AUTH: one authenticator per method (RFC 7296 §2.15). */
import type { IkeConnection } from "../config.ts";
import { AuthMethod, authMethodName } from "../iana.ts";
import type { WireIdentity } from "../identity.ts";
import type { IkeSa } from "../ike-sa.ts";
import { authOctets } from "../keymat.ts";
import { find, type IkeMessage } from "../message/message.ts";
import type { Payload } from "../message/payload.ts";
import type { Procedure } from "../tasks/task.ts";
import { checkPsk, makePsk } from "./psk.ts";
import { checkSignature, makeSignature } from "./signature.ts";

export type MadeAuth =
  /** CERT payloads (leaf first) and AUTH, in the order of RFC 7296 §1.2. */
  | { readonly ok: true; readonly certificates: readonly Payload[]; readonly auth: Payload }
  | { readonly ok: false; readonly reason: string };

/** `lines` are for our transcript only: the peer learns nothing but AUTHENTICATION_FAILED. */
export type AuthVerdict =
  | { readonly ok: true; readonly how: string }
  | { readonly ok: false; readonly lines: readonly string[] };

/** What `side` signs: its own SA_INIT message, the other's nonce, its own ID. */
export function signedOctets(sa: IkeSa, side: "initiator" | "responder", id: WireIdentity): Uint8Array {
  const { realMessage1, realMessage2, nonces } = sa.handshake!;
  const { suite, keys } = sa.channel!;
  return side === "initiator"
    ? authOctets(suite.prf, keys.pi, realMessage1, nonces!.responder, id)
    : authOctets(suite.prf, keys.pr, realMessage2, nonces!.initiator, id);
}

export function* makeAuth(sa: IkeSa, connection: IkeConnection, id: WireIdentity): Procedure<MadeAuth> {
  const octets = signedOctets(sa, sa.initiator ? "initiator" : "responder", id);
  const { authentication } = connection;
  if (authentication.method === "psk")
    return { ok: true, certificates: [], auth: makePsk(sa.channel!.suite.prf, authentication, octets) };
  return yield* makeSignature(sa, authentication, octets);
}

export function* checkAuth(
  sa: IkeSa,
  connection: IkeConnection,
  message: IkeMessage,
  id: WireIdentity,
): Procedure<AuthVerdict> {
  const auth = find(message, "AUTH");
  if (auth === undefined)
    return {
      ok: false,
      lines: [
        "the peer sent no AUTH payload: it wants EAP, which this gateway does not do",
        "cure: set the peer to authenticate with a pre-shared key or a certificate",
      ],
    };
  const octets = signedOctets(sa, sa.initiator ? "responder" : "initiator", id);
  const { authentication } = connection;
  const psk = auth.method === AuthMethod.SHARED_KEY_MIC;
  if (psk !== (authentication.method === "psk"))
    return {
      ok: false,
      lines: [
        `the peer authenticates with ${authMethodName(auth.method)}, this connection is configured for ${authentication.method === "psk" ? "a pre-shared key" : "certificates"}`,
        "cure: use the same authentication method on both sides",
      ],
    };
  if (authentication.method === "psk") return checkPsk(sa.channel!.suite.prf, authentication, octets, auth);
  return yield* checkSignature(sa, authentication, message, id, octets, auth);
}
