/** One gateway's engine, scripted: who moves where, when, and what is refused. */
import { describe, expect, test } from "vitest";
import type { PairConfig } from "../../src/pair/pair-config.ts";
import { pairConfig } from "./configs.ts";
import { World } from "./world.ts";

/** A world that has settled. */
function settled(config: PairConfig): World {
  const world = new World(config, 7);
  world.run(1000);
  return world;
}

const owners = (world: World): (string | null)[] => world.config.seats.map((s) => world.owner(s.name).owner);

/** Runs until the owners are as wanted; the time that it took. */
function timeUntil(world: World, wanted: (string | null)[], longest: number): number {
  const start = world.now;
  while (world.now < start + longest) {
    if (JSON.stringify(owners(world)) === JSON.stringify(wanted)) return world.now - start;
    world.run(world.now + 1);
  }
  throw new Error(`owners are ${owners(world).join()}, wanted ${wanted.join()}\n${world.log.join("\n")}`);
}

const events = (world: World, name: string): string[] => world.log.filter((l) => l.split(" ")[1] === name);

describe("unplanned", () => {
  test("active-standby, fast: the partner has it within milliseconds", () => {
    const world = settled(pairConfig(1, "fast"));
    world.kill("gw/IN_0");
    expect(timeUntil(world, ["gw/IN_1"], 1000)).toBeLessThan(50);
    world.run(world.now + 10_000);
    expect(owners(world)).toEqual(["gw/IN_1"]); // the restarted one is the standby now
    expect(world.violations).toEqual([]);
  });

  test("active-standby, azure: 60 to 90 s, in named phases that say that they are simulated", () => {
    const world = settled(pairConfig(1, "azure"));
    world.kill("gw/IN_0");
    const time = timeUntil(world, ["gw/IN_1"], 100_000);
    expect(time).toBeGreaterThan(60_000);
    expect(time).toBeLessThan(70_000);
    const phases = events(world, "failover.phase");
    expect(phases.map((l) => l.split(" ")[2])).toEqual(["detection:", "claim:", "address:", "restart:"]);
    expect(phases.every((l) => l.includes("simulated"))).toBe(true);
  });

  test("active-active, fast: the seat is given up at once, and its home has it again after the restart", () => {
    const world = settled(pairConfig(2, "fast"));
    world.kill("gw/IN_1");
    expect(timeUntil(world, ["gw/IN_0", null], 1000)).toBeLessThan(50);
    timeUntil(world, ["gw/IN_0", "gw/IN_1"], 5000);
  });

  test("active-active, hitless: the partner hosts both, and gives one back", () => {
    const world = settled(pairConfig(2, "hitless"));
    world.kill("gw/IN_1");
    expect(timeUntil(world, ["gw/IN_0", "gw/IN_0"], 1000)).toBeLessThan(50);
    timeUntil(world, ["gw/IN_0", "gw/IN_1"], 10_000);
    expect(events(world, "failback")).toHaveLength(1);
  });

  test("active-active, azure: the wait is labelled as our choice", () => {
    const world = settled(pairConfig(2, "azure"));
    world.kill("gw/IN_1");
    timeUntil(world, ["gw/IN_0", null], 5000);
    expect(events(world, "failover.phase").join()).toContain("our choice");
  });

  test("a silent instance that wakes later gives its seat up", () => {
    const world = settled(pairConfig(1, "fast"));
    world.pause("gw/IN_0");
    timeUntil(world, ["gw/IN_1"], 1000);
    world.run(world.now + 60_000);
    world.wake("gw/IN_0");
    world.run(world.now + 2000);
    expect(world.instances.get("gw/IN_0")!.hosted.size).toBe(0);
    expect(owners(world)).toEqual(["gw/IN_1"]);
    expect(world.violations).toEqual([]);
  });

  test("both die: whoever is back first serves", () => {
    const world = settled(pairConfig(1, "fast", { restart: "manual" }));
    world.kill("gw/IN_0");
    world.kill("gw/IN_1");
    world.run(world.now + 2000);
    world.start("gw/IN_1");
    world.run(world.now + 2000);
    expect(owners(world)).toEqual(["gw/IN_1"]);
  });
});

