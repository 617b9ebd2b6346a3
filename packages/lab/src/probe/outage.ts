/** Statistics of outages over flows, runs and directions. */
import type { FlowState } from "./probe-session.ts";

export interface Outage {
  readonly flow: number;
  readonly from: string;
  readonly to: string;
  readonly protocol: "udp" | "tcp";
  readonly lost: number;
  /** Lost packets divided by the sending rate (RFC 7747 §5.4, loss-derived). */
  readonly lossDerivedMilliseconds: number;
  /** The longest time between two arrivals around a loss (timestamp-derived), or without any arrival for over 250 ms. */
  readonly timestampDerivedMilliseconds: number;
}

/**
 * `since` is in µs of CLOCK_MONOTONIC: gaps and silences that ended before it belong to an earlier event.
 * A flow from which nothing has come since the event is out until `now`.
 */
export function outageOf(flow: FlowState, rate: number, since: number, now: number): Outage {
  const { received } = flow;
  const gaps = (received?.gaps ?? []).filter(({ toMicroseconds }) => toMicroseconds > since);
  const silences = (received?.silences ?? []).filter(({ toMicroseconds }) => toMicroseconds > since);
  const tail = received === undefined ? flow.sent : flow.sent - received.highest;
  const silentFor = now - (received?.lastMicroseconds ?? since);
  // What was sent in the last moments may still be under way.
  const silent = silentFor > SILENT_MICROSECONDS && tail > 0;
  const lost = gaps.reduce((sum, gap) => sum + gap.lost, 0) + (silent ? tail : 0);
  const longest = Math.max(
    0,
    ...[...gaps, ...silences].map(
      ({ fromMicroseconds, toMicroseconds }) => toMicroseconds - fromMicroseconds,
    ),
    ...(silent ? [silentFor] : []),
  );
  return {
    flow: flow.id,
    from: flow.from,
    to: flow.to,
    protocol: flow.protocol,
    lost,
    lossDerivedMilliseconds: (lost / rate) * 1000,
    timestampDerivedMilliseconds: longest / 1000,
  };
}

const SILENT_MICROSECONDS = 250_000;

/** Nearest-rank percentile; 0 for no values. */
export function percentile(values: readonly number[], rank: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((rank / 100) * sorted.length) - 1)] ?? 0;
}
