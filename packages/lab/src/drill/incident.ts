/**
 * One event done to a lab under probe traffic, from just before to when traffic is back, in figures:
 *
 *      begin() ── the caller kills, pauses, drains ... ── settle() waits for the flows ── report
 */
import { setTimeout as delay } from "node:timers/promises";
import { type LabStatus, ProcessStatus, type TandemEvent, type TunnelStatus } from "@tandem/contract";
import { askAll, labProcesses } from "../control/lab-processes.ts";
import { monotonicMicroseconds } from "../probe/datagram.ts";
import { type Outage, outageOf, percentile } from "../probe/outage.ts";
import type { FlowState, ProbeSession } from "../probe/probe-session.ts";
import type { StateFolder } from "../state-folder.ts";
import { labStatus } from "../status/lab-status.ts";

export interface IncidentReport {
  readonly lab: string;
  readonly topology: string;
  readonly profile: string;
  /** `SIGKILL gw/IN_0` and the like. */
  readonly what: string;
  readonly node: string;
  /** Wall clock of the event, ms since the Unix epoch. */
  readonly at: number;
  /** Until every flow that came back had come back, or the wait was given up. */
  readonly settledMilliseconds: number;
  readonly directions: readonly DirectionReport[];
  /** `moved`: seen in the last 10 seconds on a tunnel that the event concerns, in either direction. */
  readonly flows: { readonly total: number; readonly moved: number; readonly interrupted: number };
  readonly tcp: { readonly total: number; readonly alive: number };
  readonly lost: number;
  readonly worstMilliseconds: number;
  /** Whether traffic flows again everywhere. */
  readonly recovered: boolean;
  readonly tunnels: readonly TunnelShare[];
  readonly outages: readonly Outage[];
  readonly events: readonly TandemEvent[];
}

export interface DirectionReport {
  readonly direction: string;
  readonly flows: number;
  readonly lost: number;
  readonly lossDerived: Percentiles;
  readonly timestampDerived: Percentiles;
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface TunnelShare {
  readonly tunnel: string;
  readonly before: number;
  readonly after: number;
}

export interface IncidentSubject {
  readonly what: string;
  readonly node: string;
}

/** A flow counts as back when a packet came within this time. */
const ALIVE_MICROSECONDS = 200_000;
const POLL_MILLISECONDS = 25;
const DEVICE_MILLISECONDS = 500;
/** After the last flow is back: what was duplicated or reordered still comes in. */
const AFTERMATH_MILLISECONDS = 400;

export class Incident {
  readonly #folder: StateFolder;
  readonly #probes: ProbeSession;
  readonly #rate: number;
  readonly #before: LabStatus;
  /** The same tunnels as the devices see them: they choose the way of what goes to the VNet. */
  readonly #farEnds: readonly TunnelStatus[];
  readonly #since: number;
  readonly #at: number;
  readonly #events: TandemEvent[] = [];

  private constructor(
    folder: StateFolder,
    probes: ProbeSession,
    rate: number,
    before: LabStatus,
    farEnds: readonly TunnelStatus[],
  ) {
    this.#folder = folder;
    this.#probes = probes;
    this.#rate = rate;
    this.#before = before;
    this.#farEnds = farEnds;
    this.#since = monotonicMicroseconds();
    this.#at = performance.timeOrigin + performance.now();
  }

  /** `rate`: packets per second of each flow. The event must follow at once. */
  static async begin(folder: StateFolder, probes: ProbeSession, rate: number): Promise<Incident> {
    const [before, farEnds] = await Promise.all([labStatus(folder), tunnelsOfDevices(folder)]);
    return new Incident(folder, probes, rate, before, farEnds);
  }

