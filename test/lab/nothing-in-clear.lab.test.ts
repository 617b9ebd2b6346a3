/**
 * Nothing ever leaves in clear: packet sockets on the outside links of both instances and of the device listen while
 * one process after the other is killed under traffic, until nothing is left of the lab but its namespaces.
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { LabInspect } from "@tandem/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { processesOf, REPOSITORY, SITE_HOST, UserLab, until, VNET_HOST } from "./user-lab.ts";

const LISTENER = join(REPOSITORY, "test/lab/programs/link-listener.ts");
const OUTSIDE = ["gw/IN_0", "gw/IN_1", "device1"];

const lab = new UserLab();
beforeAll(async () => {
  await lab.up("site-to-site");
});
afterAll(() => lab.down());

interface Heard {
  readonly frames: number;
  readonly esp: number;
  readonly clear: readonly string[];
}

async function listen(node: string, link = "out"): Promise<ChildProcess> {
  const listener = lab.background(node, [process.execPath, LISTENER, link]);
  await once(listener.stdout!, "data");
  return listener;
}

async function hear(listener: ChildProcess): Promise<Heard> {
  let said = "";
  listener.stdout!.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  listener.stdin!.end();
  await once(listener, "close");
  return JSON.parse(said) as Heard;
}

async function across(): Promise<boolean> {
  return (await lab.exec("vnet1-host", ["ping", "-c", "1", "-W", "1", SITE_HOST])).status === 0;
}

it("nothing leaves in clear while instance, device and all the rest are killed under traffic", async () => {
  const listeners = await Promise.all(OUTSIDE.map((node) => listen(node)));
  // The same program where packets are in clear: it would have noticed.
  const inside = await listen("device1", "in");
  const helpers = new Set(processesOf(lab.folder));
  const traffic = [
    lab.background("vnet1-host", ["ping", "-q", "-i", "0.005", SITE_HOST]),
    lab.background("onprem-host", ["ping", "-q", "-i", "0.005", VNET_HOST]),
  ];
  for (const one of traffic) {
    one.stdout?.resume();
    one.stderr?.resume();
  }
  try {
    await until("traffic across", 10, across);
    for (const victim of ["gw/IN_0", "device1"]) {
      await lab.must(["kill", victim]);
      await delay(500); // packets go on arriving at a namespace without its process: that is the case looked at
      await lab.must(["restore", victim]);
      await until(`traffic across again after ${victim}`, 60, across);
    }
    // Everything at once: nobody is left to enforce anything but the rules and routes that stand from the start.
    const { nodes } = await lab.json<LabInspect>(["lab", "inspect"]);
    for (const { pid } of nodes) if (pid !== null) process.kill(pid, "SIGKILL");
    await delay(1000);
    expect(await across()).toBe(false);
  } finally {
    for (const pid of processesOf(lab.folder).filter((pid) => !helpers.has(pid))) {
      try {
        process.kill(pid, "SIGINT");
      } catch {
        // it has ended in the meantime
      }
    }
  }
  for (const [i, listener] of listeners.entries()) {
    const heard = await hear(listener);
    process.stdout.write(`${OUTSIDE[i]} outside: ${heard.frames} frames, ${heard.esp} with ESP\n`);
    expect(heard.clear, OUTSIDE[i]).toEqual([]);
    expect(heard.frames).toBeGreaterThan(100);
  }
  expect((await hear(inside)).clear.length).toBeGreaterThan(0);
});
