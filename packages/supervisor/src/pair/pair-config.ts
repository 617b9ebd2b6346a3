/** What the pair engine is told about one gateway. Durations in milliseconds. */
import type { Duration } from "@tandem/sansio";

export interface PairSeat {
  readonly name: string;
  readonly publicIps: readonly string[];
  readonly bgpIp: string;
  /** The instance that holds it when all is well. */
  readonly home: string;
}

export interface PairConfig {
  readonly gateway: string;
  readonly profile: "fast" | "hitless" | "azure";
  readonly instances: readonly string[];
  /** One: active-standby. Two: active-active. */
  readonly seats: readonly PairSeat[];
  /** `azure`, active-standby: connectivity is back within [shortest, longest]. */
  readonly planned: readonly [Duration, Duration];
  readonly unplanned: readonly [Duration, Duration];
  readonly restart: "auto" | "manual";
  readonly restartDelay: Duration;
  readonly failback: "auto" | "manual";
}

/** Implementation constants. */
export const TIMES = {
  /** An instance that has not been seen for so long after our start is judged dead. */
  grace: 3_000,
  /** `seat-take` or `seat-drop` without an answer is asked again. */
  retry: 2_000,
  /** Draining ends when inbound is quiet, at the latest after: */
  longestDrain: 5_000,
  /** A seat that warms up enters the VNet's spread when its tunnels stand, at the latest after: */
  longestWarmUp: 15_000,
  /** A home instance must have been up, and the seat elsewhere, for so long before the seat goes back to it. */
  failbackDelay: 3_000,
  /** `azure`, active-active: the cloud publishes no time; these are our choice, and labelled so. */
  activeActiveDetection: 2_000,
  activeActiveReboot: 30_000,
} as const;
