/** One run: a fresh lab, probe flows both ways, one event, figures, and the lab is gone. */
import { setTimeout as delay } from "node:timers/promises";
import { bringUp } from "../../bring-up.ts";
import { followEvents } from "../../control/follow-events.ts";
import { labProcesses } from "../../control/lab-processes.ts";
import { supervisorOf } from "../../control/supervisor.ts";
import { Incident, type IncidentReport } from "../../drill/incident.ts";
import { LabError } from "../../lab-error.ts";
import { locateLabFile, readLabSource } from "../../lab-source.ts";
import { cutLinks } from "../../netns/cut-link.ts";
import { monotonicMicroseconds } from "../../probe/datagram.ts";
import { ProbeSession } from "../../probe/probe-session.ts";
import { signalNode } from "../../process/process-control.ts";
import { type StateFolder, stateFolder } from "../../state-folder.ts";
import { tearDown } from "../../tear-down.ts";
import type { Scenario } from "./scenarios.ts";

/** 64 UDP flows each way at 100 packets a second, and 4 TCP flows (issue's figures; RFC 7747 calls it the offered load). */
export const LOAD = { udpFlows: 64, tcpFlows: 4, rate: 100, size: 100 } as const;
const UP_MILLISECONDS = 60_000;
const FLOWING_MILLISECONDS = 30_000;
/** Before the event, so that every flow has a history and the counters of flows per tunnel are filled. */
const WARM_MILLISECONDS = 2_000;
const FRESH_MICROSECONDS = 100_000;

export interface ScenarioRun {
  readonly report: IncidentReport;
  readonly upMilliseconds: number;
}

export async function runScenario(
  scenario: Scenario,
  name: string,
  step: (text: string) => void,
): Promise<ScenarioRun> {
  const folder = stateFolder(name);
  const source = readLabSource(locateLabFile(scenario.topology), folder.root, {
    name,
    profile: scenario.profile,
  });
  const up = await bringUp(folder, source, {
    waitMilliseconds: UP_MILLISECONDS,
    mayInstall: process.env.CI === "true",
  });
  try {
    const probes = await ProbeSession.start(folder, LOAD);
    try {
      await untilFlowing(probes);
      await delay(WARM_MILLISECONDS);
      const incident = await Incident.begin(folder, probes, LOAD.rate);
      const unfollow = followEvents(labProcesses(folder), (event) => incident.note(event));
      const what = `${scenario.event} ${scenario.node}`;
      step(what);
      const acting = act(folder, scenario);
      const report = await incident.settle(
        scenario.topology,
        { what, node: scenario.node },
        scenario.event === "planned" || scenario.event === "drain" ? 4_000 : 1_000,
        scenario.profile === "azure" ? 180_000 : 60_000,
      );
      await acting;
      unfollow();
      return { report, upMilliseconds: up.milliseconds };
    } finally {
      await probes.stop();
    }
  } finally {
    await tearDown(folder);
  }
}

async function act(folder: StateFolder, { event, node }: Scenario): Promise<void> {
  switch (event) {
    case "sigkill":
      signalNode(folder, node, "SIGKILL");
      return;
    case "sigstop":
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
    const flows = await probes.report();
    const now = monotonicMicroseconds();
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
