/** One run: a fresh lab, probe flows both ways, one event, figures, and the lab is gone. */
import { setTimeout as delay } from "node:timers/promises";
import type { TandemEvent } from "@tandem/contract";
import { bringUp } from "../../bring-up.ts";
import { followEvents } from "../../control/follow-events.ts";
import { labProcesses } from "../../control/lab-processes.ts";
import { supervisorOf } from "../../control/supervisor.ts";
import { Incident, type IncidentReport } from "../../drill/incident.ts";
import { LabError } from "../../lab-error.ts";
import { readPlan } from "../../lab-record.ts";
import { cutLinks } from "../../netns/cut-link.ts";
import { monotonicMicroseconds } from "../../probe/datagram.ts";
import { ProbeSession } from "../../probe/probe-session.ts";
import { signalNode } from "../../process/process-control.ts";
import { type StateFolder, stateFolder } from "../../state-folder.ts";
import { labStatus } from "../../status/lab-status.ts";
import { tearDown } from "../../tear-down.ts";
import { type Others, others, placeFlows } from "./placement.ts";
import { RouteWatch } from "./route-watch.ts";
import type { Scenario } from "./scenarios.ts";
import { labOf } from "./variant.ts";

/** 64 UDP flows each way at 100 packets a second, and 4 TCP flows (issue's figures; RFC 7747 calls it the offered load). */
export const LOAD = { udpFlows: 64, tcpFlows: 4, rate: 100, size: 100 } as const;
const UP_MILLISECONDS = 60_000;
const FLOWING_MILLISECONDS = 30_000;
/** Before the event, so that every flow has a history and the counters of flows per tunnel are filled. */
const WARM_MILLISECONDS = 2_000;
const FRESH_MICROSECONDS = 500_000;
/** From the SIGSTOP to the SIGCONT, and how long the woken one is watched: a seat that goes home does so in that time. */
const ASLEEP_MILLISECONDS = 60_000;
const AWAKE_MILLISECONDS = 12_000;
const READY_MILLISECONDS = 30_000;

export interface ScenarioRun {
  readonly upMilliseconds: number;
  /** Absent: nothing was done to the lab. */
  readonly report?: IncidentReport;
  /** From the wake-up on. */
  readonly woken?: { readonly report: IncidentReport; readonly reasons: readonly string[] };
  readonly others?: Others;
  readonly routes?: { readonly looks: number; readonly gone: number };
}

export async function runScenario(
  scenario: Scenario,
  name: string,
  step: (text: string) => void,
): Promise<ScenarioRun> {
  const folder = stateFolder(name);
  const up = await bringUp(folder, labOf(scenario, folder.root, name), {
    waitMilliseconds: UP_MILLISECONDS,
    mayInstall: process.env.CI === "true",
  });
  try {
    if (scenario.event === "up") {
      if (up.status?.ready !== true) throw new LabError("the lab is not ready");
      return { upMilliseconds: up.milliseconds };
    }
    const probes = await ProbeSession.start(folder, LOAD);
    try {
      return { upMilliseconds: up.milliseconds, ...(await measure(folder, probes, scenario, step)) };
    } finally {
      await probes.stop();
    }
  } finally {
    await tearDown(folder);
  }
}