describe("planned", () => {
  test.each(["fast", "hitless"] as const)(
    "active-standby, %s: the partner has it, nothing is restarted",
    (profile) => {
      const world = settled(pairConfig(1, profile));
      const id = world.command({ verb: "failover", planned: true });
      timeUntil(world, ["gw/IN_1"], 3000);
      world.run(world.now + 2000);
      expect(world.answer(id)).toMatchObject({ ok: true });
      expect(events(world, "instance.down")).toEqual([]);
    },
  );

  test("active-standby, azure: 10 to 15 s", () => {
    const world = settled(pairConfig(1, "azure"));
    world.command({ verb: "failover", planned: true });
    const time = timeUntil(world, ["gw/IN_1"], 20_000);
    expect(time).toBeGreaterThan(10_000);
    expect(time).toBeLessThan(13_000);
  });

  test("active-active, fast: drained first, restarted, and back", () => {
    const world = settled(pairConfig(2, "fast"));
    const id = world.command({ verb: "failover", planned: true, target: "gw/IN_0" });
    timeUntil(world, [null, "gw/IN_1"], 6000);
    expect(events(world, "failover.draining")).toHaveLength(1);
    timeUntil(world, ["gw/IN_0", "gw/IN_1"], 6000);
    world.run(world.now + 1000);
    expect(world.answer(id)).toMatchObject({ ok: true });
  });
});

describe("reset", () => {
  test("active-standby: the active one is rebooted; again, the other", () => {
    const world = settled(pairConfig(1, "fast"));
    world.command({ verb: "reset" });
    timeUntil(world, ["gw/IN_1"], 5000);
    world.run(world.now + 5000);
    world.command({ verb: "reset" });
    timeUntil(world, ["gw/IN_0"], 5000);
    expect(events(world, "gateway.reset").map((l) => l.split(" ")[2])).toEqual(["gw/IN_0", "gw/IN_1"]);
  });

  test("active-active: the primary each time, or the one with the address", () => {
    const world = settled(pairConfig(2, "fast"));
    for (const vip of [undefined, undefined, "203.0.113.11"]) {
      world.command({ verb: "reset", vip });
      world.run(world.now + 10_000);
    }
    expect(events(world, "gateway.reset").map((l) => l.split(" ")[2])).toEqual([
      "gw/IN_0",
      "gw/IN_0",
      "gw/IN_1",
    ]);
    expect(owners(world)).toEqual(["gw/IN_0", "gw/IN_1"]);
  });
});

describe("refusals and order", () => {
  test("without a healthy partner a failover is refused, unless forced", () => {
    const world = settled(pairConfig(1, "fast", { restart: "manual" }));
    world.kill("gw/IN_1");
    world.run(world.now + 1000);
    const refused = world.command({ verb: "failover", planned: true });
    expect(world.answer(refused)).toMatchObject({
      ok: false,
      message: expect.stringContaining("gw/IN_1 is not healthy"),
    });
    expect(owners(world)).toEqual(["gw/IN_0"]);
    world.command({ verb: "failover", planned: true, force: true });
    world.run(world.now + 5000);
    expect(owners(world)).toEqual(["gw/IN_0"]);
    expect(world.owner("gw/0").epoch).toBeGreaterThan(1);
  });

  test("an unknown target is refused with what there is", () => {
    const world = settled(pairConfig(1, "fast"));
    const id = world.command({ verb: "failover", planned: true, target: "gw/IN_9" });
    expect(world.answer(id)?.message).toContain("gw/IN_0, gw/IN_1, gw/0");
  });

  test("the second of two failovers waits, and says so", () => {
    const world = settled(pairConfig(1, "azure"));
    const first = world.command({ verb: "failover", planned: true });
    const second = world.command({ verb: "failover", planned: true });
    world.run(world.now + 100);
    expect(events(world, "failover.queued")).toHaveLength(1);
    world.run(world.now + 60_000);
    expect([world.answer(first)?.ok, world.answer(second)?.ok]).toEqual([true, true]);
    expect(owners(world)).toEqual(["gw/IN_0"]);
  });
});

describe("without the fabric's agent or a supervisor", () => {
  test("nobody can change the fabric: the holder keeps its seat, even a dead one, until the agent is back", () => {
    const world = settled(pairConfig(1, "fast", { restart: "manual" }));
    world.setFabric(false);
    world.run(world.now + 100);
    world.kill("gw/IN_0");
    world.run(world.now + 5000);
    expect(owners(world)).toEqual(["gw/IN_0"]);
    world.setFabric(true);
    world.run(world.now + 2000);
    expect(owners(world)).toEqual(["gw/IN_1"]);
  });

  test("a supervisor that starts again changes nothing where nothing is wrong", () => {
    const world = settled(pairConfig(2, "fast"));
    world.killSupervisor();
    world.run(world.now + 3000);
    world.startSupervisor();
    world.run(world.now + 10_000);
    expect(world.config.seats.map((s) => world.owner(s.name).epoch)).toEqual([1, 1]);
  });

  test("an instance that died meanwhile is found out", () => {
    const world = settled(pairConfig(1, "fast"));
    world.killSupervisor();
    world.kill("gw/IN_0");
    world.run(world.now + 3000);
    world.startSupervisor();
    expect(timeUntil(world, ["gw/IN_1"], 10_000)).toBeLessThan(3500);
  });
});
