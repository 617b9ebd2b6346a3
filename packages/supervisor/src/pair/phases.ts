/**
 * The imitated waits of `azure`. Each is a real wait with a name, and every event of it is labelled simulated; the work
 * (addresses, IKE, BGP) is done for real at the end and takes what it takes on top.
 */
import type { Duration } from "@tandem/sansio";

export interface Phase {
  readonly name: "detection" | "claim" | "address" | "restart";
  readonly duration: Duration;
  /** `true` where the cloud publishes no figure. */
  readonly ourChoice?: boolean;
}

/** The waits end this far into the documented range, so that the real work still fits into it. */
const INTO_RANGE = 0.05;

const total = ([shortest, longest]: readonly [Duration, Duration]): Duration =>
  shortest + (longest - shortest) * INTO_RANGE;

/** Active-standby, documented: 60 to 90 s (2016) or 1 to 3 minutes (2024). */
export function unplannedPhases(range: readonly [Duration, Duration]): Phase[] {
  const all = total(range);
  return [
    { name: "detection", duration: all * 0.5 },
    { name: "claim", duration: all * 0.15 },
    { name: "address", duration: all * 0.15 },
    { name: "restart", duration: all * 0.2 },
  ];
}

/** Active-standby, documented: 10 to 15 s. Nothing has to be detected. */
export function plannedPhases(range: readonly [Duration, Duration]): Phase[] {
  const all = total(range);
  return [
    { name: "claim", duration: all * 0.25 },
    { name: "address", duration: all * 0.25 },
    { name: "restart", duration: all * 0.5 },
  ];
}

export const describePhase = (phase: Phase): string =>
  `${phase.name}: ${(phase.duration / 1000).toFixed(1)} s, simulated${phase.ourChoice === true ? " (our choice, the cloud publishes none)" : ""}`;
