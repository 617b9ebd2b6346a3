/** Every topology under lab/ keeps its promises, with real traffic. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LabFileInput } from "@tandem/contract";
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

/** The topology without BGP: the local network gateways name what is behind the devices. */
function withoutBgp(topology: string): LabFileInput {
  const file = JSON.parse(readFileSync(join(FOLDER, `${topology}.json`), "utf8")) as LabFileInput & {
    $schema?: string;
  };
  delete file.$schema;
  for (const { properties } of file.virtualNetworkGateways) properties.enableBgp = false;
  for (const { properties } of file.connections ?? []) properties.enableBgp = false;
  for (const { properties } of file.localNetworkGateways ?? []) {
    const device = file.tandem?.devices?.find((d) => d.publicIpAddress === properties.gatewayIpAddress);
    delete properties.bgpSettings;
    properties.localNetworkAddressSpace = { addressPrefixes: device?.addressPrefixes ?? [] };
  }
  return file;
}

describe("with static routes, where the rules allow them", () => {
  it.each(["active-standby", "active-active", "vnet-to-vnet"])("%s", async (topology) => {
    const path = join(tandem.state, `${topology}-static.json`);
    writeFileSync(path, JSON.stringify(withoutBgp(topology)));
    expect(await tandem.failures(path, "--name", `sta-${process.pid}`)).toEqual([]);
  });
});

it("a report is JUnit's XML", async () => {
  const file = join(tandem.state, "report.xml");
  await tandem.expect("validate", "site-to-site", "--file-only", "--junit", file);
  expect(readFileSync(file, "utf8")).toContain('<testsuite name="site-to-site" tests="1" failures="0">');
});
