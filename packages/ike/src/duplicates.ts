/**
 * Two IKE SAs of one tunnel: which one goes. A reauthentication's or a restarted peer's new SA replaces the old one;
 * two that both sides began at the same moment are settled the same way on both sides, by their SPIs.
 */

import { CROSSING_WINDOW } from "./constants.ts";
import type { IkeSa } from "./ike-sa.ts";

/** What to do with `other` now that `made` is established. */
export type DuplicateRuling = "delete-other" | "delete-made" | "peer-deletes" | "drop-other";

export function ruleOnDuplicate(made: IkeSa, other: IkeSa, initialContact: boolean): DuplicateRuling {
  // The peer says that it knows no other (RFC 7296 §2.4): nobody is left to answer a DELETE.
  if (initialContact && other.isUp && !isCrossing(made, other)) return "drop-other";
  if (made.predecessor === other || !isCrossing(made, other)) return "delete-other";
  const loser = made.initiatorSpi < other.initiatorSpi ? made : other;
  if (!loser.initiator) return "peer-deletes";
  return loser === made ? "delete-made" : "delete-other";
}

function isCrossing(made: IkeSa, other: IkeSa): boolean {
  return (
    made.initiator !== other.initiator &&
    made.predecessor === undefined &&
    other.predecessor === undefined &&
    other.establishedAt !== undefined &&
    made.now - other.establishedAt < CROSSING_WINDOW
  );
}
