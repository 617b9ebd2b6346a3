/**
 * `tandem bench bgp`: 200,000 prefixes in 20,000 attribute sets through BIRD, FRR, GoBGP and Tandem in turn.
 *
 *      node bgp-main.ts [--json FILE] [--prefixes N] [--runs N] [--subjects bird,tandem]
 *
 * Runs in a network namespace of its own (unshare), with every address on its loopback: some speakers refuse next
 * hops in 127/8. Progress goes to stderr, the table to stdout, the JSON of BenchResult to FILE ("-" for stdout).
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { parseArgs } from "node:util";
import type { BenchResult } from "@tandem/contract";
import { makeTable } from "./bgp-load.ts";
import { type BgpFigures, measure } from "./bgp-run.ts";
import { type BenchAddresses, SUBJECTS, type Subject } from "./bgp-subjects.ts";
import { ratios, row } from "./statistics.ts";

const ADDRESSES: BenchAddresses = {
  speaker: "10.255.0.1",
  port: 1790,
  asn: 65010,
  peers: [
    { address: "10.255.0.11", asn: 65001 },
    { address: "10.255.0.12", asn: 65002 },
  ],
};

const INSIDE = "TANDEM_BENCH_BGP_INSIDE";

/** Starts this program again where its addresses disturb nobody. */
function enterNamespace(): never {
  const user = process.getuid?.() === 0 ? [] : ["--map-root-user"];
  const setup = [
    "ip link set lo up",
    ...[ADDRESSES.speaker, ...ADDRESSES.peers.map((p) => p.address)].map((a) => `ip addr add ${a}/24 dev lo`),
    'exec "$@"',
  ].join(" && ");
  const self = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const result = spawnSync("unshare", [...user, "--net", "sh", "-c", setup, "sh", ...self], {
    stdio: "inherit",
    env: { ...process.env, [INSIDE]: "1" },
  });
  process.exit(result.status ?? 1);
}

const { values } = parseArgs({
  options: {
    json: { type: "string" },
    prefixes: { type: "string", default: "200000" },
    runs: { type: "string", default: "3" },
    subjects: { type: "string" },
  },
});
if (process.env[INSIDE] === undefined) enterNamespace();

const prefixes = Number(values.prefixes);
const runs = Number(values.runs);
const work = `bgp-${prefixes >= 1000 ? `${prefixes / 1000}k` : prefixes}`;
const wanted = values.subjects?.split(",");
const subjects = SUBJECTS.filter((s) => wanted === undefined || wanted.includes(s.name)).filter(isInstalled);

function isInstalled(subject: Subject): boolean {
  const missing = subject.missing();
  if (missing !== undefined)
    console.error(`${subject.name} is left out: install the Debian package ${missing}`);
  return missing === undefined;
}

const table = makeTable(prefixes, 10, ADDRESSES.peers[0]!.asn, ADDRESSES.peers[0]!.address);
console.error(`${prefixes} prefixes in ${table.attributeSets} attribute sets, ${runs} runs of each in turn`);
const figures = new Map<Subject, BgpFigures[]>(subjects.map((s) => [s, []]));
let failed = false;
for (let run = 1; run <= runs; run++) {
  for (const subject of subjects) {
    try {
      const f = await measure(subject, ADDRESSES, table);
      figures.get(subject)!.push(f);
      const stall = f.stall === undefined ? "" : `, longest stall ${f.stall.toFixed(0)} ms`;
      console.error(
        `run ${run} ${subject.name}: ${f.announce.toFixed(0)} ms, CPU ${f.cpu} ms, ${f.megabytes.toFixed(0)} MB, ` +
          `withdraw of half ${f.withdraw.toFixed(0)} ms${stall}`,
      );
    } catch (error) {
      failed = true;
      console.error(error instanceof Error ? error.message : error);
    }
  }
}

const measured = [...figures].filter(([, list]) => list.length > 0);
const rows: BenchResult["rows"] = measured.flatMap(([subject, list]) => [
  row(
    work,
    subject.name,
    "ms",
    list.map((f) => f.announce),
  ),
  row(
    `${work}-withdraw`,
    subject.name,
    "ms",
    list.map((f) => f.withdraw),
  ),
  row(
    `${work}-cpu`,
    subject.name,
    "ms",
    list.map((f) => f.cpu),
  ),
  row(
    `${work}-memory`,
    subject.name,
    "MB",
    list.map((f) => f.megabytes),
  ),
  ...(list.every((f) => f.stall !== undefined)
    ? [
        row(
          `${work}-stall`,
          subject.name,
          "ms",
          list.map((f) => f.stall!),
        ),
      ]
    : []),
]);
const result: BenchResult = {
  bench: "bgp",
  machine: {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    kernel: release(),
    node: process.version,
  },
  rows,
  ratios: ratios(rows),
};

if (values.json === "-") console.log(JSON.stringify(result, undefined, 2));
else {
  for (const r of rows) {
    const name = `${r.work} ${r.subject}`.padEnd(32);
    console.log(
      `${name} ${r.median.toFixed(0).padStart(8)} ${r.unit}  (${r.min.toFixed(0)} to ${r.max.toFixed(0)})`,
    );
  }
  for (const r of result.ratios) console.log(`${r.work}: tandem is ${r.ratio.toFixed(2)} times ${r.against}`);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, undefined, 2)}\n`);
}
process.exit(failed ? 1 : 0);
