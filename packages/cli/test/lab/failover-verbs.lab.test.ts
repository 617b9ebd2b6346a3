/** The verbs that break and mend, on the default topology: after each of them the lab is ready again. */
import { join } from "node:path";
import { FabricStatus, type LabStatus } from "@tandem/contract";
import { callControl } from "@tandem/lab";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TandemCommand } from "./tandem-command.ts";

const LAB = `verbs-${process.pid}`;
let tandem: TandemCommand;
beforeAll(async () => {
  tandem = new TandemCommand();
  await tandem.expect("lab", "up", "dual-redundancy", "--name", LAB);
});
afterAll(() => tandem.close());

/** Each look is a command of its own, which takes a second on a busy machine. */
const SOON = { timeout: 20_000 };

const status = async () => JSON.parse((await tandem.run("status", "--json")).stdout) as LabStatus;
const ready = () => tandem.expect("lab", "wait", "--timeout", "60");
const instance = async (name: string) => (await status()).instances.find((one) => one.name === name);

describe("an instance", () => {
  it("killed: comes back by itself, with a higher epoch of its seat", async () => {
    const before = await status();
    await tandem.expect("kill", "gw/IN_0");
    const { pid } = before.instances[0]!;
    await expect.poll(async () => (await instance("gw/IN_0"))?.pid, SOON).not.toBe(pid);
    await ready();
    const after = await status();
    expect(after.seats[0]?.epoch).toBeGreaterThan(before.seats[0]?.epoch ?? 0);
  });

  it("paused: is seen as down, and harms nothing when it wakes", async () => {
    await tandem.expect("pause", "gw/IN_1");
    await expect.poll(async () => (await instance("gw/IN_1"))?.state, SOON).toBe("down");
    await tandem.expect("resume", "gw/IN_1");
    await ready();
  });

  it("failed over, planned and unplanned", async () => {
    await tandem.expect("failover", "planned", "gw/IN_0");
    await ready();
    await tandem.expect("failover", "unplanned", "gw/1");
    await ready();
  });

  it("drained and taken back", async () => {
    await tandem.expect("drain", "gw/IN_0");
    await expect.poll(async () => (await instance("gw/IN_0"))?.state, SOON).toBe("draining");
    await tandem.expect("drain", "gw/IN_0", "--off");
    await ready();
    expect((await instance("gw/IN_0"))?.state).toBe("active");
  });

  it("cut off outside and healed", async () => {
    await tandem.expect("cut", "outside", "gw/IN_0");
    expect(await tandem.expect("heal")).toBe("healed: gw/IN_0:out\n");
    expect(await tandem.expect("heal")).toBe("healed: nothing was cut\n");
    await ready();
  });
});

describe("the others", () => {
  it.each(["device1", "supervisor", "fabric"])("%s killed and restored", async (node) => {
    await tandem.expect("kill", node);
    await tandem.expect("restore", node);
    await ready();
  });

  it("a gateway and a connection reset", async () => {
    await tandem.expect("reset");
    await ready();
    await tandem.expect("reset", "to-device1");
    await ready();
  });
});

describe("ready", () => {
  it("is not said of a lab whose packets the fabric sends nowhere, though every tunnel is up", async () => {
    await tandem.expect("kill", "supervisor");
    const socket = join(tandem.state, "labs", LAB, "control", "fabric.sock");
    const { seats } = FabricStatus.parse(await callControl(socket, "status"));
    for (const { name, epoch } of seats)
      await callControl(socket, "set-owner", { seat: name, owner: null, epoch: epoch + 1 });
    const said = await status();
    expect(said).toMatchObject({ ready: false, state: "down" });
    expect(said.reasons).toContain("seat gw/0: the fabric sends its packets nowhere, gw/IN_0 claims it");
    expect(said.tunnels.map(({ ike }) => ike)).toEqual(Array(4).fill("ESTABLISHED"));
    const ping = ["lab", "exec", "vnet1-host", "ping", "-c", "1", "-W", "1", "10.51.0.4"];
    expect((await tandem.run(...ping)).status).toBe(1);
    await tandem.expect("restore", "supervisor");
    await ready();
    await tandem.expect(...ping);
  });
});

describe("refusals", () => {
  it("an instance that does not exist", async () => {
    const { status: code, stderr } = await tandem.run("failover", "planned", "gw/IN_7");
    expect(code).toBe(1);
    expect(stderr).toContain("gw/IN_7");
  });

  it("neither planned nor unplanned", async () => {
    expect((await tandem.run("failover", "now")).status).toBe(2);
  });

  it("a network that a node does not have", async () => {
    const { stderr } = await tandem.run("cut", "partner", "device1");
    expect(stderr).toContain("device1 has no partner network");
  });
});
