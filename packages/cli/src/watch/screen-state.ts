/** What the live screen shows, gathered; rendering is in screen.ts. */
import type { LabStatus, TandemEvent } from "@tandem/contract";
import { type FlowState, monotonicMicroseconds } from "@tandem/lab";
import type { TunnelRate } from "./traffic-meter.ts";

export interface ScreenState {
  readonly lab: string;
  readonly status: LabStatus;
  readonly rates: ReadonlyMap<string, TunnelRate>;
  readonly flows: readonly FlowState[];
  readonly events: readonly TandemEvent[];
  /** Instances and devices that keys act on, and the chosen one. */
  readonly targets: readonly string[];
  readonly selected: number;
  /** What the last key did. */
  readonly notice: string;
  readonly takeDown: boolean;
}

export interface DirectionTotals {
  readonly direction: string;
  readonly flows: number;
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  readonly tcpAlive: string;
  readonly delayMilliseconds: number;
}

/**
 * The status with what the probe traffic says: a lab whose flows are silent is not ready, whatever its processes believe.
 * `rate`: packets per second of each flow.
 */
export function withTraffic(
  status: LabStatus,
  flows: readonly FlowState[],
  rate: number,
  now: number = monotonicMicroseconds(),
): LabStatus {
  const silences = flows.flatMap(({ alive, protocol, sent, received }) => {
    if (protocol === "tcp" && !alive) return []; // it is shown as dead
    const silence = received === undefined ? (sent / rate) * 1e6 : now - received.lastMicroseconds;
    return silence > OVERDUE_MICROSECONDS && sent > (received?.highest ?? 0) ? [silence] : [];
  });
  if (silences.length === 0) return status;
  const seconds = (Math.max(...silences) / 1e6).toFixed(1);
  return {
    ...status,
    ready: false,
    state: silences.length === flows.length ? "down" : status.state === "ready" ? "degraded" : status.state,
    reasons: [
      `probe traffic: nothing comes from ${silences.length} of ${flows.length} flows, for up to ${seconds} s`,
      ...status.reasons,
    ],
  };
}

/** After so long without a packet what was sent is lost, not under way. */
const OVERDUE_MICROSECONDS = 1_000_000;

/**
 * Packets sent in the last moments are under way: loss is counted up to the highest number that came. A flow that has
 * fallen silent has lost all that was sent since: an outage that goes on shows while it goes on. `now` in µs of CLOCK_MONOTONIC.
 */
export function totalsByDirection(
  flows: readonly FlowState[],
  now: number = monotonicMicroseconds(),
): DirectionTotals[] {
  const overdue = ({ sent, received }: FlowState): number =>
    received !== undefined && now - received.lastMicroseconds > OVERDUE_MICROSECONDS
      ? Math.max(0, sent - received.highest)
      : 0;
  const groups = Map.groupBy(flows, ({ from, to, destination }) => `${from} -> ${to} (${destination})`);
  return [...groups].map(([direction, group]) => {
    const tcp = group.filter(({ protocol }) => protocol === "tcp");
    const received = group.flatMap(({ received: report }) => (report === undefined ? [] : [report]));
    // A TCP flow's delay counts its repetitions too.
    const delays = group
      .filter(({ protocol }) => protocol === "udp")
      .flatMap(({ received: report }) => report ?? [])
      .filter((report) => report.received > 0)
      .map((report) => report.delayMicroseconds.recent);
    return {
      direction,
      flows: group.length,
      // The receiver is asked a moment after the sender.
      sent: group.reduce((sum, { sent, received: report }) => sum + Math.max(sent, report?.highest ?? 0), 0),
      received: received.reduce((sum, report) => sum + report.received, 0),
      lost: group.reduce((sum, flow) => sum + (flow.received?.lost ?? 0) + overdue(flow), 0),
      tcpAlive: `${tcp.filter(({ alive }) => alive).length}/${tcp.length}`,
      delayMilliseconds:
        delays.length === 0 ? 0 : delays.reduce((sum, delay) => sum + delay, 0) / delays.length / 1000,
    };
  });
}
