/** No (key, IV) pair repeats, in any order of kills, pauses and wake-ups (DESIGN §3; src/replication/README.md). */
import { seededRandom } from "@tandem/sansio";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Exposure } from "../../src/replication/exposure.ts";
import { ReplicaStore } from "../../src/replication/replica-store.ts";
import { MORE_THAN_MARGIN, World } from "./nonce-world.ts";

const RUNS = Number(process.env.TANDEM_SIM_RUNS ?? 40);
const STEPS = 16;

afterEach(() => {
  vi.restoreAllMocks();
});

/** Instance 0 owns, instance 1 has the replica. */
async function replicated(): Promise<World> {
  const world = new World();
  world.connect(true);
  await world.give(0, "fresh");
  await world.settle(1_000);
  expect(world.at[0].end?.seat.tunnels()[0]?.state).toBe("ESTABLISHED");
  await world.at[0].spend(3);
  return world;
}

const keys = (world: World, index: 0 | 1): readonly string[] => world.at[index].end!.seat.childSaIds();

/** The partner adopts while the owner sleeps, uses many numbers and dies; then the owner wakes and goes on. */
async function ownerWakesToRestartedAdopter(world: World): Promise<void> {
  world.pause(0, true);
  await world.give(1);
  await world.at[1].spend(5);
  world.restart(1);
  world.pause(0, false);
  world.own(0);
  await world.at[0].spend(MORE_THAN_MARGIN);
  await world.settle(2_000);
}

/** The partner adopts, uses numbers and is told to drop; the owner never heard of it. */
async function abortedAdoption(world: World): Promise<void> {
  await world.at[1].take(world.nextEpoch(), "adopt");
  await world.at[1].spend(5);
  await world.at[1].drop();
  await world.at[0].spend(MORE_THAN_MARGIN);
  await world.settle(2_000);
}

describe("no (key, IV) pair repeats when", () => {
  it("the partner restarts: the next one gets fresh keys, and adopts those", async () => {
    const world = await replicated();
    const before = keys(world, 0);
    world.restart(1);
    expect(world.at[1].replicator.holds("gw/0")).toBe(false);
    await world.settle(2_000);
    expect(world.at[1].replicator.holds("gw/0")).toBe(true);
    expect(keys(world, 0)).not.toEqual(before);
    await world.at[0].spend(5);
    world.pause(0, true);
    expect(await world.give(1)).toBe(true);
    await world.at[1].spend(5);
    expect(world.violations()).toEqual([]);
  });

  it("the owner wakes up after its adopter has died, and finds a new process in its place", async () => {
    const world = await replicated();
    await ownerWakesToRestartedAdopter(world);
    expect(world.violations()).toEqual([]);
    world.pause(0, true);
    await world.give(1);
    await world.at[1].spend(MORE_THAN_MARGIN);
    expect(world.violations()).toEqual([]);
  });

  it("(which the exposure to one process only prevents)", async () => {
    vi.spyOn(Exposure.prototype, "show").mockReturnValue(true);
    const world = await replicated();
    await ownerWakesToRestartedAdopter(world);
    expect(world.violations()).not.toEqual([]);
  });

  it("an owner wakes up, sends, and takes the seat again from the partner that had adopted it", async () => {
    const world = await replicated();
    world.pause(0, true);
    expect(await world.give(1)).toBe(true);
    await world.at[1].spend(5);
    world.pause(0, false);
    await world.at[0].spend(MORE_THAN_MARGIN);
    await world.at[1].spend(5);
    world.pause(1, true);
    expect(await world.give(0)).toBe(true);
    await world.at[0].spend(MORE_THAN_MARGIN);
    world.pause(1, false);
    await world.at[1].spend(MORE_THAN_MARGIN);
    expect(world.violations()).toEqual([]);
  });

  it("an adoption is given up after its first packets", async () => {
    const world = await replicated();
    await abortedAdoption(world);
    expect(world.violations()).toEqual([]);
  });

  it("(which the memory of what was adopted prevents)", async () => {
    const world = await replicated();
    const { take } = ReplicaStore.prototype;
    vi.spyOn(ReplicaStore.prototype, "take").mockImplementation(function (this: ReplicaStore, seat: string) {
      return take.call(this, seat, 0);
    });
    await abortedAdoption(world);
    expect(world.violations()).not.toEqual([]);
  });

  it("the link is down while the owner sends for long, and then a stale replica is adopted", async () => {
    const world = await replicated();
    world.connect(false);
    await world.at[0].spend(2 * MORE_THAN_MARGIN);
    await world.give(1);
    await world.at[1].spend(MORE_THAN_MARGIN);
    world.connect(true);
    await world.at[0].spend(MORE_THAN_MARGIN);
    expect(world.violations()).toEqual([]);
  });

  it("both restart", async () => {
    const world = await replicated();
    world.restart(0);
    world.restart(1);
    expect(await world.give(0)).toBe(false);
    await world.at[0].spend(3);
    expect(world.violations()).toEqual([]);
  });

  it.each(Array.from({ length: RUNS }, (_, seed) => seed))("random order %i", async (seed) => {
    const { world, order } = await play(seed);
    expect(world.violations(), order).toEqual([]);
  });

  it("(and the random orders meet what the rules prevent)", async () => {
    vi.spyOn(Exposure.prototype, "show").mockReturnValue(true);
    let violations = 0;
    for (let seed = 0; violations === 0 && seed < 200; seed++) {
      violations += (await play(seed)).world.violations().length;
    }
    expect(violations).toBeGreaterThan(0);
  });
});

/** Kills, pauses, wake-ups, take-overs, given-up adoptions, cuts of the link, and much traffic, in a seed's order. */
async function play(seed: number): Promise<{ world: World; order: string }> {
  const random = seededRandom(seed + 1);
  const world = await replicated();
  const done: string[] = [];
  for (let step = 0; step < STEPS; step++) {
    const index = random.below(2) as 0 | 1;
    const process = world.at[index];
    const action = random.below(12);
    done.push(`${action}/${index}`);
    if (action < 2) world.pause(index, true);
    else if (action < 5) {
      // What it sends before, and after, it has read anything.
      if (process.paused) await process.spend(2);
      world.pause(index, false);
      await process.spend(MORE_THAN_MARGIN);
    } else if (action === 5) world.restart(index);
    else if (action === 6) world.connect(random.below(4) > 0);
    else if (action < 9 && !process.paused) await world.give(index);
    else if (action === 9 && !process.paused) {
      await process.take(world.nextEpoch(), "adopt");
      await process.spend(2);
      if (random.below(2) === 0) await process.drop();
    } else await world.settle(random.below(2) === 0 ? 100 : 3_000);
    for (const each of world.at) if (!each.paused) await each.spend(2);
  }
  return { world, order: done.join(" ") };
}
