/** Which procedure answers a request, by exchange type and state. */
import { ExchangeType, exchangeTypeName, NotifyType } from "../iana.ts";
import type { IkeSa } from "../ike-sa.ts";
import { find, type IkeMessage, unknownCritical } from "../message/message.ts";
import type { Payload } from "../message/payload.ts";
import { notify } from "../message/payloads/notify.ts";
import { illegalContents } from "../message/rules.ts";
import { respondCreateChildSa } from "./create-child-sa.ts";
import { respondIkeAuth } from "./ike-auth.ts";
import { respondIkeSaInit } from "./ike-sa-init.ts";
import { respondInformational } from "./informational.ts";
import { respondRekeyIkeSa } from "./rekey-ike-sa.ts";
import type { Procedure } from "./task.ts";

export interface Response {
  readonly payloads: readonly Payload[];
  /** The responder's SPI in the header stays zero: no state was made (RFC 7296 §2.6). */
  readonly withoutSpi?: boolean;
  /** RFC 6311: neither cached nor counted. */
  readonly outsideWindow?: boolean;
  /** What happens once the response is on its way. */
  readonly after?: () => void;
}

/** The response, or undefined when the request gets none. */
export function* respond(sa: IkeSa, message: IkeMessage): Procedure<Response | undefined> {
  const { exchangeType } = message.header;
  const init = exchangeType === ExchangeType.IKE_SA_INIT;
  const critical = unknownCritical(message.payloads);
  if (critical !== undefined) {
    sa.note("failed", [
      `payload type ${critical} is unknown and critical: refusing the request (RFC 7296 §2.5)`,
    ]);
    return {
      payloads: [notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, Uint8Array.of(critical))],
      ...(init
        ? { withoutSpi: true, after: () => sa.forget("protocol-error", "unknown critical payload") }
        : {}),
    };
  }
  const illegal = illegalContents(exchangeType, false, message.payloads);
  if (illegal !== undefined)
    return invalidSyntax(sa, init, `${exchangeTypeName(exchangeType)} request: ${illegal}`);
  const expected = sa.state === "half-open" ? (sa.channel === undefined ? [34] : [35]) : [36, 37];
  if (!expected.includes(exchangeType)) {
    sa.note("note", [
      `a request of type ${exchangeTypeName(exchangeType)} does not belong in this state: ignored`,
    ]);
    return undefined;
  }
  switch (exchangeType) {
    case ExchangeType.IKE_SA_INIT:
      return yield* respondIkeSaInit(sa, message);
    case ExchangeType.IKE_AUTH:
      return yield* respondIkeAuth(sa, message);
    case ExchangeType.INFORMATIONAL:
      return respondInformational(sa, message);
    default:
      return find(message, "SA")!.proposals[0]?.protocol === 1
        ? yield* respondRekeyIkeSa(sa, message)
        : yield* respondCreateChildSa(sa, message);
  }
}

/** INVALID_SYNTAX ends the IKE SA on both sides (RFC 7296 §2.21.3). */
export function invalidSyntax(sa: IkeSa, init: boolean, reason: string): Response {
  sa.note("failed", [`malformed: ${reason}`, "answering INVALID_SYNTAX"]);
  return {
    payloads: [notify(NotifyType.INVALID_SYNTAX)],
    withoutSpi: init,
    after: () =>
      init
        ? sa.forget("protocol-error", reason)
        : sa.close("protocol-error", `malformed request from the peer: ${reason}`),
  };
}
