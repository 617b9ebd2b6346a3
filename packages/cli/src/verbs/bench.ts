/** `bench NAME`: each benchmark is a program of its own under packages/lab/src/bench; its options are its own. */
import { spawn } from "node:child_process";
import { LabError, listBenches } from "@tandem/lab";
import { print, printJson } from "../render/output.ts";
import type { Verb } from "../verb.ts";

export const verb: Verb = {
  usage: "bench [NAME] [options of the benchmark]",
  about:
    "Runs a benchmark; without a name it lists them. With --json each prints rows and ratios against its peers.",
  options: {},
  passThrough: true,
  examples: ["./tandem bench failover --json", "./tandem bench throughput"],
  async run(invocation) {
    const benches = listBenches();
    const [name, ...words] = invocation.positionals;
    if (name === undefined) {
      if (words.includes("--json")) printJson(Object.keys(benches));
      else print(`benchmarks: ${Object.keys(benches).join(", ")}`);
      return 0;
    }
    const main = benches[name];
    if (main === undefined)
      throw new LabError(`there is no benchmark "${name}"`, `benchmarks: ${Object.keys(benches).join(", ")}`);
    const asked = withJsonTarget(words);
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", main, ...asked], {
      stdio: "inherit",
    });
    const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
    process.on("SIGINT", forward).on("SIGTERM", forward);
    return await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve(code ?? 1));
    });
  },
};

/** `--json` alone means standard output, as for every other verb; a benchmark also takes the name of a file. */
function withJsonTarget(words: readonly string[]): string[] {
  return words.flatMap((word, index) => {
    const next = words[index + 1];
    return word === "--json" && (next === undefined || next.startsWith("--")) ? [word, "-"] : [word];
  });
}
