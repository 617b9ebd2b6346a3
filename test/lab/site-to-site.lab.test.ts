/**
 * What a user does with the first topology, Tandem to Tandem: up, look at it, change it, break it, take it down.
 * Runs as root, and inside a user namespace; rootless.lab.test.ts does the same as a user without either.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { LabFileInput, LabInspect, TandemEvent, TunnelStatus } from "@tandem/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  iperf3,
  processesOf,
  REPOSITORY,
  run,
  SITE_HOST,
  siteToSite,
  UserLab,
  until,
  VNET_HOST,
} from "./user-lab.ts";

const SECOND_SITE_HOST = "10.61.0.4";

/** A second site behind a device of its own. */
function twoSites(change: (file: LabFileInput) => void = () => {}): LabFileInput {
  return siteToSite((file) => {
    file.localNetworkGateways!.push({
      name: "branch",
      properties: {
        gatewayIpAddress: "198.51.100.20",
        localNetworkAddressSpace: { addressPrefixes: ["10.61.0.0/16"] },
      },
    });
    file.connections!.push(branchConnection());
    file.tandem!.devices!.push({ name: "device2", publicIpAddress: "198.51.100.20", site: "branch" });
    change(file);
  });
}

function branchConnection() {
  return {
    name: "branch",
    properties: {
      connectionType: "IPsec",
      virtualNetworkGateway1: { id: "virtualNetworkGateways/gw" },
      localNetworkGateway2: { id: "localNetworkGateways/branch" },
      sharedKey: "Busan3Seoul7",
    },
  };
}

const ping = (address: string, ...more: string[]): string[] => [
  "ping",
  "-c",
  "1",
  "-W",
  "2",
  ...more,
  address,
];
const namespaces = async (): Promise<string> => (await run(["ip", "netns", "list"])).stdout;

describe("looking", () => {
  const lab = new UserLab();
  beforeAll(async () => {
    await lab.up("site-to-site");
  });
  afterAll(() => lab.down());

  it("carries pings of 1 to 1,372 bytes and TCP, both ways", async () => {
    const sizes = [1, 8, 15, 16, 17, 64, 512, 1371, 1372];
    for (const [from, to] of [
      ["vnet1-host", SITE_HOST],
      ["onprem-host", VNET_HOST],
    ] as const)
      for (const size of sizes)
        expect((await lab.exec(from, ping(to, "-s", String(size)))).status, `${size} bytes`).toBe(0);
    const there = await iperf3(lab, "vnet1-host", "onprem-host", SITE_HOST);
    const back = await iperf3(lab, "onprem-host", "vnet1-host", VNET_HOST);
    process.stdout.write(`site-to-site: ${Math.round(there)} and ${Math.round(back)} Mbit/s\n`);
    expect(Math.min(there, back)).toBeGreaterThan(20);
  });

  it("status, sas and inspect agree with each other and with the other end", async () => {
    const status = await lab.status();
    expect(status).toMatchObject({ ready: true, state: "ready", reasons: [] });
    expect(status.instances.map(({ name, state }) => `${name} ${state}`)).toEqual([
      "gw/IN_0 active",
      "gw/IN_1 standby",
    ]);
    const inspect = await lab.json<LabInspect>(["lab", "inspect"]);
    for (const instance of status.instances)
      expect(inspect.nodes.find(({ name }) => name === instance.name)?.pid).toBe(instance.pid);
    expect(inspect.nodes.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(["host", "fabric", "instance", "device"]),
    );
    const theirs = await lab.json<TunnelStatus[]>(["sas", "--node", "device1"]);
    const ours = await lab.json<TunnelStatus[]>(["sas", "--node", "gw/IN_0"]);
    const [a] = ours.flatMap(({ children }) => children);
    const [b] = theirs.flatMap(({ children }) => children);
    expect([b?.spiIn, b?.spiOut]).toEqual([a?.spiOut, a?.spiIn]);
    expect(await lab.must(["sas"])).toMatch(
      /onprem: #1, ESTABLISHED, IKEv2, [0-9a-f]{16}_i\*? [0-9a-f]{16}_r/,
    );
  });

  it("events are one line each and complete as JSON", async () => {
    const lines = (await lab.must(["events", "--once", "--json"])).trim().split("\n");
    const events = lines.map((line) => JSON.parse(line) as TandemEvent);
    expect(events.map(({ event }) => event)).toEqual(
      expect.arrayContaining(["ike.established", "child.up", "tunnel.up"]),
    );
    expect(events.map(({ operationName }) => operationName)).toContain("TunnelConnected");
    expect(JSON.stringify(events)).not.toContain("Seoul3Busan7");
    expect(await lab.must(["events", "--ike", "onprem", "--once"])).toContain("HDR, SAi1, KEi, Ni");
  });

  it("routes and explain say where a packet goes", async () => {
    expect(await lab.must(["routes"])).toContain("10.51.0.0/16");
    expect(await lab.must(["explain", VNET_HOST, `${SITE_HOST}:443`])).toContain("onprem|gw/0|device1");
    expect(await lab.must(["explain", VNET_HOST, "192.0.2.1"])).toContain("no tunnel leads there");
  });

  it("no secret appears in anything that is printed", async () => {
    for (const words of [["status"], ["sas"], ["lab", "inspect"], ["routes"], ["lab", "logs", "gw/IN_0"]]) {
      const { stdout, stderr } = await lab.tandem(words);
      expect(stdout + stderr).not.toContain("Seoul3Busan7");
    }
  });
});

