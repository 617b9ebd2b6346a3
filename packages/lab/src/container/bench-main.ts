/**
 * `docker compose --profile bench up`: waits until the lab is ready, then iperf3 between the hosts both ways with the spread
 * over the tunnels, and once more with an instance ended half-way: the dip of the throughput and the outage of every flow.
 */
import { setTimeout as delay } from "node:timers/promises";
import { summarise } from "../drill/incident.ts";
import { LabError, reasonOf } from "../lab-error.ts";
import { readPlan } from "../lab-record.ts";
import { type ProbeDirection, probeDirections } from "../probe/probe-session.ts";
import type { StateFolder } from "../state-folder.ts";
import { labStatus } from "../status/lab-status.ts";
import { endWithReason } from "./end-with-reason.ts";
import { readEnvironment } from "./preflight.ts";
import { labFolder } from "./shared-plan.ts";
import { measureThroughput, spreadText } from "./throughput-run.ts";
import { watchIncident } from "./watched-incident.ts";

const READY_MILLISECONDS = 90_000;
const UDP_FLOWS = 16;
const RUNS = [
  { name: "1 flow", flows: 1, back: false },
  { name: "8 flows", flows: 8, back: false },
  { name: "8 flows back", flows: 8, back: true },
];

await endWithReason(async () => {
  const seconds = Number(process.argv[2] ?? 5);
  const folder = labFolder(readEnvironment(process.env));
  await untilReady(folder);
  const [direction] = probeDirections(readPlan(folder));
  if (direction === undefined) throw new LabError("the topology has no two hosts to measure between");
  const { from, destination } = direction;
  for (const { name, flows, back } of RUNS) {
    const { megabits, spread } = await measureThroughput(folder, from, destination, { flows, seconds, back });
    say(
      `${from} to ${destination}, ${name}: ${Math.round(megabits)} Mbit/s; by tunnel: ${spreadText(spread)}`,
    );
  }
  await halfWay(folder, direction, seconds);
});

/** The probes have the path to themselves for their warming up; then iperf3 starts, and half of it later the instance ends. */
async function halfWay(
  folder: StateFolder,
  { from, destination }: ProbeDirection,
  seconds: number,
): Promise<void> {
  const load = delay(1_000).then(() =>
    measureThroughput(folder, from, destination, { flows: 8, seconds: 2 * seconds, back: false }),
  );
  load.catch(() => {}); // told below
  await delay(seconds * 1000);
  const report = await watchIncident(folder, {
    event: "unplanned",
    udpFlows: UDP_FLOWS,
    waitMilliseconds: 0,
    say: () => {},
  });
  say(summarise(report));
  for (const { direction, lost, timestampDerived } of report.directions) {
    say(`  ${direction}: lost ${lost}, longest outage of a flow ${timestampDerived.max.toFixed(0)} ms`);
  }
  const meanwhile = await load.then(
    ({ perSecond, megabits }) =>
      `${Math.round(megabits)} Mbit/s; second by second: ${perSecond.map(Math.round).join(" ")}`,
    (error: unknown) => `not measured: ${reasonOf(error)}`,
  );
  say(`  iperf3 meanwhile, 8 flows: ${meanwhile}`);
  await untilReady(folder);
  if (!report.recovered) process.exitCode = 1;
}

async function untilReady(folder: StateFolder): Promise<void> {
  const deadline = performance.now() + READY_MILLISECONDS;
  for (;;) {
    const reasons = await labStatus(folder).then(
      (status) => status.reasons,
      (error: unknown) => [reasonOf(error)],
    );
    if (reasons.length === 0) return;
    if (performance.now() > deadline) throw new LabError(`the lab is not ready: ${reasons.join("; ")}`);
    await delay(500);
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
