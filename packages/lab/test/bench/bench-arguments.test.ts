import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

const bench = (name: string, ...words: string[]) =>
  spawnSync(
    process.execPath,
    [
      "--disable-warning=ExperimentalWarning",
      join(import.meta.dirname, `../../src/bench/${name}-main.ts`),
      ...words,
    ],
    { encoding: "utf8" },
  );

it.each(["bgp", "failover", "ike", "throughput"])(
  "bench %s tells its options, and names a wrong one",
  (name) => {
    const help = bench(name, "--help");
    expect(help.status).toBe(0);
    expect(help.stdout).toContain(`./tandem bench ${name} [options]`);
    expect(help.stdout).toContain("--json FILE|-");
    const wrong = bench(name, "--speed");
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toBe(
      `Unknown option '--speed'\ncure: bench ${name} takes ${[...help.stdout.matchAll(/^ {2}(\S.*?) {2,}/gm)]
        .map(([, option]) => option)
        .join(", ")}\n`,
    );
  },
);
