/**
 * `tandem bench throughput` in the supervisor's container: iperf3 between the lab's hosts, through the tunnels that stand.
 *
 *     bench-throughput-main.ts [--seconds S] [--runs N] [--json FILE|-]
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { BenchResult } from "@tandem/contract";
import { BenchSheet, describeMachine, renderTable } from "../bench/bench-table.ts";
import { LabError } from "../lab-error.ts";
import { readPlan } from "../lab-record.ts";
import { probeDirections } from "../probe/probe-session.ts";
import { endWithReason } from "./end-with-reason.ts";
import { readEnvironment } from "./preflight.ts";
import { labFolder } from "./shared-plan.ts";
import { measureThroughput, spreadText } from "./throughput-run.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "5" },
    runs: { type: "string", default: "1" },
    json: { type: "string" },
  },
});
const WORKS = [
  { work: "tcp-1", flows: 1, back: false },
  { work: "tcp-8", flows: 8, back: false },
  { work: "tcp-8-back", flows: 8, back: true },
];

await endWithReason(async () => {
  const folder = labFolder(readEnvironment(process.env));
  const sheet = new BenchSheet();
  const [direction] = probeDirections(readPlan(folder));
  if (direction === undefined) throw new LabError("the topology has no two hosts to measure between");
  for (let run = 0; run < Number(values.runs); run++) {
    for (const { work, flows, back } of WORKS) {
      const seconds = Number(values.seconds);
      const done = await measureThroughput(folder, direction.from, direction.destination, {
        flows,
        seconds,
        back,
      });
      sheet.add(work, "tandem", "Mbit/s", done.megabits);
      process.stderr.write(
        `${work}: ${Math.round(done.megabits)} Mbit/s, by tunnel: ${spreadText(done.spread)}; ` +
          `longest silence of a ping every 20 ms: ${Math.round(done.silenceMilliseconds)} ms\n`,
      );
    }
  }
  const result: BenchResult = {
    bench: "throughput",
    machine: describeMachine(),
    rows: sheet.rows,
    ratios: [],
  };
  const json = `${JSON.stringify(result, null, 2)}\n`;
  if (values.json !== undefined && values.json !== "-") writeFileSync(values.json, json);
  process.stdout.write(values.json === "-" ? json : `${renderTable(result)}\n`);
});