  /** To be given every event of the lab's processes from now on. */
  note(event: TandemEvent): void {
    if (event.at >= this.#at - 1) this.#events.push(event);
  }

  /** Waits until every flow is back (at least `minimumMilliseconds`, at most `timeoutMilliseconds`), then reports. */
  async settle(
    topology: string,
    subject: IncidentSubject,
    minimumMilliseconds: number,
    timeoutMilliseconds: number,
  ): Promise<IncidentReport> {
    const began = performance.now();
    let recovered = false;
    let settled = 0;
    for (;;) {
      const flows = await this.#probes.report();
      const now = monotonicMicroseconds();
      const elapsed = performance.now() - began;
      recovered = flows.every((flow) => isFlowing(flow, now));
      settled = elapsed;
      if ((recovered && elapsed >= minimumMilliseconds) || elapsed >= timeoutMilliseconds) break;
      await delay(POLL_MILLISECONDS);
    }
    await delay(AFTERMATH_MILLISECONDS);
    const flows = await this.#probes.report();
    const now = monotonicMicroseconds(); // the status may take a second: a stopped instance does not answer
    const outages = flows.map((flow) => outageOf(flow, this.#rate, this.#since, now));
    const after = await labStatus(this.#folder);
    return this.#compile(topology, subject, flows, outages, after, recovered, settled);
  }

  #compile(
    topology: string,
    subject: IncidentSubject,
    flows: readonly FlowState[],
    outages: readonly Outage[],
    after: LabStatus,
    recovered: boolean,
    settledMilliseconds: number,
  ): IncidentReport {
    const tcp = flows.filter(({ protocol }) => protocol === "tcp");
    const seats = this.#before.seats.filter(({ owner }) => owner === subject.node).map(({ name }) => name);
    const affected = [...this.#before.tunnels, ...this.#farEnds].filter((tunnel) =>
      touches(tunnel, [subject.node, ...seats]),
    );
    const udp = outages.filter(({ protocol }) => protocol === "udp");
    return {
      lab: this.#folder.name,
      topology,
      profile: after.profile,
      what: subject.what,
      node: subject.node,
      at: this.#at,
      settledMilliseconds,
      directions: byDirection(udp),
      flows: {
        total: flows.length,
        // Both ends count a TCP flow: its data and its acknowledgements may go different ways.
        moved: Math.min(
          flows.length,
          affected.reduce((sum, tunnel) => sum + tunnel.flows, 0),
        ),
        interrupted: outages.filter((one) => one.lost > 0 || one.timestampDerivedMilliseconds > 0).length,
      },
      tcp: { total: tcp.length, alive: tcp.filter(({ alive }) => alive).length },
      lost: udp.reduce((sum, { lost }) => sum + lost, 0),
      worstMilliseconds: Math.max(
        0,
        ...udp.map(({ timestampDerivedMilliseconds }) => timestampDerivedMilliseconds),
      ),
      recovered,
      tunnels: shares(this.#before.tunnels, after.tunnels),
      outages,
      events: this.#events.toSorted((a, b) => a.at - b.at),
    };
  }
}

/** The one line that the screen shows. */
export function summarise(report: IncidentReport): string {
  const worst =
    report.worstMilliseconds < 1 ? "no outage" : `worst outage ${Math.round(report.worstMilliseconds)} ms`;
  const back = report.recovered ? "" : "; NOT ALL FLOWS ARE BACK";
  return `${report.what}: ${report.flows.moved} flows moved, ${report.flows.interrupted} of ${report.flows.total} interrupted, ${report.lost} packets lost, ${worst}, TCP alive ${report.tcp.alive}/${report.tcp.total}${back}`;
}

function isFlowing(flow: FlowState, now: number): boolean {
  if (flow.protocol === "tcp" && !flow.alive) return true; // it will not come back; the report says so
  return flow.received !== undefined && now - flow.received.lastMicroseconds < ALIVE_MICROSECONDS;
}

/** `names`: a process and the seats that it holds. */
function touches({ instance, seat, remote }: TunnelStatus, names: readonly string[]): boolean {
  return names.includes(instance) || names.includes(seat) || names.includes(remote);
}

/** Third-party devices do not say how many flows a tunnel carries. */
async function tunnelsOfDevices(folder: StateFolder): Promise<TunnelStatus[]> {
  const answers = await askAll(labProcesses(folder, ["device"]), "status", undefined, DEVICE_MILLISECONDS);
  return answers.flatMap(({ result }) => ProcessStatus.safeParse(result).data?.tunnels ?? []);
}

function shares(before: readonly TunnelStatus[], after: readonly TunnelStatus[]): TunnelShare[] {
  const name = ({ connection, seat, remote }: TunnelStatus): string => `${connection} ${seat} ${remote}`;
  const later = new Map(after.map((tunnel) => [name(tunnel), tunnel.flows]));
  return before.map((tunnel) => ({
    tunnel: name(tunnel),
    before: tunnel.flows,
    after: later.get(name(tunnel)) ?? 0,
  }));
}

function byDirection(outages: readonly Outage[]): DirectionReport[] {
  return [...Map.groupBy(outages, ({ from, to }) => `${from} -> ${to}`)].map(([direction, group]) => ({
    direction,
    flows: group.length,
    lost: group.reduce((sum, { lost }) => sum + lost, 0),
    lossDerived: percentiles(group.map((one) => one.lossDerivedMilliseconds)),
    timestampDerived: percentiles(group.map((one) => one.timestampDerivedMilliseconds)),
  }));
}

export function percentiles(values: readonly number[]): Percentiles {
  return { p50: percentile(values, 50), p99: percentile(values, 99), max: Math.max(0, ...values) };
}