async function measure(
  folder: StateFolder,
  probes: ProbeSession,
  scenario: Scenario,
  step: (text: string) => void,
): Promise<Omit<ScenarioRun, "upMilliseconds">> {
  await untilFlowing(probes);
  await delay(WARM_MILLISECONDS);
  const { event, node, goal, topology } = scenario;
  const held = new Set(readPlan(folder).seats.flatMap((seat) => (seat.owner === node ? [seat.name] : [])));
  const before = goal.othersUntouched === true ? await placeFlows(folder, await probes.report()) : undefined;
  const watch = goal.routesKept === true ? new RouteWatch(folder) : undefined;
  let note: (one: TandemEvent) => void = () => {};
  const unfollow = followEvents(labProcesses(folder), (one) => note(one));
  try {
    const incident = await Incident.begin(folder, probes, LOAD.rate);
    note = (one) => incident.note(one);
    const what = `${event} ${node}`;
    step(what);
    const began = performance.now();
    const acting = act(folder, scenario);
    const report = await incident.settle(topology, { what, node }, ...patience(scenario));
    await acting;
    const routes = await watch?.stop();
    const lost = new Map(report.outages.map((one) => [one.flow, one.lost]));
    const aside =
      before === undefined
        ? undefined
        : others(before, await placeFlows(folder, await probes.report()), held, lost);
    const woken =
      event === "sigstop-wake"
        ? await wake(folder, probes, scenario, began, step, (to) => {
            note = to;
          })
        : undefined;
    return {
      report,
      ...(aside === undefined ? {} : { others: aside }),
      ...(routes === undefined ? {} : { routes }),
      ...(woken === undefined ? {} : { woken }),
    };
  } finally {
    unfollow();
    await watch?.stop();
  }
}

/** How long to look at least, and to wait for the flows at most. */
function patience({ event, profile }: Scenario): [number, number] {
  // A seat that is handed over in hitless goes home again a few seconds later.
  const planned = profile === "hitless" ? 8_000 : 4_000;
  const least = event === "planned" || event === "drain" ? planned : 1_000;
  return [least, profile === "azure" ? 180_000 : 90_000];
}

async function wake(
  folder: StateFolder,
  probes: ProbeSession,
  { node, topology }: Scenario,
  stoppedAt: number,
  step: (text: string) => void,
  follow: (note: (one: TandemEvent) => void) => void,
): Promise<NonNullable<ScenarioRun["woken"]>> {
  await delay(Math.max(0, stoppedAt + ASLEEP_MILLISECONDS - performance.now()));
  const incident = await Incident.begin(folder, probes, LOAD.rate);
  follow((one) => incident.note(one));
  const what = `sigcont ${node}`;
  step(what);
  signalNode(folder, node, "SIGCONT");
  const report = await incident.settle(topology, { what, node }, AWAKE_MILLISECONDS, AWAKE_MILLISECONDS);
  const deadline = performance.now() + READY_MILLISECONDS;
  let status = await labStatus(folder);
  while (!status.ready && performance.now() < deadline) {
    await delay(250);
    status = await labStatus(folder);
  }
  return { report, reasons: status.reasons };
}

async function act(folder: StateFolder, { event, node }: Scenario): Promise<void> {
  switch (event) {
    case "up":
      return;
    case "sigkill":
      signalNode(folder, node, "SIGKILL");
      return;
    case "sigstop":
    case "sigstop-wake":
      signalNode(folder, node, "SIGSTOP");
      return;
    case "cut":
      await cutLinks(folder, "outside", node);
      return;
    case "drain":
      await supervisorOf(folder).call("drain", { target: node, off: false });
      return;
    case "planned":
    case "unplanned":
      await supervisorOf(folder).call("failover", {
        planned: event === "planned",
        target: node,
        force: false,
      });
      return;
    default:
      event satisfies never;
  }
}

async function untilFlowing(probes: ProbeSession): Promise<void> {
  const deadline = performance.now() + FLOWING_MILLISECONDS;
  for (;;) {
    const now = monotonicMicroseconds(); // a report may take its time on a busy machine
    const flows = await probes.report();
    const silent = flows.filter(
      ({ received }) => received === undefined || now - received.lastMicroseconds > FRESH_MICROSECONDS,
    );
    if (silent.length === 0) return;
    if (performance.now() > deadline) {
      const names = silent.slice(0, 4).map((f) => `${f.protocol} ${f.from} to ${f.to} port ${f.sourcePort}`);
      throw new LabError(
        `${silent.length} of ${flows.length} probe flows never arrived: ${names.join(", ")}, ...`,
      );
    }
    await delay(50);
  }
}
