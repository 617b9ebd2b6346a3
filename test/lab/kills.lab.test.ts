/**
 * What the other kill tests leave out: both instances at once, a kill during a rekey, during BGP's load, during another
 * failover, a clean stop, cuts inside and of the control channel, a link that flaps. After each every flow is back, every
 * seat has one owner, nothing is left over (SAs, routes, addresses, namespaces, processes), nothing has left in clear, and
 * status has told the truth: it was not "ready" while packets did not get through.
 *
 * With --full all of them, ten times each, and the link flaps for a minute.
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { LabFileInput, LabInspect, LabStatus, ProcessStatus } from "@tandem/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { callControl } from "../../packages/lab/src/control/control-client.ts";
import { FULL, processesOf, REPOSITORY, run, SITE_HOST, UserLab, until, VNET_HOST } from "./user-lab.ts";

const LISTENER = join(REPOSITORY, "test/lab/programs/link-listener.ts");
const NODES = ["gw/IN_0", "gw/IN_1", "device1"];
const ROUNDS = FULL ? 10 : 1;
/** Of the disturbances below. */
const IN_CI = 3;
const FLAP_SECONDS = FULL ? 60 : 4;
/** Behind the device: enough that a session is not whole in the moment in which it is up. */
const PREFIXES = 200;
/**
 * After both instances died, the device was seen with a second Child SA for more than 20 s, and without it later. The likely
 * cause, not established: it deletes an SA whose other end is dead, and gives up after two thirds of its DPD time, 30 s (51 s when
 * this was seen).
 */
const LEFTOVER_SECONDS = 65;
/** So long after the first lost packet status may still not know: half a second of silence, and a busy machine. */
const UNAWARE_MILLISECONDS = 2_000;

const lab = new UserLab();
const listeners: ChildProcess[] = [];
let ping: ChildProcess;
let whole: string[];
const replies: number[] = [];
const readyAt: { readonly from: number; readonly to: number }[] = [];
let watching = true;
let watched: Promise<void>;

beforeAll(async () => {
  const file = JSON.parse(readFileSync(join(REPOSITORY, "lab/active-active.json"), "utf8")) as LabFileInput;
  delete file.$schema;
  const prefixes = Array.from({ length: PREFIXES }, (_, i) => `10.60.${i}.0/24`);
  file.tandem?.devices?.[0]?.addressPrefixes?.push(...prefixes);
  await lab.up(file, ["--profile", "hitless"]);
  for (const node of NODES) {
    const listener = lab.background(node, [process.execPath, LISTENER, "out"]);
    await once(listener.stdout!, "data");
    listeners.push(listener);
  }
  ping = lab.background("vnet1-host", ["ping", "-i", "0.05", "-D", SITE_HOST]);
  ping.stdout!.setEncoding("utf8").on("data", (text: string) => {
    for (const [, seconds] of text.matchAll(/^\[([\d.]+)\] \d+ bytes/gm))
      replies.push(Number(seconds) * 1000);
  });
  await settled();
  whole = await stable();
  watched = watchStatus();
});

afterAll(async () => {
  watching = false;
  await watched;
  await lab.down();
});

const control = (node: string): string =>
  join(lab.env.TANDEM_STATE!, "labs", lab.name, "control", `${node.replace("/", "-")}.sock`);
const ask = <T>(node: string, method: string, params?: unknown): Promise<T> =>
  callControl(control(node), method, params, 2_000) as Promise<T>;

const kill = async (node: string, signal: NodeJS.Signals = "SIGKILL"): Promise<void> =>
  void process.kill((await ask<ProcessStatus>(node, "status")).pid, signal);

/** Ready, every seat at home, and packets both ways. */
async function settled(): Promise<LabStatus> {
  const status = await until("ready, and every seat at home", 90, async () => {
    const now = await lab.status();
    return now.ready && now.seats.every(({ name, owner }) => owner === `gw/IN_${name.at(-1)}`) && now;
  });
  const there = await lab.exec("vnet1-host", ["ping", "-q", "-c", "3", "-i", "0.05", "-W", "2", SITE_HOST]);
  const back = await lab.exec("onprem-host", ["ping", "-q", "-c", "3", "-i", "0.05", "-W", "2", VNET_HOST]);
  expect([there.status, back.status]).toEqual([0, 0]);
  return status;
}

/** What must be the same after every disturbance: one line each. */
async function leftovers(): Promise<string[]> {
  const { nodes } = await lab.json<LabInspect>(["lab", "inspect"]);
  const kernel = NODES.flatMap((node) => {
    const netns = nodes.find(({ name }) => name === node)!.netns!;
    return [
      ["rule"],
      ["route", "show", "table", "all"],
      ["-6", "route", "show", "table", "all"],
      ["address"],
    ].map(async (words) => {
      const { stdout } = await run(["ip", "-netns", netns, "-oneline", ...words]);
      const lines = stdout.split("\n").filter((line) => !/fe80::|ff00::|^$/.test(line));
      // The index of an interface that was made anew is another one.
      return lines.map((line) => `${node} ${words[0]} ${line.replace(/^\d+: /, "").trim()}`);
    });
  });
  const associations = NODES.map(async (node) => {
    const { tunnels } = await ask<ProcessStatus>(node, "status");
    return tunnels.map(({ tunnel, children }) => `${node} ${tunnel}: ${children.length} Child SAs`);
  });
  const all = (await Promise.all([...kernel, ...associations])).flat();
  const namespaces = (await run(["ip", "netns", "list"])).stdout
    .split("\n")
    .filter((line) => line.includes(lab.name));
  return [...all, `${processesOf(lab.folder).length} processes`, `${namespaces.length} namespaces`].sort();
}

