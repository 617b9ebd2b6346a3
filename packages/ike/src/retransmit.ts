/** The backoff schedule of requests (RFC 7296 §2.4): waits in milliseconds, as a table made once per endpoint. */
import type { Duration } from "@tandem/sansio";
import type { IkeLimits } from "./config.ts";
import { RETRANSMIT_CAP, RETRANSMIT_FACTOR, RETRANSMIT_FIRST, RETRANSMIT_TRIES } from "./constants.ts";

/** Wait after the n-th sending; when the last has passed without an answer the peer counts as dead. */
export type RetransmitSchedule = readonly Duration[];

export function retransmitSchedule(limits: IkeLimits = {}): RetransmitSchedule {
  const tries = limits.retransmitTries ?? RETRANSMIT_TRIES;
  const waits: Duration[] = [];
  let wait = limits.retransmitFirst ?? RETRANSMIT_FIRST;
  for (let i = 0; i < tries; i++) {
    waits.push(Math.round(wait));
    wait = Math.min(wait * RETRANSMIT_FACTOR, RETRANSMIT_CAP);
  }
  return waits;
}
