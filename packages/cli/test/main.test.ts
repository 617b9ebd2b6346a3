import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { VERBS } from "../src/verb-table.ts";

const MAIN = join(import.meta.dirname, "..", "src", "main.ts");
const state = mkdtempSync(join(tmpdir(), "tandem-cli-"));
afterAll(() => rmSync(state, { recursive: true }));

function tandem(...words: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...words], {
    encoding: "utf8",
    env: { ...process.env, TANDEM_STATE: state },
  });
  return { status, stdout, stderr };
}

describe("the command line", () => {
  it("shows every verb in help", () => {
    const { status, stdout } = tandem("help");
    expect(status).toBe(0);
    for (const name of Object.keys(VERBS)) expect(stdout).toContain(`  ${name}`);
  });

  it("guesses what was meant", () => {
    const { status, stderr } = tandem("stauts");
    expect(status).toBe(2);
    expect(stderr).toContain('Did you mean "status"?');
  });

  it("refuses an option that it does not know, with the way to help", () => {
    const { status, stderr } = tandem("status", "--jsno");
    expect(status).toBe(2);
    expect(stderr).toContain("--jsno");
    expect(stderr).toContain("./tandem help status");
  });

  it("refuses words that it would have to ignore", () => {
    const { status, stderr } = tandem("kill", "gw/IN_0", "gw/IN_1");
    expect(status).toBe(2);
    expect(stderr).toBe('tandem kill: "gw/IN_1" is a word too many\n  see: ./tandem help kill\n');
  });

  it("says that no lab is up, and the cure", () => {
    const { status, stderr, stdout } = tandem("status", "--json");
    expect(status).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toBe("tandem status: no lab is up\n  cure: ./tandem lab up dual-redundancy\n");
  });

  it("names the topologies when there is none of that name", () => {
    const { status, stderr } = tandem("lab", "up", "no-such-topology");
    expect(status).toBe(1);
    expect(stderr).toContain("dual-redundancy");
  });

  it("refuses a lab name that could not be a namespace's", () => {
    expect(tandem("lab", "up", "site-to-site", "--name", "a/b").stderr).toContain(
      '"a/b" cannot be the name of a lab',
    );
  });
});

describe("every verb", () => {
  it.each(Object.entries(VERBS))("%s loads and describes itself", async (name, entry) => {
    const { verb } = await entry.load();
    expect(verb.usage.startsWith(name)).toBe(true);
    expect(verb.about.length).toBeGreaterThan(20);
  });
});
