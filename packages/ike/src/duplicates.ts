/**
 * Several IKE SAs of one tunnel: which one stays. A reauthentication's initiator deletes the predecessor at once. Everything
 * else is settled after a while, when both sides see the same IKE SAs, by a rule that gives both the same answer.
 */
import { CROSSING_WINDOW } from "./constants.ts";
import type { IkeSa } from "./ike-sa.ts";

/** What to do with `other` now that `made` is established. */
export type DuplicateRuling = "delete-other" | "drop-other" | "settle-later";

export function ruleOnDuplicate(made: IkeSa, other: IkeSa, initialContact: boolean): DuplicateRuling {
  if (made.predecessor === other) return "delete-other";
  // The peer says that it knows no other (RFC 7296 §2.4): nobody is left to answer a DELETE.
  if (initialContact && !mayCross(made, other)) return "drop-other";
  return "settle-later";
}

/**
 * The peer may have said that it knows no other before it knew of `other`. Not when `other` stood before `made` began: the peer
 * speaks after our answer to its first message. Nor when it began `other` itself.
 */
function mayCross(made: IkeSa, other: IkeSa): boolean {
  return other.initiator !== made.initiator && (other.establishedAt ?? 0) > made.createdAt;
}

/** Of IKE SAs made at about the same time the one with the highest initiator's SPI stays, else the newest. */
export function survivor(sas: readonly IkeSa[]): IkeSa {
  return sas.reduce((best, sa) => {
    if (madeTogether(best, sa)) return sa.initiatorSpi > best.initiatorSpi ? sa : best;
    return (sa.establishedAt ?? 0) > (best.establishedAt ?? 0) ? sa : best;
  });
}

/** Both ends dialled at once. Of two that the same end began, the older is a leftover of a life before. */
function madeTogether(a: IkeSa, b: IkeSa): boolean {
  if (a.initiator === b.initiator) return false;
  return Math.abs((a.establishedAt ?? 0) - (b.establishedAt ?? 0)) < CROSSING_WINDOW;
}