describe("live changes", () => {
  const lab = new UserLab();
  beforeAll(async () => {
    await lab.up(twoSites());
  });
  afterAll(() => lab.down());

  /** SPIs of one connection's Child SAs: they change when, and only when, its tunnel is made anew. */
  const spis = async (connection: string): Promise<string> => {
    const { tunnels } = await lab.status();
    return tunnels
      .filter((tunnel) => tunnel.connection === connection)
      .flatMap(({ initiatorSpi, children }) => [
        initiatorSpi,
        ...children.flatMap((c) => [c.spiIn, c.spiOut]),
      ])
      .join(" ");
  };
  /** Both ends dial when a connection changes; of two crossing IKE SAs, each with a Child SA, one goes seconds later. */
  const nothingMoves = async (): Promise<void> => {
    let seen = "";
    let since = 0;
    await until("each tunnel to have one Child SA, the same for a second", 20, async () => {
      const { tunnels } = await lab.status();
      const now = tunnels.flatMap(({ children }) => children.map(({ spiIn }) => spiIn)).join(" ");
      if (now !== seen || tunnels.some(({ children }) => children.length !== 1)) since = performance.now();
      seen = now;
      return performance.now() - since > 1_000;
    });
  };
  const onlyReplaces = async (
    changed: string,
    untouched: string,
    words: readonly string[],
  ): Promise<void> => {
    await nothingMoves();
    const before = { changed: await spis(changed), untouched: await spis(untouched) };
    expect(before.untouched).not.toBe("");
    await lab.must(words);
    await until("the tunnel to be made anew", 20, async () => {
      const now = await spis(changed);
      return now !== "" && now !== before.changed && (await lab.status()).ready;
    });
    await nothingMoves();
    expect(await spis(untouched)).toBe(before.untouched);
  };

  it("a new key replaces the tunnel of its connection and no other", async () => {
    // Another one in a second attempt, too: the same would change nothing.
    const key = `Another1Key${Date.now()}`;
    await onlyReplaces("onprem", "branch", ["connection", "set", "onprem", "--psk", key]);
    expect((await lab.exec("vnet1-host", ping(SITE_HOST))).status).toBe(0);
  });

  it("a new policy, too, and it is in force", async () => {
    const policy = lab.write("policy.json", {
      ikeEncryption: "GCMAES256",
      ikeIntegrity: "SHA384",
      dhGroup: "ECP384",
      ipsecEncryption: "GCMAES128",
      ipsecIntegrity: "GCMAES128",
      pfsGroup: "None",
      saLifeTimeSeconds: 27_000,
      saDataSizeKilobytes: 102_400_000,
    });
    await onlyReplaces("onprem", "branch", ["connection", "set", "onprem", "--policy", policy]);
    const tunnel = (await lab.status()).tunnels.find(({ connection }) => connection === "onprem");
    expect(tunnel).toMatchObject({
      ikeSuite: "AES_GCM_16-256/PRF_HMAC_SHA2_384/ECP_384",
      children: [{ esp: "AES_GCM_16-128" }],
    });
    expect((await lab.exec("vnet1-host", ping(SITE_HOST))).status).toBe(0);
  });

  it("other prefixes change routes and no SA at all", async () => {
    const before = [await spis("onprem"), await spis("branch")];
    await lab.must(["connection", "set", "onprem", "--prefixes", "10.51.0.0/16"]);
    expect(await lab.must(["routes"])).not.toContain("10.52.0.0/16");
    expect([await spis("onprem"), await spis("branch")]).toEqual(before);
    expect((await lab.exec("vnet1-host", ping(SITE_HOST))).status).toBe(0);
  });

  it("a connection can be removed and added again", async () => {
    const before = await spis("onprem");
    expect((await lab.exec("vnet1-host", ping(SECOND_SITE_HOST))).status).toBe(0);
    await lab.must(["connection", "remove", "branch"]);
    expect((await lab.exec("vnet1-host", ping(SECOND_SITE_HOST))).status).not.toBe(0);
    expect(await spis("branch")).toBe("");
    await lab.must(["connection", "add", lab.write("branch.json", branchConnection())]);
    await lab.must(["lab", "wait"]);
    expect((await lab.exec("vnet1-host", ping(SECOND_SITE_HOST))).status).toBe(0);
    expect(await spis("onprem")).toBe(before);
  });

  it("a change that cannot be is refused whole", async () => {
    await nothingMoves();
    const before = [await spis("onprem"), await spis("branch")];
    const refused = await lab.tandem(["connection", "set", "onprem", "--prefixes", "10.11.0.0/16"]);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(/AddressPrefixOverlap/);
    const unknown = await lab.tandem(["connection", "remove", "nonsense"]);
    expect(unknown.status).toBe(1);
    expect(unknown.stderr).toMatch(/cure: there are: onprem, branch/);
    expect([await spis("onprem"), await spis("branch")]).toEqual(before);
  });
});

