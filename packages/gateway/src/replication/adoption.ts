/**
 * From a replica to what a seat goes on with, with margins that make a stale replica harmless (README.md has the rules).
 *
 * The owner waits for acknowledgements, but not for ever: a partner that does not answer is left behind. Then the
 * replica that this partner holds is older than what the owner has used. So:
 *  - ESP: an owner without a partner uses at most SEQUENCE_MARGIN numbers above the last reservation that was
 *    acknowledged, and asks IKE for fresh keys well before; the adopter starts above that margin. Fresh keys made
 *    meanwhile are unknown to the adopter, and so never used by it.
 *  - Replay: after a hand-over in order the adopter knows every packet that was taken (handover.ts). After a death the
 *    window that was told is up to a copying interval old: packets that the owner took after that could be delivered once
 *    more if somebody repeats them to the adopter; nothing older can. And what stands in the queues of a stopped owner is
 *    delivered when it wakes, also if somebody has repeated it to the adopter meanwhile. Counting what the peer may have
 *    sent meanwhile as seen would close this and cost far more: a peer that slowed down in the outage (every TCP does)
 *    would not be heard again until its numbers had passed the guess. RFC 6311 closes it where the peer knows it.
 *  - IKE: the counter of SK initialisation vectors starts 2^40 above the reservation; nobody sends that many messages.
 */
import type { ChildSaLiveState } from "@tandem/esp";
import type { ExportedIkeSa } from "@tandem/ike";
import { SEQUENCE_BLOCK, SEQUENCE_MARGIN } from "../seat/sa-book.ts";
import type { SeatReplica } from "./replica-store.ts";

const IV_MARGIN: number = 2 ** 40;

export interface AdoptedState {
  readonly ikeSas: readonly ExportedIkeSa[];
  readonly live: ReadonlyMap<string, ChildSaLiveState>;
}

export function adoptedState(replica: SeatReplica): AdoptedState {
  const live = new Map<string, ChildSaLiveState>();
  const ikeSas = [...replica.ikeSas.values()].map((ikeSa) => ({
    ...ikeSa,
    ivReservedUpTo: ikeSa.ivReservedUpTo + IV_MARGIN,
  }));
  for (const ikeSa of ikeSas) {
    for (const { childSa } of ikeSa.children) {
      const known = replica.live.get(childSa);
      const reserved = Math.max(1 + SEQUENCE_BLOCK, replica.reserved.get(childSa) ?? 0);
      live.set(childSa, {
        id: childSa,
        reservedUpTo: reserved + SEQUENCE_MARGIN,
        replay: known?.replay ?? { top: 0, bitmap: new Uint8Array(0) },
        bytesIn: known?.bytesIn ?? 0,
        bytesOut: known?.bytesOut ?? 0,
        packetsIn: known?.packetsIn ?? 0,
        packetsOut: known?.packetsOut ?? 0,
      });
    }
  }
  return { ikeSas, live };
}
