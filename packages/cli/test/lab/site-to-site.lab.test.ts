/** One real tunnel from one command, and nothing left behind. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { LabInspect, LabStatus } from "@tandem/contract";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { leftovers, TandemCommand } from "./tandem-command.ts";

let tandem: TandemCommand;
beforeEach(() => {
  tandem = new TandemCommand();
});
afterEach(() => tandem.close());

const lab = `s2s-${process.pid}`;

describe("site-to-site", () => {
  it("comes up, carries pings both ways, and tells the truth about them", async () => {
    await tandem.expect("lab", "up", "site-to-site", "--name", lab);
    const inspect = await tandem.json<LabInspect>("lab", "inspect");
    expect(inspect.nodes.map(({ kind }) => kind).sort()).toEqual(
      ["device", "fabric", "host", "host", "instance", "instance", "supervisor"].sort(),
    );
    const address = (node: string): string =>
      inspect.nodes.find(({ name }) => name === node)?.addresses.eth0?.split("/")[0] ?? "";
    for (const size of ["1", "56", "1372"]) {
      await tandem.expect(
        "lab",
        "exec",
        "vnet1-host",
        "ping",
        "-c",
        "2",
        "-i",
        "0.2",
        "-W",
        "2",
        "-s",
        size,
        address("onprem-host"),
      );
    }
    await tandem.expect(
      "lab",
      "exec",
      "onprem-host",
      "ping",
      "-c",
      "2",
      "-i",
      "0.2",
      "-W",
      "2",
      address("vnet1-host"),
    );
    const status = await tandem.json<LabStatus>("status");
    expect(status.ready).toBe(true);
    const child = status.tunnels[0]?.children[0];
    expect(child?.packetsOut).toBeGreaterThanOrEqual(8);
    expect(child?.packetsIn).toBeGreaterThanOrEqual(8);
    const device = JSON.parse(
      await tandem.expect("sas", "--node", "device1", "--json"),
    ) as LabStatus["tunnels"];
    expect(device[0]?.children[0]).toMatchObject({ spiIn: child?.spiOut, spiOut: child?.spiIn });
  });

  it("keeps its secrets to its owner", async () => {
    await tandem.expect("lab", "up", "site-to-site", "--name", lab, "--timeout", "0");
    const root = join(tandem.state, "labs", lab);
    expect(statSync(root).mode & 0o077).toBe(0);
    for (const file of readdirSync(join(root, "config"))) {
      expect(statSync(join(root, "config", file)).mode & 0o077, file).toBe(0);
    }
  });

  it("leaves nothing behind", async () => {
    await tandem.expect("lab", "up", "site-to-site", "--name", lab);
    await tandem.expect("lab", "down", lab);
    expect(leftovers(lab)).toEqual([]);
    expect(existsSync(join(tandem.state, "labs", lab))).toBe(false);
  });

  it("comes up again after everything was killed", async () => {
    await tandem.expect("lab", "up", "site-to-site", "--name", lab);
    const { nodes } = await tandem.json<LabInspect>("lab", "inspect");
    for (const { pid } of nodes) if (pid !== null) process.kill(pid, "SIGKILL");
    await expect
      .poll(async () => (await tandem.json<{ labs: { state: string }[] }>("lab", "list")).labs[0]?.state)
      .toBe("left behind");
    await tandem.expect("lab", "up", "site-to-site", "--name", lab);
    expect((await tandem.json<LabStatus>("status")).ready).toBe(true);
  });

  it("does not disturb a second lab of the same topology", async () => {
    await Promise.all([
      tandem.expect("lab", "up", "site-to-site", "--name", `${lab}-a`),
      tandem.expect("lab", "up", "site-to-site", "--name", `${lab}-b`),
    ]);
    await tandem.expect("lab", "down", `${lab}-a`);
    expect((await tandem.json<LabStatus>("status", "--name", `${lab}-b`)).ready).toBe(true);
    await tandem.expect("lab", "exec", "vnet1-host", "ping", "-c", "1", "-W", "2", "10.51.0.4");
  });
});

describe("bad input", () => {
  it("refuses a second lab of the same name", async () => {
    await tandem.expect("lab", "up", "site-to-site", "--name", lab, "--timeout", "0");
    const { status, stderr } = await tandem.run("lab", "up", "site-to-site", "--name", lab);
    expect(status).toBe(1);
    expect(stderr).toContain(`lab "${lab}" is up already`);
  });

  it("names the node when there is none of that name", async () => {
    await tandem.expect("lab", "up", "site-to-site", "--name", lab, "--timeout", "0");
    const { status, stderr } = await tandem.run("lab", "exec", "nobody", "true");
    expect(status).toBe(1);
    expect(stderr).toContain("vnet1-host");
  });

  it("gives the exit status of the command", async () => {
    await tandem.expect("lab", "up", "site-to-site", "--name", lab, "--timeout", "0");
    expect((await tandem.run("lab", "exec", "vnet1-host", "sh", "-c", "exit 7")).status).toBe(7);
    expect((await tandem.run("lab", "exec", "vnet1-host", "sh", "-c", "kill -9 $$")).status).toBe(137);
  });
});
