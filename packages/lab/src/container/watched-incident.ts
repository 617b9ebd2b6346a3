/**
 * A failure of the lab that runs, under probe traffic, in figures: one that is asked for (planned, unplanned), or whatever
 * is done from outside while this watches: `docker kill`, `docker pause`.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { TandemEvent } from "@tandem/contract";
import { followEvents } from "../control/follow-events.ts";
import { labProcesses } from "../control/lab-processes.ts";
import { supervisorOf } from "../control/supervisor.ts";
import { Incident, type IncidentReport } from "../drill/incident.ts";
import { defaultTarget } from "../drill/run-event.ts";
import { LabError } from "../lab-error.ts";
import { readPlan } from "../lab-record.ts";
import { monotonicMicroseconds } from "../probe/datagram.ts";
import { ProbeSession } from "../probe/probe-session.ts";
import type { StateFolder } from "../state-folder.ts";

export type WatchedEvent = "planned" | "unplanned" | "watch";

export interface WatchOptions {
  readonly event: WatchedEvent;
  /** An instance; default: the owner of the first seat. */
  readonly target?: string;
  readonly udpFlows: number;
  /** `watch`: how long to wait for something to happen. */
  readonly waitMilliseconds: number;
  readonly say: (text: string) => void;
}

const RATE = 50;
const TCP_FLOWS = 4;
const FLOWING_MILLISECONDS = 30_000;
const SETTLE_MILLISECONDS = 120_000;
/** A flow that is silent for so long has been interrupted. */
const SILENT_MICROSECONDS = 500_000;
const LOOK_MILLISECONDS = 100;
/** After traffic has stopped: time for the supervisor to notice and to name what failed. */
const NAMED_MILLISECONDS = 3_000;
/** Any of these says that something has failed. */
const FAILURES = ["instance.down", "failover.detected", "tunnel.down", "fabric.port"];

export async function watchIncident(folder: StateFolder, options: WatchOptions): Promise<IncidentReport> {
  const probes = await ProbeSession.start(folder, {
    udpFlows: options.udpFlows,
    tcpFlows: TCP_FLOWS,
    rate: RATE,
    size: 200,
  });
  try {
    if (!(await within(FLOWING_MILLISECONDS, async () => (await silent(probes)) === 0)))
      throw new LabError(`${await silent(probes)} of ${probes.flowCount} probe flows do not arrive`);
    await delay(1_000);
    const incident = await Incident.begin(folder, probes, RATE);
    const failures: TandemEvent[] = [];
    const unfollow = followEvents(labProcesses(folder), (event) => {
      incident.note(event);
      if (FAILURES.includes(event.event)) failures.push(event);
    });
    try {
      const node = options.target ?? defaultTarget(folder);
      const subject =
        options.event === "watch"
          ? await somethingHappens(probes, failures, options)
          : await ask(folder, options.event, node);
      options.say(subject.what);
      return await incident.settle(readPlan(folder).topology, subject, 3_000, SETTLE_MILLISECONDS);
    } finally {
      unfollow();
    }
  } finally {
    await probes.stop();
  }
}

async function ask(folder: StateFolder, event: "planned" | "unplanned", node: string) {
  await supervisorOf(folder).call("failover", { planned: event === "planned", target: node });
  return { what: `${event} failover of ${node}`, node };
}

async function somethingHappens(
  probes: ProbeSession,
  failures: readonly TandemEvent[],
  { waitMilliseconds, say }: WatchOptions,
) {
  say(`${probes.flowCount} probe flows; docker kill or docker pause something now`);
  const seen = await within(waitMilliseconds, async () => failures.length > 0 || (await silent(probes)) > 0);
  if (!seen) throw new LabError(`nothing has failed within ${waitMilliseconds / 1000} s`);
  // Traffic stops before anybody can say why.
  await within(NAMED_MILLISECONDS, async () => failures.length > 0);
  const first = failures[0];
  const node = first !== undefined && "instance" in first ? String(first.instance) : "";
  return { what: first === undefined ? "traffic stopped" : `${first.event} ${node}`.trim(), node };
}

async function silent(probes: ProbeSession): Promise<number> {
  const now = monotonicMicroseconds();
  return (await probes.report()).filter(
    ({ received }) => received === undefined || now - received.lastMicroseconds > SILENT_MICROSECONDS,
  ).length;
}

async function within(milliseconds: number, holds: () => Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  while (!(await holds())) {
    if (performance.now() > deadline) return false;
    await delay(LOOK_MILLISECONDS);
  }
  return true;
}
