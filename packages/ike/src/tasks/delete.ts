/** Deleting Child SAs and the IKE SA as initiator (RFC 7296 §1.4.1, §2.25). */
import { spiText } from "../child-sa.ts";
import type { DownCause } from "../events.ts";
import { ExchangeType, ProtocolId } from "../iana.ts";
import type { IkeSa } from "../ike-sa.ts";
import { DONE, exchange, failed, type Outcome, type Procedure } from "./task.ts";

export function* deleteChildSa(
  sa: IkeSa,
  spiIn: number,
  cause: DownCause,
  reason: string,
): Procedure<Outcome> {
  const child = sa.children.bySpiIn(spiIn);
  if (child === undefined) return DONE;
  child.state = "deleting";
  yield* exchange(ExchangeType.INFORMATIONAL, [
    { kind: "D", protocol: ProtocolId.ESP, spis: [spiText(spiIn)] },
  ]);
  // Whatever the answer names, the pair is gone: the peer has no other way to say so (§2.25.1).
  sa.children.remove(child, cause, reason);
  return DONE;
}

export function* deleteIkeSa(sa: IkeSa, cause: DownCause, reason: string): Procedure<Outcome> {
  if (sa.state === "established") sa.state = "deleting";
  yield* exchange(ExchangeType.INFORMATIONAL, [{ kind: "D", protocol: ProtocolId.IKE, spis: [] }]);
  return failed(cause, reason);
}
