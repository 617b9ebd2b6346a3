/** Every topology under lab/ keeps its promises, with real traffic; those with devices also with a third party's. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TandemCommand } from "./tandem-command.ts";

const FOLDER = join(import.meta.dirname, "..", "..", "..", "..", "lab");
const topologies = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".json") && !name.includes("schema"))
  .map((name) => name.replace(/\.json$/, ""));

let tandem: TandemCommand;
beforeAll(() => {
  tandem = new TandemCommand();
});
afterAll(() => tandem.close());

async function failures(...words: string[]): Promise<string[]> {
  const { stdout, stderr } = await tandem.run("validate", ...words, "--json");
  if (stdout === "") return [stderr];
  const { results } = JSON.parse(stdout) as { results: { name: string; failure?: string }[] };
  return results
    .filter(({ failure }) => failure !== undefined)
    .map(({ name, failure }) => `${name}: ${failure}`);
}

describe("with Tandem devices", () => {
  it.each(topologies)("%s", async (name) => {
    expect(await failures(name, "--name", `top-${process.pid}`)).toEqual([]);
  });
});

describe("with strongSwan and BIRD", () => {
  it.each(["dual-redundancy", "point-to-site"])("%s", async (name) => {
    expect(await failures(name, "--name", `top-${process.pid}`, "--device", "strongswan")).toEqual([]);
  });
});

it("a report is JUnit's XML", async () => {
  const file = join(tandem.state, "report.xml");
  await tandem.expect("validate", "site-to-site", "--file-only", "--junit", file);
  const { readFileSync } = await import("node:fs");
  expect(readFileSync(file, "utf8")).toContain('<testsuite name="site-to-site" tests="1" failures="0">');
});
