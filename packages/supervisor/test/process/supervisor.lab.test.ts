/** The supervisor and the fabric's agent as processes: kills at random points, the API, who owns what in the end. */
import { statSync } from "node:fs";
import { seededRandom } from "@tandem/sansio";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SupervisedLab } from "./supervised-lab.ts";

/** Random points of a failover at which a process is killed, in each of two profiles: 20 in CI, 1,000 with --full. */
const POINTS = Number(process.env.TANDEM_KILL_POINTS ?? (process.env.TANDEM_FULL === "1" ? 500 : 10));
/** Another order of points, for a run in pieces. */
const SEED = Number(process.env.TANDEM_KILL_SEED ?? 0);
const LONGEST_POINT_MILLISECONDS = 20_000;

async function until(
  condition: () => Promise<boolean>,
  what: () => Promise<string>,
  milliseconds = 20_000,
): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`not in time: ${await what()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe.each(["fast", "hitless"] as const)("%s", (profile) => {
  let lab: SupervisedLab;

  const picture = async (): Promise<string> =>
    `${JSON.stringify([await lab.owners(), await lab.held(0), await lab.held(1)])}\n${lab.log()}`;
  const settled = (): Promise<void> => until(() => lab.consistent(), picture);

  beforeAll(async () => {
    lab = new SupervisedLab(profile);
    await lab.start();
    await settled();
    await until(
      async () => (await lab.status())?.instances?.every((i) => i.state === "active") ?? false,
      picture,
    );
  });

  afterAll(() => lab.close());

  test("SIGKILL of an instance: the seat goes, the instance is started again, all is as before", async () => {
    const pid = await lab.pid(1);
    process.kill(pid, "SIGKILL");
    await until(async () => (await lab.owners()).some((s) => s.name === "gw/1" && s.epoch > 1), picture);
    await settled();
    expect(await lab.pid(1)).not.toBe(pid);
  });

  test("SIGSTOP: the seat goes within a second; woken, it gives up what it held", async () => {
    const before = (await lab.owners()).find((s) => s.name === "gw/0")!;
    const pid = await lab.pid(Number(before.owner!.at(-1)));
    process.kill(pid, "SIGSTOP");
    const start = Date.now();
    await until(
      async () => (await lab.owners()).some((s) => s.name === "gw/0" && s.epoch > before.epoch),
      picture,
    );
    expect(Date.now() - start).toBeLessThan(1000);
    process.kill(pid, "SIGCONT");
    await settled();
  });

  test("control cut from a living instance moves nothing", async () => {
    await settled();
    const before = await lab.owners();
    await lab.call("cut-control", { instance: "gw/IN_0" });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await lab.owners()).toEqual(before);
    await lab.call("heal-control", {});
    await settled();
  });

  test(
    `${POINTS} random points: an instance dies, and with it the supervisor or the agent`,
    async () => {
      const random = seededRandom(2 * SEED + (profile === "fast" ? 1 : 2));
      for (let point = 0; point < POINTS; point++) {
        await settled();
        const before = new Map((await lab.owners()).map((s) => [s.name, s.epoch]));
        const victim = await lab.pid(random.below(2));
        process.kill(victim, random.below(3) === 0 ? "SIGSTOP" : "SIGKILL");
        await new Promise((resolve) => setTimeout(resolve, random.below(120)));
        const agent = random.below(2) === 0;
        if (agent) lab.killAgent();
        else lab.killSupervisor();
        await new Promise((resolve) => setTimeout(resolve, random.below(60)));
        if (agent) await lab.startAgent();
        else lab.startSupervisor();
        try {
          process.kill(victim, "SIGCONT");
        } catch {
          // it was a SIGKILL
        }
        await settled();
        for (const s of await lab.owners()) expect(s.epoch).toBeGreaterThanOrEqual(before.get(s.name)!);
      }
      process.stdout.write(`${profile}: ${POINTS} points from seed ${SEED}\n`);
    },
    60_000 + POINTS * LONGEST_POINT_MILLISECONDS,
  );
});

describe("API", () => {
  let lab: SupervisedLab;
  beforeAll(async () => {
    lab = new SupervisedLab("fast");
    await lab.start();
    await until(
      async () => (await lab.status())?.instances?.every((i) => i.state === "active") ?? false,
      async () => "start",
    );
  });
  afterAll(() => lab.close());

  test("live, status, metrics, history", async () => {
    expect((await lab.http("GET", "/health/live")).status).toBe(200);
    expect(JSON.parse((await lab.http("GET", "/status")).body)).toMatchObject({ profile: "fast" });
    expect((await lab.http("GET", "/metrics")).body).toContain('tandem_instance_up{instance="gw/IN_0"} 1');
    expect((await lab.http("GET", "/nothing")).status).toBe(404);
  });

  test("ready says why it is not", async () => {
    const pid = await lab.pid(1);
    expect((await lab.http("GET", "/health/ready")).status).toBe(200);
    process.kill(pid, "SIGKILL");
    await until(
      async () => (await lab.http("GET", "/health/ready")).status === 503,
      async () => "not ready",
    );
    const { reasons } = JSON.parse((await lab.http("GET", "/health/ready")).body) as { reasons: string[] };
    expect(reasons.join()).toContain("gw/");
    await until(
      () => lab.consistent(),
      async () => "consistent",
    );
  });

  test("the event stream: what was, and what happens from now on", async () => {
    const stream = lab.stream("/events?since=0");
    await until(
      async () => stream.text().includes("instance.up"),
      async () => stream.text(),
    );
    await lab.http(
      "POST",
      "/failover",
      { authorization: `Bearer ${lab.token()}` },
      '{"planned":true,"target":"gw/1"}',
    );
    await until(
      async () => stream.text().includes("failover.started"),
      async () => stream.text(),
    );
    stream.end();
    const events = stream
      .text()
      .split("\n\n")
      .filter((block) => block !== "")
      .map((block) => JSON.parse(block.replace(/^data: /, "")) as { at: number; event: string });
    expect(events.every(({ at, event }) => at > 0 && event !== "")).toBe(true);
    await until(
      () => lab.consistent(),
      async () => "consistent",
    );
  });

  test("a change needs the token", async () => {
    const body = JSON.stringify({ planned: true, target: "gw/IN_9" });
    expect((await lab.http("POST", "/failover", {}, body)).status).toBe(401);
    const refused = await lab.http("POST", "/failover", { authorization: `Bearer ${lab.token()}` }, body);
    expect(refused.status).toBe(409);
    expect(refused.body).toContain("gw/IN_0, gw/IN_1");
  });

  test("files with secrets and state are for their owner only", () => {
    for (const name of [
      "supervisor.sqlite",
      "api.token",
      "api.sock",
      "supervisor.sock",
      "fabric.sock",
      "fabric.state.json",
    ]) {
      expect(statSync(lab.fabric.file(name)).mode & 0o077, name).toBe(0);
    }
  });
});
