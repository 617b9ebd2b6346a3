import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exploreDeliveries, Simulation, type SimulationOptions } from "../../src/testing/index.ts";
import { type Message, stopAndWaitNode } from "./stop-and-wait.ts";

function pair(options: SimulationOptions<Message> = {}) {
  const simulation = new Simulation<Message>(options);
  const a = simulation.addNode("a", stopAndWaitNode());
  const b = simulation.addNode("b", stopAndWaitNode());
  const heard = () => b.effects.flatMap(({ effect }) => (effect.kind === "heard" ? [effect.text] : []));
  return { simulation, a, b, heard };
}

const words = ["one", "two", "three", "four", "five"];
const say = (text: string) => ({ kind: "say" as const, text });

describe("Simulation", () => {
  it("delivers over a perfect link in virtual time", () => {
    const { simulation, a, heard } = pair({ link: { delay: 10 } });
    a.input(...words.map(say));
    expect(simulation.runUntil(() => heard().length === words.length)).toBe(true);
    expect(heard()).toEqual(words);
    // Four round trips and a half.
    expect(simulation.now).toBe(90);
  });

  it("is repaired by the protocol under loss, duplicates and reordering, whatever the seed", () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const { simulation, a, heard } = pair({
          seed,
          link: { delay: 20, jitter: 30, loss: 0.4, duplicate: 0.3, reorder: 0.3 },
        });
        a.input(...words.map(say));
        expect(simulation.runUntil(() => heard().length === words.length)).toBe(true);
        simulation.run(5_000);
        expect(heard()).toEqual(words);
      }),
      { numRuns: 50 },
    );
  });

  it("repeats itself from the same seed, and differs with another", () => {
    const traceOf = (seed: number) => {
      const { simulation, a } = pair({ seed, link: { delay: 20, jitter: 30, loss: 0.3, duplicate: 0.2 } });
      a.input(...words.map(say));
      simulation.run(10_000);
      return JSON.stringify(simulation.trace);
    };
    expect(traceOf(7)).toBe(traceOf(7));
    expect(traceOf(7)).not.toBe(traceOf(8));
  });

  it("loses what is too big, and everything on a cut link, with the reason in the trace", () => {
    const { simulation, a, heard } = pair({
      link: { mtu: 4 },
      size: (message) => JSON.stringify(message).length,
    });
    a.input(say("x"));
    simulation.run(150);
    simulation.setLink({ cut: true }, "a", "b");
    simulation.run(100);
    expect(heard()).toEqual([]);
    const reasons = simulation.trace.flatMap((entry) => (entry.kind === "dropped" ? [entry.reason] : []));
    expect(reasons).toEqual(["too-big", "too-big", "cut"]);
    simulation.setLink({}, "a", "b");
    expect(simulation.runUntil(() => heard().length === 1)).toBe(true);
  });

  it("keeps the order of a stream when asked", () => {
    const simulation = new Simulation<number>({ seed: 3, link: { jitter: 50, ordered: true } });
    const got: number[] = [];
    const idle = {
      handle: () => {},
      handleTimeout: () => {},
      poll: () => undefined,
      nextTimeout: () => undefined,
    };
    const queue = Array.from({ length: 50 }, (_, i) => i);
    const source = { ...idle, poll: () => queue.shift() };
    const a = simulation.addNode("a", {
      engine: source,
      receive: () => undefined,
      perform: (effect: number) => ({ send: [effect] }),
    });
    simulation.addNode("b", {
      engine: idle,
      receive: (packet) => {
        got.push(packet);
        return undefined;
      },
      perform: () => undefined,
    });
    a.input(undefined);
    simulation.run(1_000);
    expect(got).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it("stops a halted node for the world", () => {
    const { simulation, a, b, heard } = pair();
    b.halt();
    a.input(say("anyone?"));
    simulation.run(1_000);
    expect(heard()).toEqual([]);
    a.halt();
    simulation.run(10);
    expect(simulation.nextEvent()).toBeUndefined();
  });

  it("keeps what arrives for a paused node, and gives it in order on waking", () => {
    const { simulation, a, b, heard } = pair();
    b.pause();
    a.input(say("one"));
    simulation.run(250);
    expect(heard()).toEqual([]);
    b.resume();
    expect(heard()).toEqual(["one"]);
    // Three copies had been sent by then, each is acknowledged.
    expect(b.effects.filter(({ effect }) => effect.kind === "transmit")).toHaveLength(3);
    a.pause();
    b.input(say("uno"));
    simulation.run(50);
    a.resume();
    expect(a.effects.filter(({ effect }) => effect.kind === "heard")).toHaveLength(1);
  });

  it("restarts a halted node under its name", () => {
    const { simulation, a, b } = pair({ link: { delay: 10 } });
    a.input(say("one"));
    b.halt();
    const restarted = simulation.addNode("b", stopAndWaitNode());
    simulation.run(50);
    expect(restarted.effects.map(({ effect }) => effect.kind)).toContain("heard");
    expect(() => simulation.addNode("b", stopAndWaitNode())).toThrow("there is a node b already");
  });

  it("throws when an engine spins", () => {
    const simulation = new Simulation<number>({ maxStepsPerInstant: 100 });
    simulation.addNode("spinner", {
      engine: { handle: () => {}, handleTimeout: () => {}, poll: () => undefined, nextTimeout: () => 5 },
      receive: () => undefined,
      perform: () => undefined,
    });
    expect(() => simulation.run(10)).toThrow("the timer of spinner");
  });
});

describe("exploreDeliveries", () => {
  it("tries every order of crossing messages, with losses, and the protocol holds in each", () => {
    const seen = new Set<string>();
    const orders = exploreDeliveries<Message>(
      () => {
        const { simulation, a, b, heard } = pair();
        simulation.hold();
        a.input(say("one"), say("two"));
        b.input(say("uno"));
        return {
          simulation,
          check(order) {
            seen.add(order.join(" "));
            expect(heard()).toEqual(["one", "two"]);
            expect(a.effects.filter(({ effect }) => effect.kind === "heard")).toHaveLength(1);
          },
        };
      },
      { maxLosses: 1, settle: 1_000 },
    );
    expect(seen.size).toBe(orders);
    expect(orders).toBeGreaterThan(30);
  });

  it("names the order that fails", () => {
    expect(() =>
      exploreDeliveries<Message>(() => {
        const { simulation, a, b } = pair();
        simulation.hold();
        a.input(say("x"));
        b.input(say("y"));
        let first = "";
        return {
          simulation,
          check(order) {
            first = order[0]!;
            expect(first).toBe("a>b#1");
          },
        };
      }),
    ).toThrow("fails when delivered as: b>a#2");
  });
});
