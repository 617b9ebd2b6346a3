/** `lab exec` behaves like the command itself; the files of a lab are its owner's alone. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { TandemCommand } from "./tandem-command.ts";

const lab = `exec-${process.pid}`;
let tandem: TandemCommand;
beforeAll(async () => {
  tandem = new TandemCommand();
  await tandem.expect("lab", "up", "site-to-site", "--name", lab, "--timeout", "0");
});
afterAll(() => tandem.close());

it("gives the exit status of the command, 128 and more for a signal", async () => {
  expect((await tandem.run("lab", "exec", "vnet1-host", "sh", "-c", "exit 7")).status).toBe(7);
  expect((await tandem.run("lab", "exec", "vnet1-host", "sh", "-c", "kill -9 $$")).status).toBe(137);
});

it("runs in the folder that it was called in, and passes every word on", async () => {
  const said = await tandem.expect(
    "lab",
    "exec",
    "--name",
    lab,
    "vnet1-host",
    "sh",
    "-c",
    'pwd; echo "$@"',
    "x",
    "--json",
    "-h",
  );
  expect(said).toBe(`${process.cwd()}\n--json -h\n`);
});

it("names the nodes when there is none of that name", async () => {
  const { status, stderr } = await tandem.run("lab", "exec", "nobody", "true");
  expect(status).toBe(1);
  expect(stderr).toContain("vnet1-host");
});

it("configurations, with their keys, are for their owner only", () => {
  const root = join(tandem.state, "labs", lab);
  expect(statSync(root).mode & 0o077).toBe(0);
  for (const file of readdirSync(join(root, "config"))) {
    expect(statSync(join(root, "config", file)).mode & 0o077, file).toBe(0);
  }
});