describe("nothing left behind", () => {
  it("two labs at once do not see each other, and each goes without the other", async () => {
    const [one, two] = [new UserLab(), new UserLab()];
    try {
      await Promise.all([one.up("site-to-site"), two.up("site-to-site")]);
      expect((await one.exec("vnet1-host", ping(SITE_HOST))).status).toBe(0);
      expect((await two.exec("vnet1-host", ping(SITE_HOST))).status).toBe(0);
      expect((await one.tandem(["lab", "down"])).status).toBe(0);
      expect(await namespaces()).not.toContain(`${one.name}.`);
      expect(processesOf(one.folder)).toEqual([]);
      expect((await two.exec("vnet1-host", ping(SITE_HOST))).status).toBe(0);
    } finally {
      await Promise.all([one.down(), two.down()]);
    }
    expect(await namespaces()).not.toContain(`${two.name}.`);
  });

  it("down removes processes, namespaces and files; a second down says that there is nothing", async () => {
    const lab = new UserLab();
    await lab.up("site-to-site");
    expect(processesOf(lab.folder).length).toBeGreaterThan(4);
    await lab.must(["lab", "down"]);
    expect(processesOf(lab.folder)).toEqual([]);
    expect(await namespaces()).not.toContain(`${lab.name}.`);
    expect(readdirSync(join(lab.folder, "state/labs"))).toEqual([]);
    const again = await lab.tandem(["lab", "down"]);
    expect(again.status).toBe(1);
    expect(again.stderr).toContain(`there is no lab "${lab.name}"`);
    await lab.down();
  });

  it("comes up again after SIGKILL of everything", async () => {
    const lab = new UserLab();
    try {
      await lab.up("site-to-site");
      const doomed = processesOf(lab.folder);
      for (const pid of doomed) process.kill(pid, "SIGKILL");
      await until("all of them to be gone", 5, async () => processesOf(lab.folder).length === 0);
      expect((await lab.tandem(["status"])).status).not.toBe(0);
      await lab.up("site-to-site");
      expect((await lab.exec("vnet1-host", ping(SITE_HOST))).status).toBe(0);
    } finally {
      await lab.down();
    }
    expect(await namespaces()).not.toContain(`${lab.name}.`);
  });

  it("an interrupted lab up leaves nothing", async () => {
    const lab = new UserLab();
    const child = spawn(
      join(REPOSITORY, "tandem"),
      ["lab", "up", "site-to-site", "--name", lab.name, "--detach"],
      { env: lab.env, stdio: ["ignore", "ignore", "pipe"] },
    );
    const ended = once(child, "close");
    await until("its processes to start", 20, async () => processesOf(lab.folder).length > 3);
    child.kill("SIGINT");
    await ended;
    expect(processesOf(lab.folder)).toEqual([]);
    expect(await namespaces()).not.toContain(`${lab.name}.`);
    expect(existsSync(join(lab.folder, "state/labs", lab.name))).toBe(false);
    await lab.down();
  });
});
