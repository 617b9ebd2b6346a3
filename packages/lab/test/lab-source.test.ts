import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listTopologies, locateLabFile, readLabSource } from "../src/lab-source.ts";
import { REPOSITORY } from "../src/repository.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tandem-source-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function altered(change: (text: string) => string): string {
  const path = join(folder, "altered.json");
  writeFileSync(path, change(readFileSync(join(REPOSITORY, "lab", "site-to-site.json"), "utf8")));
  return path;
}

describe("lab files", () => {
  it.each(listTopologies())("%s is accepted", (name) => {
    const { plan } = readLabSource(locateLabFile(name), folder);
    expect(plan.nodes.length).toBeGreaterThan(3);
  });

  it("names file, line and column of a value that is refused", () => {
    const path = altered((text) => text.replace('"activeActive": false', '"activeActive": "no"'));
    const line =
      readFileSync(path, "utf8")
        .split("\n")
        .findIndex((one) => one.includes('"activeActive": "no"')) + 1;
    expect(() => readLabSource(path, folder)).toThrow(
      new RegExp(`altered\\.json:${line}:\\d+: .*activeActive.*"no"`),
    );
  });

  it("names the place of a syntax error", () => {
    const path = altered((text) => text.replace('"virtualNetworks": [', '"virtualNetworks": [,'));
    expect(() => readLabSource(path, folder)).toThrow(/altered\.json:\d+:\d+: ValueExpected/);
  });

  it("never prints a shared key", () => {
    const path = altered((text) => text.replace(/"sharedKey": "[^"]*"/, '"sharedKey": 12345678901'));
    expect(() => readLabSource(path, folder)).toThrow(/sharedKey/);
    expect(() => readLabSource(path, folder)).not.toThrow(/12345678901/);
  });

  it("lists the topologies when there is none of that name", () => {
    expect(() => locateLabFile("no-such")).toThrow('there is no topology "no-such"');
  });
});
