/**
 * `bench failover`: scenarios, each on a lab of its own, several runs. Without words the short ones.
 *
 *     bench failover [WORD ...] [--all] [--not WORD ...] [--list] [--quick] [--runs N] [--json FILE|-] [--html FILE]
 *
 * WORD: only scenarios whose name holds every word; --not: none that hold that one; --list: which they are, and how long
 * they take; --quick: one run of each. What is asked for with --json and --html is written after each scenario, so that a
 * run that is ended early has told what it had.
 */
import { writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import type { BenchResult } from "@tandem/contract";
import { reasonOf } from "../lab-error.ts";
import { locateLabFile, readLabSource } from "../lab-source.ts";
import { stateFolder } from "../state-folder.ts";
import { tearDown } from "../tear-down.ts";
import { type BenchHelp, benchArguments } from "./bench-arguments.ts";
import { judge, rowsOf, type Verdict } from "./failover/judge.ts";
import { failoverPage } from "./failover/page.ts";
import { runScenario, type ScenarioRun } from "./failover/run-scenario.ts";
import { SCENARIOS, type Scenario, workName } from "./failover/scenarios.ts";

const HELP: BenchHelp = {
  name: "failover",
  about:
    "One event each on a lab of its own, with 64 UDP and 4 TCP flows both ways. Without words the short scenarios.",
  options: {
    "WORD ...": "only scenarios whose name holds every word",
    "--all": "the long ones too",
    "--not WORD": "none whose name holds that word",
    "--list": "which they are, and how long they take",
    "--quick": "one run of each",
    "--runs N": "runs of each (default 3)",
    "--json FILE|-": "the figures for programs; - for standard output instead of the table",
    "--html FILE": "one page with charts",
  },
};

const { values, positionals } = benchArguments(HELP, {
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    all: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    not: { type: "string", multiple: true, default: [] },
    runs: { type: "string", default: "3" },
    json: { type: "string" },
    html: { type: "string" },
  },
});
const runs = Number(values.runs);
if (!Number.isInteger(runs) || runs < 1 || runs > 100) {
  process.stderr.write(`--runs ${values.runs}: a whole number from 1 to 100 is expected\n`);
  process.exit(2);
}
const wanted = SCENARIOS.filter((scenario) => {
  const name = workName(scenario);
  if (values.not.some((word) => name.includes(word))) return false;
  if (positionals.length > 0) return positionals.every((word) => name.includes(word));
  return values.all || scenario.quick;
});
if (wanted.length === 0) {
  process.stderr.write(
    `no scenario is called that; there are:\n${SCENARIOS.map((s) => `  ${workName(s)}\n`).join("")}`,
  );
  process.exit(2);
}

const runsOfEach = values.quick ? 1 : runs;
if (values.list) {
  const lines = wanted.map((s) => `${String(s.seconds * runsOfEach).padStart(6)} s  ${workName(s)}\n`);
  const total = wanted.reduce((sum, { seconds }) => sum + seconds * runsOfEach, 0);
  process.stdout.write(
    `${lines.join("")}${String(total).padStart(6)} s  in all, ${runsOfEach} runs of each\n`,
  );
  process.exit(0);
}

const progress = (text: string): void => void process.stderr.write(`${text}\n`);
/** With `--json -` standard output belongs to the JSON. */
const print = (text: string): void =>
  void (values.json === "-" ? process.stderr : process.stdout).write(text);
const lab = `bench-failover-${process.pid}`;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    progress(`${signal}: the lab is taken down; what was measured so far is written`);
    void tearDown(stateFolder(lab)).finally(() => process.exit(130));
  });
}
const verdicts: Verdict[] = [];
const rows: BenchResult["rows"] = [];
for (const scenario of wanted) {
  const hosts = vnetHosts(scenario);
  const done: ScenarioRun[] = [];
  for (let run = 1; run <= runsOfEach; run++) {
    progress(`${workName(scenario)}, run ${run}`);
    try {
      done.push(await runScenario(scenario, lab, (text) => progress(`  ${text}`)));
    } catch (error) {
      progress(`  failed: ${reasonOf(error)}`);
      process.exitCode = 1;
    }
  }
  if (done.length === 0) continue;
  const verdict = judge(scenario, done, hosts);
  verdicts.push(verdict);
  rows.push(...rowsOf(verdict, hosts));
  printVerdict(verdict);
  if (values.json !== undefined && values.json !== "-") writeFileSync(values.json, asJson());
  if (values.html !== undefined) writeFileSync(values.html, failoverPage(verdicts));
}
if (values.json === "-") process.stdout.write(asJson());
if (verdicts.some(({ misses }) => misses.length > 0)) process.exitCode = 1;

function asJson(): string {
  const result: BenchResult = {
    bench: "failover",
    machine: {
      cpu: cpus()[0]?.model ?? "unknown",
      cores: cpus().length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      kernel: release(),
      node: process.version,
    },
    rows,
    ratios: [],
  };
  return `${JSON.stringify(result, null, 2)}\n`;
}

function vnetHosts({ topology, profile }: Scenario): Set<string> {
  const { plan } = readLabSource(locateLabFile(topology), "/tmp", { profile });
  const vnets = new Set(
    plan.links.filter(({ role }) => role === "vnet").flatMap(({ a, b }) => [a.node, b.node]),
  );
  return new Set(
    plan.nodes.filter(({ kind, name }) => kind === "host" && vnets.has(name)).map(({ name }) => name),
  );
}

function printVerdict({
  scenario,
  runs: done,
  vnetToSite,
  siteToVnet,
  lost,
  tcpAlive,
  notes,
  misses,
}: Verdict): void {
  const show = ({ p50, p99, max }: { p50: number; p99: number; max: number }): string =>
    [p50, p99, max].map((v) => v.toFixed(0).padStart(6)).join(" ");
  print(
    `${workName(scenario)} (${done.length} runs)\n` +
      `  outage ms p50/p99/max   VNet to site ${show(vnetToSite)}   site to VNet ${show(siteToVnet)}\n` +
      `  lost ${lost}, TCP alive ${tcpAlive}${notes.map((note) => `; ${note}`).join("")}\n  goal: ${scenario.goal.text}: ${misses.length === 0 ? "met" : `MISSED, ${misses.join("; ")}`}\n`,
  );
}
