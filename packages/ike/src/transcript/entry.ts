/**
 * One line (or a few) of a tunnel's transcript, as data: what went over the wire and what was made of it.
 * `lines` holds text ready to print; nothing in it is secret.
 */
import type { Instant } from "@tandem/sansio";

export interface TranscriptEntry {
  readonly at: Instant;
  /** "sent" and "received" are messages, "decision" is what this side made of them. */
  readonly kind: "sent" | "received" | "decision";
  /** A decision may be good or bad news; messages are neutral. */
  readonly outcome?: "ok" | "failed" | "note";
  readonly ikeSa?: string;
  readonly exchange?: string;
  readonly messageId?: number;
  /** First line: RFC 7296's notation, or the decision in one sentence. The others: detail, cause, cure. */
  readonly lines: readonly string[];
}
