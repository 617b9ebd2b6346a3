/** The fabric in real namespaces: who gets a packet, who may send one, and what stays when the agent goes. */
import type { ChildProcess } from "node:child_process";
import { FabricStatus, SetOwnerAnswer } from "@tandem/contract";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ControlClient } from "../../src/control/control-client.ts";
import { DEVICE, FLOWS, PUBLIC, SEND_AS, SINK, SITE_HOST, TestFabric } from "./namespaces.ts";

const FLOW_COUNT = 64;

let lab: TestFabric;
let agent: ChildProcess;
let client: ControlClient;
/** Source port of a flow -> the instance that last received it, and how many came since the last `fresh`. */
const last = new Map<number, number>();
const counts = new Map<number, number>();

const until = (condition: () => boolean, what: string): Promise<void> => {
  const end = Date.now() + 10_000;
  return new Promise((resolve, reject) => {
    const look = (): void => {
      if (condition()) resolve();
      else if (Date.now() > end) reject(new Error(`not in time: ${what}`));
      else setTimeout(look, 5);
    };
    look();
  });
};

/** Every flow's instance, from packets that arrive after the call. */
async function placement(): Promise<Map<number, number>> {
  counts.clear();
  await until(
    () => counts.size === FLOW_COUNT && [...counts.values()].every((n) => n >= 2),
    "two packets of every flow",
  );
  return new Map(last);
}

const setOwner = async (seat: string, owner: string | null, epoch: number) =>
  SetOwnerAnswer.parse(await client.call("set-owner", { seat, owner, epoch }));

beforeAll(async () => {
  lab = new TestFabric();
  ({ child: agent, client } = await lab.agent());
  let listening = 0;
  for (const i of [0, 1]) {
    lab.script(`i${i}`, SINK(9999, SITE_HOST), (line) => {
      if (line === "listening") listening++;
      else {
        const port = Number(line.split(" ")[1]);
        last.set(port, i);
        counts.set(port, (counts.get(port) ?? 0) + 1);
      }
    });
  }
  await until(() => listening === 2, "sinks");
  lab.script("host", FLOWS(FLOW_COUNT, 10), () => {});
}, 30_000);

afterAll(() => lab.close());

beforeEach(() => {
  counts.clear();
});

describe("spread and ownership", () => {
  let before: Map<number, number>;
  let during: Map<number, number>;

  test("flows are spread over both seats", async () => {
    before = await placement();
    const first = [...before.values()].filter((i) => i === 0).length;
    expect(first).toBeGreaterThan(FLOW_COUNT / 8);
    expect(first).toBeLessThan((FLOW_COUNT * 7) / 8);
  });

  test("a seat without owner: its flows go to the other, the others' stay", async () => {
    const answer = await setOwner("gw/1", null, 2);
    expect(answer.changed).toBe(true);
    during = await placement();
    expect([...during.values()].every((i) => i === 0)).toBe(true);
  });

  test("a seat that returns takes no living flow", async () => {
    await setOwner("gw/1", "gw/IN_1", 3);
    const after = await placement();
    for (const [port, i] of before) if (i === 0) expect(after.get(port)).toBe(0);
    expect(after).toEqual(during);
  });

  test("a partner that hosts both seats gets the flows of both", async () => {
    await setOwner("gw/0", "gw/IN_1", 2);
    expect([...(await placement()).values()].every((i) => i === 1)).toBe(true);
    await setOwner("gw/0", "gw/IN_0", 3);
    expect([...(await placement()).values()].every((i) => i === 0)).toBe(true);
  });

  test("an older epoch is refused, a repeated command changes nothing", async () => {
    await expect(setOwner("gw/0", "gw/IN_1", 2)).rejects.toThrow("older");
    await expect(setOwner("gw/0", "gw/IN_1", 3)).rejects.toThrow("belongs to gw/IN_0");
    expect(await setOwner("gw/0", "gw/IN_0", 3)).toMatchObject({ changed: false });
    await expect(setOwner("gw/0", "gw/IN_7", 9)).rejects.toThrow("no instance");
  });

  test("a drained seat gets nothing new from the VNet and keeps its public IP", async () => {
    await client.call("drain", { seat: "gw/0" });
    expect([...(await placement()).values()].every((i) => i === 1)).toBe(true);
    expect(lab.links("fabric", `route get ${PUBLIC[0]}`)).toContain("g0out0");
    await client.call("drain", { seat: "gw/0", off: true });
  });

  test("a change takes milliseconds", async () => {
    const times: number[] = [];
    for (let epoch = 10; epoch < 60; epoch++) {
      times.push((await setOwner("gw/0", `gw/IN_${epoch % 2}`, epoch)).milliseconds);
    }
    await setOwner("gw/0", "gw/IN_0", 60);
    times.sort((a, b) => a - b);
    console.log(`change of owner: median ${times[25]!.toFixed(2)} ms, worst ${times.at(-1)!.toFixed(2)} ms`);
    expect(times[25]!).toBeLessThan(20);
  });
});

