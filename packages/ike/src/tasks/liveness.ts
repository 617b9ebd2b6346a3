/** Is the peer alive (RFC 7296 §2.4)? An empty INFORMATIONAL; any answer will do, silence ends the IKE SA. */
import { ExchangeType } from "../iana.ts";
import { DONE, exchange, type Outcome, type Procedure } from "./task.ts";

export function* checkLiveness(): Procedure<Outcome> {
  yield* exchange(ExchangeType.INFORMATIONAL, []);
  return DONE;
}
