/**
 * `tandem bench failover` in the supervisor's container: the outage of every probe flow at a failover of the lab that runs.
 *
 *     bench-failover-main.ts [planned|unplanned|watch] [INSTANCE] [--wait SECONDS] [--udp FLOWS] [--json FILE|-]
 *
 * `watch` does nothing itself and measures what is done from outside: `docker kill`, `docker pause`.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { BenchResult } from "@tandem/contract";
import { BenchSheet, describeMachine } from "../bench/bench-table.ts";
import { type IncidentReport, summarise } from "../drill/incident.ts";
import { LabError } from "../lab-error.ts";
import { endWithReason } from "./end-with-reason.ts";
import { readEnvironment } from "./preflight.ts";
import { labFolder } from "./shared-plan.ts";
import { watchIncident } from "./watched-incident.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    wait: { type: "string", default: "60" },
    udp: { type: "string", default: "16" },
    json: { type: "string" },
  },
});
const EVENTS = ["planned", "unplanned", "watch"] as const;

await endWithReason(async () => {
  const [word = "unplanned", target] = positionals;
  const event = EVENTS.find((one) => one === word);
  if (event === undefined) throw new LabError(`bench failover ${word}: ${EVENTS.join(", ")} are expected`);
  const environment = readEnvironment(process.env);
  const report = await watchIncident(labFolder(environment), {
    event,
    ...(target === undefined ? {} : { target }),
    udpFlows: Number(values.udp),
    waitMilliseconds: Number(values.wait) * 1000,
    say: (text) => process.stderr.write(`${text}\n`),
  });
  const result = resultOf(report, `failover-${report.topology}-${event}-${environment.profile}`);
  const json = `${JSON.stringify(result, null, 2)}\n`;
  if (values.json !== undefined && values.json !== "-") writeFileSync(values.json, json);
  process.stdout.write(values.json === "-" ? json : `${text(report)}\n`);
  if (!report.recovered) process.exitCode = 1;
});

function resultOf(report: IncidentReport, work: string): BenchResult {
  const sheet = new BenchSheet();
  for (const { direction, lost, timestampDerived } of report.directions) {
    sheet.add(`${work} ${direction}`, "tandem", "ms", timestampDerived.max);
    sheet.add(`${work}-lost ${direction}`, "tandem", "packets", lost);
  }
  return { bench: "failover", machine: describeMachine(), rows: sheet.rows, ratios: [] };
}

function text(report: IncidentReport): string {
  const lines = report.directions.map(
    ({ direction, lost, timestampDerived: { p50, p99, max } }) =>
      `  ${direction}: lost ${lost}, outage ms p50/p99/max ${[p50, p99, max].map((v) => v.toFixed(0)).join("/")}`,
  );
  const seen = report.events.filter(({ event }) => /^(instance|failover|seat|fabric|tunnel)\./.test(event));
  // What is done from outside has no time of its own: the first sign of it is the zero.
  const zero = seen[0]?.at ?? report.at;
  const told = seen.map(
    (one) => `  +${Math.round(one.at - zero)} ms ${one.event}: ${"message" in one ? one.message : ""}`,
  );
  return [summarise(report), ...lines, ...told].join("\n");
}
