/** Every topology under lab/ keeps its promises, with real traffic. */
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

describe("with Tandem devices", () => {
  it.each(topologies)("%s", async (name) => {
    expect(await tandem.failures(name, "--name", `top-${process.pid}`)).toEqual([]);
  });
});

it("a report is JUnit's XML", async () => {
  const file = join(tandem.state, "report.xml");
  await tandem.expect("validate", "site-to-site", "--file-only", "--junit", file);
  const { readFileSync } = await import("node:fs");
  expect(readFileSync(file, "utf8")).toContain('<testsuite name="site-to-site" tests="1" failures="0">');
});
