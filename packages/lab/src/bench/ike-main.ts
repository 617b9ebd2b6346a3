/**
 * Runs the IKE benchmark (root, strongSwan):
 *
 *      node packages/lab/src/bench/ike-main.ts [--quick] [--runs N] [--seconds S] [--subjects charon,tandem]
 *           [--works ecp256,modp2048,rekey,liveness,memory] [--json FILE|-] [--html FILE]
 *
 * Table on stdout, progress on stderr. `--json -` prints the JSON instead of the table.
 */
import { writeFile } from "node:fs/promises";
import { LabError } from "../lab-error.ts";
import { type BenchHelp, benchArguments } from "./bench-arguments.ts";
import { renderPage } from "./bench-page.ts";
import { renderTable } from "./bench-table.ts";
import { measureIke } from "./ike-bench.ts";

const HELP: BenchHelp = {
  name: "ike",
  about:
    "Handshakes and rekeys per second, latency and memory per IKE SA: charon and Tandem in turn, by the same initiator.\nNeeds root and strongSwan.",
  options: {
    "--quick": "one short run",
    "--runs N": "runs of each in turn (default 3)",
    "--seconds S": "how long each work is measured (default 6)",
    "--subjects A,B": "charon, tandem",
    "--works A,B": "ecp256, modp2048, rekey, liveness, memory",
    "--json FILE|-": "the figures for programs; - for standard output instead of the table",
    "--html FILE": "one page with charts",
  },
};

const { values } = benchArguments(HELP, {
  options: {
    quick: { type: "boolean", default: false },
    runs: { type: "string" },
    seconds: { type: "string" },
    subjects: { type: "string", default: "" },
    works: { type: "string", default: "" },
    json: { type: "string" },
    html: { type: "string" },
  },
});

const list = (text: string): string[] => text.split(",").filter((part) => part !== "");
const started = Date.now();

try {
  const { result, notes } = await measureIke({
    quick: values.quick,
    runs: Number(values.runs ?? (values.quick ? 1 : 3)),
    seconds: Number(values.seconds ?? (values.quick ? 3 : 6)),
    subjects: list(values.subjects),
    works: list(values.works),
    progress: (line) =>
      process.stderr.write(`${((Date.now() - started) / 1000).toFixed(0).padStart(5)} s  ${line}\n`),
  });
  const json = `${JSON.stringify(result, null, 2)}\n`;
  if (values.json !== undefined && values.json !== "-") await writeFile(values.json, json);
  if (values.html !== undefined) await writeFile(values.html, renderPage("Tandem: IKE", result, notes));
  process.stdout.write(values.json === "-" ? json : `${renderTable(result)}\n`);
  for (const note of notes) process.stderr.write(`note: ${note}\n`);
} catch (error) {
  if (!(error instanceof LabError)) throw error;
  process.stderr.write(`${error.message}${error.cure === undefined ? "" : `\ncure: ${error.cure}`}\n`);
  process.exitCode = 1;
}
