/** A fabric that cannot write /proc/sys, as in a container: nftables asks the question that rp_filter would have asked. */
import { SetOwnerAnswer } from "@tandem/contract";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { ControlClient } from "../../src/control/control-client.ts";
import { DEVICE, ip, ns, PUBLIC, SEND_AS, SINK, TestFabric } from "./namespaces.ts";

/** In a mount namespace of its own, with /proc/sys read-only. */
const READ_ONLY = ["unshare", "-m", "sh", "-c", 'mount --bind -o ro /proc/sys /proc/sys && exec "$@"', "sh"];

let lab: TestFabric;
let client: ControlClient;
/** "ADDRESS PORT" of what the device has received; every sender has a port of its own. */
const received: string[] = [];

const from = (address: string): string[] => received.filter((line) => line.startsWith(`${address} `));

async function until(what: string, holds: () => boolean): Promise<void> {
  const end = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > end)
      throw new Error(`not in time: ${what}; received: ${[...new Set(received)].join(", ")}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

beforeAll(async () => {
  lab = new TestFabric();
  ({ client } = await lab.agent(READ_ONLY));
  lab.script("device", SINK(7777, DEVICE), (line) => received.push(line));
  await until("the sink", () => received.includes("listening"));
  // Both instances claim both public IPs.
  for (const i of [0, 1]) for (const a of PUBLIC) lab.script(`i${i}`, SEND_AS(a, DEVICE, 7777), () => {});
}, 30_000);

afterAll(() => lab.close());

beforeEach(() => {
  received.length = 0;
});

test("rp_filter is off, as it must be for this to show anything", () => {
  const argv = ["netns", "exec", ns("fabric"), "cat", "/proc/sys/net/ipv4/conf/g0out0/rp_filter"];
  expect(ip(...argv).trim()).toBe("0");
});

test("only the owner's port may send with a seat's public IP", async () => {
  await until("both addresses", () => PUBLIC.every((a) => from(a).length > 40));
  for (const a of PUBLIC) expect(new Set(from(a)).size).toBe(1);
});

test("with the owner changed the old one's packets stop and the new one's pass", async () => {
  await until("the owner's", () => from(PUBLIC[0]).length > 5);
  const before = from(PUBLIC[0])[0];
  SetOwnerAnswer.parse(await client.call("set-owner", { seat: "gw/0", owner: "gw/IN_1", epoch: 2 }));
  received.length = 0;
  await until("the new owner's", () => from(PUBLIC[0]).length > 20);
  // What was on its way at the change may still be counted first.
  const after = from(PUBLIC[0]).slice(5);
  expect(new Set(after).size).toBe(1);
  expect(after[0]).not.toBe(before);
});