describe("seat addresses", () => {
  test("only the owner's port may send with a seat's public IP", async () => {
    const from: string[] = [];
    const children = [lab.script("device", SINK(7777, DEVICE), (line) => from.push(line))];
    const ofFirst = () => from.filter((line) => line.startsWith(`${PUBLIC[0]} `));
    try {
      await until(() => from.includes("listening"), "sink");
      // Both instances claim both addresses. Each sender has a port of its own, so packets can be told apart.
      for (const i of [0, 1])
        for (const address of PUBLIC)
          children.push(lab.script(`i${i}`, SEND_AS(address, DEVICE, 7777), () => {}));
      const flows = () => new Set(from.filter((l) => l !== "listening"));
      await until(() => flows().size >= 2, "packets of the owners");
      const seen = from.length;
      await until(() => from.length > seen + 40, "more packets");
      // Two addresses, one sender each: four claimed, two passed.
      expect(flows().size).toBe(2);
      expect([...flows()].map((l) => l.split(" ")[0]).sort()).toEqual([...PUBLIC].sort());
      // With the owner changed, the old one's packets stop and the new one's pass. What the sink has said before is read first.
      const old = ofFirst()[0];
      await setOwner("gw/0", "gw/IN_1", 70);
      await until(() => ofFirst().some((line) => line !== old), "the first packet of the new owner");
      from.length = 0;
      await until(() => ofFirst().length > 20, "packets of the new owner");
      expect(ofFirst()).not.toContain(old);
      await setOwner("gw/0", "gw/IN_0", 71);
    } finally {
      for (const child of children) child.kill("SIGKILL");
    }
  });

  test("an address of the VNet cannot come in through an outside port", async () => {
    const from: string[] = [];
    const children = [lab.script("device", SINK(7778, DEVICE), (line) => from.push(line))];
    try {
      await until(() => from.includes("listening"), "sink");
      for (const address of [SITE_HOST, PUBLIC[0]])
        children.push(lab.script("i0", SEND_AS(address, DEVICE, 7778), () => {}));
      await until(() => from.filter((l) => l.startsWith(PUBLIC[0])).length > 20, "packets of the owner");
      expect(from.some((l) => l.startsWith(SITE_HOST))).toBe(false);
    } finally {
      for (const child of children) child.kill("SIGKILL");
    }
  });
});

describe("without the agent", () => {
  test("a killed agent: everything goes on as it was; a new one remembers the epochs", async () => {
    const before = await placement();
    agent.kill("SIGKILL");
    // `ip netns exec` replaced itself by the agent, so the kill hit the agent.
    await until(() => !client.up, "the agent's end");
    expect(await placement()).toEqual(before);
    client.close();
    ({ child: agent, client } = await lab.agent());
    await expect(setOwner("gw/0", "gw/IN_1", 5)).rejects.toThrow("older");
    const status = FabricStatus.parse(await client.call("status"));
    expect(status.seats.map((s) => [s.name, s.owner, s.epoch])).toEqual([
      ["gw/0", "gw/IN_0", 71],
      ["gw/1", "gw/IN_1", 3],
    ]);
    expect(await placement()).toEqual(before);
  });

  test("a link that is cut gives its flows to the other, and comes back into the spread when healed", async () => {
    await setOwner("gw/0", "gw/IN_1", 80);
    await setOwner("gw/0", "gw/IN_0", 81);
    const owners = new Set((await placement()).values());
    const cut = owners.has(0) ? 0 : 1;
    lab.links(`i${cut}`, "link set dev in down");
    expect(new Set((await placement()).values())).toEqual(new Set([1 - cut]));
    lab.links(`i${cut}`, "link set dev in up");
    await until(
      () => lab.links("fabric", "nexthop show id 1904").includes("/"),
      "both next hops in the group",
    );
  });
});
