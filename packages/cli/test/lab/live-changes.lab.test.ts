/** A connection removed, added and changed while the lab runs. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LabStatus } from "@tandem/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TandemCommand } from "./tandem-command.ts";

const REPOSITORY = join(import.meta.dirname, "..", "..", "..", "..");
let tandem: TandemCommand;

beforeAll(async () => {
  tandem = new TandemCommand();
  await tandem.expect("lab", "up", "site-to-site", "--name", `live-${process.pid}`);
});
afterAll(() => tandem.close());

const ping = () => tandem.run("lab", "exec", "vnet1-host", "ping", "-c", "1", "-W", "1", "10.51.0.4");
const tunnels = async () => JSON.parse((await tandem.run("status", "--json")).stdout) as LabStatus;

describe("live changes", () => {
  it("change a key at both ends, with a new IKE SA", async () => {
    const before = (await tunnels()).tunnels[0]?.initiatorSpi;
    await tandem.expect("connection", "set", "onprem", "--psk", "anotherkey1");
    await tandem.expect("lab", "wait", "--timeout", "20");
    expect((await tunnels()).tunnels[0]?.initiatorSpi).not.toBe(before);
    expect((await ping()).status).toBe(0);
  });

  it("change prefixes without touching the tunnel", async () => {
    const before = (await tunnels()).tunnels[0]?.initiatorSpi;
    await tandem.expect("connection", "set", "onprem", "--prefixes", "10.51.0.0/16");
    const routes = await tandem.json<{ prefix: string }[]>("routes", "gw/IN_0");
    expect(routes.map(({ prefix }) => prefix)).toEqual(["10.51.0.0/16"]);
    expect((await tunnels()).tunnels[0]?.initiatorSpi).toBe(before);
  });

  it("refuse what the rules refuse, and change nothing", async () => {
    const { status, stderr } = await tandem.run("connection", "set", "onprem", "--prefixes", "10.11.0.0/16");
    expect(status).toBe(1);
    expect(stderr).toContain("overlaps");
    expect((await ping()).status).toBe(0);
  });

  it("remove a connection and add it again", async () => {
    await tandem.expect("connection", "remove", "onprem");
    expect((await tunnels()).tunnels).toEqual([]);
    expect((await ping()).status).not.toBe(0);
    const file = JSON.parse(readFileSync(join(REPOSITORY, "lab", "site-to-site.json"), "utf8"));
    const addition = join(tandem.state, "connection.json");
    writeFileSync(addition, JSON.stringify(file.connections[0]));
    await tandem.expect("connection", "add", addition);
    await tandem.expect("lab", "wait", "--timeout", "20");
    expect((await ping()).status).toBe(0);
  });
});
