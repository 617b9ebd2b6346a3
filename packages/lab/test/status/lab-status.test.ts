/** Status put together from processes that answer on real control sockets, each with the words the test gives it. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LabStatus, nodeFileName, type ProcessStatus } from "@tandem/contract";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { serveControl } from "../../src/control/control-server.ts";
import { recordProcess, writePlan } from "../../src/lab-record.ts";
import { locateLabFile, readLabSource } from "../../src/lab-source.ts";
import { identify } from "../../src/process/process-identity.ts";
import { createStateFolder, type StateFolder, stateFolder } from "../../src/state-folder.ts";
import { labStatus } from "../../src/status/lab-status.ts";

let root: string;
let folder: StateFolder;
let statusBefore: string | undefined;
let instance: ProcessStatus;
let supervisor: LabStatus;
let fabric: unknown;
let device: Partial<ProcessStatus>;

/** `site-to-site`, and nobody has a word against it. */
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "tandem-status-"));
  statusBefore = process.env.TANDEM_STATE;
  process.env.TANDEM_STATE = root;
  folder = stateFolder("unit");
  mkdirSync(root, { recursive: true });
  const { plan } = readLabSource(locateLabFile("site-to-site"), folder.root, { name: "unit" });
  createStateFolder(folder, 40);
  writePlan(folder, plan);
  const tunnel = plan.tunnels[0]!;
  instance = {
    name: "gw/IN_0",
    kind: "instance",
    gateway: "gw",
    pid: process.pid,
    version: "0",
    draining: false,
    seats: [{ name: "gw/0", publicIp: "203.0.113.10", bgpIp: "10.12.255.4", epoch: 1 }],
    tunnels: [
      {
        tunnel: tunnel.id,
        connection: tunnel.connection,
        seat: tunnel.seat,
        instance: "gw/IN_0",
        remote: tunnel.remote,
        ike: "ESTABLISHED",
        flows: 1,
        children: [{ spiIn: "00000001", spiOut: "00000002", esp: "AES_GCM_16-128", bytesIn: 0, bytesOut: 0 }],
      },
    ],
    bgpPeers: [],
    dataPlane: { backend: "evp", offloads: [], counters: {}, drops: {}, stalledMilliseconds: 12 },
  };
  fabric = undefined;
  device = {};
  supervisor = {
    ready: true,
    state: "ready",
    reasons: [],
    profile: "fast",
    instances: [{ name: "gw/IN_0", state: "active", pid: process.pid, seats: ["gw/0"] }],
    seats: [{ name: "gw/0", publicIp: "203.0.113.10", bgpIp: "10.12.255.4", owner: "gw/IN_0", epoch: 1 }],
    tunnels: [],
    bgpPeers: [],
    supervision: [],
  };
  for (const node of plan.nodes) {
    if (node.kind === "host" || (node.kind === "device" && node.software !== "tandem")) continue;
    const standby = { ...instance, name: node.name, seats: [], tunnels: [] };
    await serveControl(node.config.controlSocket, {
      status: () =>
        ({ "gw/IN_0": instance, supervisor, fabric })[node.name] ?? {
          ...standby,
          ...(node.kind === "device" ? device : {}),
        },
    });
    recordProcess(folder, { node: node.name, role: node.kind, identity: identify(process.pid)! });
  }
  const node = plan.nodes.find(({ kind }) => kind === "supervisor");
  if (node !== undefined)
    recordProcess(folder, { node: node.name, role: "supervisor", identity: identify(process.pid)! });
});
afterEach(() => {
  if (statusBefore === undefined) delete process.env.TANDEM_STATE;
  else process.env.TANDEM_STATE = statusBefore;
  rmSync(root, { recursive: true, force: true });
});

describe("labStatus", () => {
  it("is ready when everybody is and packets go where the tunnels are", async () => {
    expect(await labStatus(folder)).toMatchObject({ ready: true, state: "ready", reasons: [] });
  });

  it("is not ready when the fabric sends a seat's packets nowhere, though every tunnel is established", async () => {
    supervisor = {
      ...supervisor,
      seats: supervisor.seats.map((seat) => ({ ...seat, owner: null, epoch: 2 })),
      supervision: [{ subject: "gw/0", reason: "the fabric sends its packets nowhere" }],
    };
    expect(await labStatus(folder)).toMatchObject({
      ready: false,
      state: "down",
      reasons: ["seat gw/0: the fabric sends its packets nowhere"],
    });
  });

  it("is not ready when the fabric sends them to another than the one that has the tunnels", async () => {
    supervisor = {
      ...supervisor,
      seats: supervisor.seats.map((seat) => ({ ...seat, owner: "gw/IN_1", epoch: 2 })),
    };
    const { ready, reasons } = await labStatus(folder);
    expect(ready).toBe(false);
    expect(reasons).toEqual(["seat gw/0: the fabric sends its packets to gw/IN_1, gw/IN_0 claims it"]);
  });

  it("believes the fabric itself, also where the supervisor knows nothing of it", async () => {
    const seat = { name: "gw/0", publicIp: "203.0.113.10", bgpIp: "10.12.255.4", drained: false };
    fabric = { name: "fabric", pid: 1, filter: "nftables", seats: [{ ...seat, owner: null, epoch: 2 }] };
    expect(await labStatus(folder)).toMatchObject({
      state: "down",
      reasons: ["seat gw/0: the fabric sends its packets nowhere, gw/IN_0 claims it"],
    });
  });

  it("repeats the supervisor's verdict on an instance that answers for itself", async () => {
    supervisor = {
      ...supervisor,
      supervision: [{ subject: "gw/IN_0", reason: "the supervisor's verdict is down" }],
    };
    expect((await labStatus(folder)).reasons).toEqual(["gw/IN_0: the supervisor's verdict is down"]);
  });

  it("is not ready when a packet loop stands still", async () => {
    instance = { ...instance, dataPlane: { ...instance.dataPlane, stalledMilliseconds: 4_200 } };
    expect((await labStatus(folder)).reasons).toEqual(["gw/IN_0: its data plane has stood still for 4.2 s"]);
  });

  it("is not ready when a device has restarted, and the gateway still believes in the session that it had", async () => {
    const session = {
      neighbor: "10.52.255.254",
      asn: 65050,
      state: "Established",
      routesReceived: 2,
    } as const;
    instance = {
      ...instance,
      bgpPeers: [{ ...session, seat: "gw/0", localAddress: "10.12.255.4", peer: "to-device1|gw/0|device1" }],
    };
    const own = { ...session, neighbor: "10.12.255.4", seat: "device1/0", peer: "to-device1|device1/0|gw/0" };
    for (const [bgpPeers, state] of [
      [[{ ...own, state: "Active" } as const], "Active"],
      [[], "Idle"],
    ] as const) {
      device = { bgpPeers: [...bgpPeers] };
      expect((await labStatus(folder)).reasons).toEqual([
        `BGP device1 to 10.12.255.4: ${state}, although gw/0 has it Established`,
      ]);
    }
    device = { bgpPeers: [own] };
    expect((await labStatus(folder)).reasons).toEqual([]);
  });

  it("is not ready when a device is gone, before the gateway has noticed", async () => {
    rmSync(join(folder.control, `${nodeFileName("device1")}.sock`));
    expect((await labStatus(folder)).reasons).toEqual(["device1: the process is not running"]);
  });
});