/** What is there and was not, or was and is not. */
function difference(before: readonly string[], after: readonly string[]): string[] {
  return [
    ...before.filter((line) => !after.includes(line)).map((line) => `gone: ${line}`),
    ...after.filter((line) => !before.includes(line)).map((line) => `new: ${line}`),
  ];
}

/** Also what comes after "ready", such as the routes of the partner's speaker, has come. */
async function stable(): Promise<string[]> {
  let last = await leftovers();
  for (;;) {
    await delay(2_000);
    const now = await leftovers();
    if (difference(last, now).length === 0) return now;
    last = now;
  }
}

/** Asks again and again; what it says is compared with the packets in the end. */
async function watchStatus(): Promise<void> {
  while (watching) {
    const from = Date.now();
    const { ready } = await lab.status().catch(() => ({ ready: false }));
    if (ready) readyAt.push({ from, to: Date.now() });
    await delay(200);
  }
}

/** The first ones also in CI. */
const DISTURBANCES: readonly (readonly [string, () => Promise<void>])[] = [
  ["both instances at once", async () => void (await Promise.all([kill("gw/IN_0"), kill("gw/IN_1")]))],
  [
    "a kill during a rekey of both SAs",
    async () => {
      await ask("gw/IN_0", "rekey", { connection: "to-device1", what: "ike" });
      await ask("gw/IN_0", "rekey", { connection: "to-device1", what: "child" });
      await delay(Math.random() * 20);
      await kill("gw/IN_0");
    },
  ],
  [
    "the one that takes over dies in the middle of a planned failover",
    async () => {
      const moving = lab.tandem(["failover", "planned", "gw/IN_0"]);
      await until("the move", 30, async () => {
        const { seats } = await ask<ProcessStatus>("gw/IN_1", "status");
        return seats.length === 2;
      });
      await kill("gw/IN_1");
      await moving;
    },
  ],
  [
    "the inside cut, and healed",
    async () => {
      await lab.must(["cut", "inside", "gw/IN_1"]);
      await delay(1_500);
      await lab.must(["heal"]);
    },
  ],
  [
    `an outside link that flaps every second for ${FLAP_SECONDS} s`,
    async () => {
      for (let second = 0; second < FLAP_SECONDS; second++) {
        await lab.must(["cut", "outside", "gw/IN_1"]);
        await delay(300);
        await lab.must(["heal"]);
      }
    },
  ],
  [
    "a kill while BGP's routes come in",
    async () => {
      const before = (await ask<ProcessStatus>("gw/IN_1", "status")).pid;
      await kill("gw/IN_1");
      await until("a new process, back home", 60, async () => {
        const status = await ask<ProcessStatus>("gw/IN_1", "status");
        const peers = status.bgpPeers.filter(
          ({ seat, neighbor }) => seat === "gw/1" && neighbor.startsWith("10.52."),
        );
        return (
          status.pid !== before &&
          peers.some(({ state }) => state === "Established" || state === "OpenConfirm")
        );
      });
      await kill("gw/IN_1");
    },
  ],
  ["a clean stop", () => kill("gw/IN_0", "SIGTERM")],
  [
    "the control channel cut, and healed",
    async () => {
      await lab.must(["cut", "control", "gw/IN_0"]);
      await delay(1_500);
      await lab.must(["heal"]);
    },
  ],
];

it.each(FULL ? DISTURBANCES : DISTURBANCES.slice(0, IN_CI))(
  "%s: all is as before",
  async (_name, disturb) => {
    for (let round = 0; round < ROUNDS; round++) {
      await disturb();
      await settled();
      const same = async (): Promise<boolean> => difference(whole, await leftovers()).length === 0;
      await until("nothing left over", LEFTOVER_SECONDS, same).catch(() => {});
      expect(difference(whole, await leftovers())).toEqual([]);
    }
  },
);

it("status was not ready while no packet got through", async () => {
  expect(replies.length).toBeGreaterThan(100);
  const lies = replies.slice(1).flatMap((reply, i) => {
    const last = replies[i]!;
    return readyAt
      .filter(({ from, to }) => from > last + UNAWARE_MILLISECONDS && to < reply - 200)
      .map(({ from }) => `ready ${from - last} ms after the last packet, ${reply - from} ms before the next`);
  });
  expect(lies).toEqual([]);
  expect(readyAt.length).toBeGreaterThan(5);
});

it("nothing has left in clear", async () => {
  ping.kill("SIGKILL");
  for (const [i, listener] of listeners.entries()) {
    let said = "";
    listener.stdout!.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    listener.stdin!.end();
    await once(listener, "close");
    const heard = JSON.parse(said) as { frames: number; esp: number; clear: string[] };
    expect(heard.clear, NODES[i]).toEqual([]);
    expect(heard.esp, NODES[i]).toBeGreaterThan(20);
  }
});
