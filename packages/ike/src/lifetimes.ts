/**
 * When to rekey and when to give up (RFC 7296 §2.8: lifetimes are each side's own business). The soft limit lies at
 * 80 to 88 % of the hard one for whoever made the SA, at 88 to 95 % for the other side, so that two equal
 * configurations seldom rekey at the same moment.
 */
import type { Duration, Instant, Random } from "@tandem/sansio";

export interface Deadlines {
  readonly rekeyAt: Instant;
  readonly expiresAt: Instant;
}

export function deadlines(life: Duration, initiator: boolean, random: Random, now: Instant): Deadlines {
  const permille = initiator ? 800 + random.below(80) : 880 + random.below(70);
  return { rekeyAt: now + (life * permille) / 1000, expiresAt: now + life };
}
