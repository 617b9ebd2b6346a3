/** Is the peer alive (RFC 7296 §2.4)? An empty INFORMATIONAL; any answer will do, silence ends the IKE SA. */
import { ExchangeType, NotifyType } from "../iana.ts";
import { u32 } from "../message/octets.ts";
import { notify } from "../message/payloads/notify.ts";
import { DONE, exchange, type Outcome, type Procedure } from "./task.ts";

export function* checkLiveness(): Procedure<Outcome> {
  yield* exchange(ExchangeType.INFORMATIONAL, []);
  return DONE;
}

/** RFC 7296 §1.5: the SPI of the invalid packet is the notification's data. */
export function* reportInvalidSpi(spi: number): Procedure<Outcome> {
  yield* exchange(ExchangeType.INFORMATIONAL, [notify(NotifyType.INVALID_SPI, u32(spi))]);
  return DONE;
}
