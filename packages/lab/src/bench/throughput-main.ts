/**
 * Runs the throughput benchmark:
 *
 *      node packages/lab/src/bench/throughput-main.ts [--quick] [--runs N] [--seconds S] [--subjects a,b] [--variants main,v6,...]
 *           [--works tcp-1,udp-1300,...] [--congestion NAME] [--wireguard-go PATH] [--json FILE|-] [--html FILE]
 *
 * Everything with three runs takes about 20 minutes. Table on stdout, progress on stderr. `--json -` prints the JSON instead of the table.
 */
import { writeFile } from "node:fs/promises";
import { LabError } from "../lab-error.ts";
import { type BenchHelp, benchArguments } from "./bench-arguments.ts";
import { renderPage } from "./bench-page.ts";
import { renderTable } from "./bench-table.ts";
import { measureThroughput } from "./throughput.ts";

const HELP: BenchHelp = {
  name: "throughput",
  about:
    "host - gateway - gateway - host in namespaces: plain routing, kernel-libipsec, wireguard-go and Tandem in turn on the same path.\nEverything with three runs takes about 20 minutes. Needs root.",
  options: {
    "--quick": "the main row, in under a minute",
    "--runs N": "runs of each in turn (default 3)",
    "--seconds S": "how long each work is measured (default 3)",
    "--subjects A,B": "plain-routing, kernel-libipsec, wireguard-go, tandem",
    "--variants A,B": "main, v6, ... : the rows of the full table",
    "--works A,B": "tcp-1, tcp-4, udp-1300, udp-64, ping, ...",
    "--congestion NAME": "congestion control of the hosts' TCP (default: this machine's)",
    "--wireguard-go PATH": "which wireguard-go (default: the one in PATH)",
    "--json FILE|-": "the figures for programs; - for standard output instead of the table",
    "--html FILE": "one page with charts",
  },
};

const { values } = benchArguments(HELP, {
  options: {
    quick: { type: "boolean", default: false },
    runs: { type: "string", default: "3" },
    seconds: { type: "string" },
    subjects: { type: "string", default: "" },
    variants: { type: "string", default: "" },
    works: { type: "string", default: "" },
    congestion: { type: "string" },
    "wireguard-go": { type: "string", default: "wireguard-go" },
    json: { type: "string" },
    html: { type: "string" },
  },
});

const list = (text: string): string[] => text.split(",").filter((part) => part !== "");
const started = Date.now();

try {
  const { result, notes, failed } = await measureThroughput({
    quick: values.quick,
    runs: Number(values.runs),
    seconds: Number(values.seconds ?? (values.quick ? 2 : 3)),
    subjects: list(values.subjects),
    variants: list(values.variants),
    works: list(values.works),
    ...(values.congestion !== undefined && { congestion: values.congestion }),
    wireguardGo: values["wireguard-go"],
    progress: (line) =>
      process.stderr.write(`${((Date.now() - started) / 1000).toFixed(0).padStart(5)} s  ${line}\n`),
  });
  const json = `${JSON.stringify(result, null, 2)}\n`;
  if (values.json !== undefined && values.json !== "-") await writeFile(values.json, json);
  if (values.html !== undefined)
    await writeFile(values.html, renderPage("Tandem: throughput", result, notes));
  process.stdout.write(values.json === "-" ? json : `${renderTable(result)}\n`);
  for (const note of notes) process.stderr.write(`note: ${note}\n`);
  if (failed) process.exitCode = 1;
} catch (error) {
  if (!(error instanceof LabError)) throw error;
  process.stderr.write(`${error.message}${error.cure === undefined ? "" : `\ncure: ${error.cure}`}\n`);
  process.exitCode = 1;
}
