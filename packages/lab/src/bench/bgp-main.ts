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
import type { BenchResult } from "@tandem/contract";
import { type BenchHelp, benchArguments } from "./bench-arguments.ts";
import { BenchSheet, describeMachine, renderTable } from "./bench-table.ts";
import { makeTable } from "./bgp-load.ts";
import { measure } from "./bgp-run.ts";
import { type BenchAddresses, SUBJECTS, type Subject } from "./bgp-subjects.ts";

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

const HELP: BenchHelp = {
  name: "bgp",
  about:
    "200,000 prefixes in 20,000 attribute sets through BIRD, FRR, GoBGP and Tandem in turn, then half of them withdrawn.",
  options: {
    "--prefixes N": "how many (default 200000)",
    "--runs N": "runs of each in turn (default 3)",
    "--subjects A,B": "bird, frr, gobgp, tandem",
    "--json FILE|-": "the figures for programs; - for standard output instead of the table",
  },
};

const { values } = benchArguments(HELP, {
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
const sheet = new BenchSheet();
let failed = false;
for (let run = 1; run <= runs; run++) {
  for (const subject of subjects) {
    try {
      const f = await measure(subject, ADDRESSES, table);
      sheet.add(work, subject.name, "ms", f.announce);
      sheet.add(`${work}-withdraw`, subject.name, "ms", f.withdraw);
      sheet.add(`${work}-cpu`, subject.name, "ms", f.cpu);
      sheet.add(`${work}-memory`, subject.name, "MB", f.megabytes);
      if (f.stalls !== undefined) {
        sheet.add(`${work}-stall`, subject.name, "ms", f.stalls.loop);
        sheet.add(`${work}-turn`, subject.name, "ms", f.stalls.turn);
      }
      const s = f.stalls;
      const stall =
        s === undefined
          ? ""
          : `, longest stall ${s.loop.toFixed(0)} ms, of which at most ${s.turn.toFixed(0)} ms its own CPU`;
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

const result: BenchResult = {
  bench: "bgp",
  machine: describeMachine(),
  rows: sheet.rows,
  ratios: sheet.ratios("tandem"),
};
const json = JSON.stringify(result, undefined, 2);
if (values.json === "-") console.log(json);
else {
  console.log(renderTable(result));
  if (values.json !== undefined) writeFileSync(values.json, `${json}\n`);
}
process.exit(failed ? 1 : 0);
