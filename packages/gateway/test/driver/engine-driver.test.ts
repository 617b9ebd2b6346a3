import type { Engine, Instant } from "@tandem/sansio";
import { describe, expect, it } from "vitest";
import { EngineDriver } from "../../src/driver/engine-driver.ts";
import { VirtualClock } from "../../src/testing/index.ts";

/** Repeats each input as an effect, and "tick" whenever its timer fires. */
class Echo implements Engine<string, string> {
  readonly #out: string[] = [];
  #due: Instant | undefined;
  handle(input: string, now: Instant): void {
    if (input === "throw") throw new Error("bad input");
    this.#out.push(input);
    if (input === "arm") this.#due = now + 100;
  }
  handleTimeout(now: Instant): void {
    if (this.#due === undefined || now < this.#due) return;
    this.#due = undefined;
    this.#out.push("tick");
  }
  poll(): string | undefined {
    return this.#out.shift();
  }
  nextTimeout(): Instant | undefined {
    return this.#due;
  }
}

function setUp() {
  const clock = new VirtualClock();
  const seen: string[] = [];
  const faults: unknown[] = [];
  const driver: EngineDriver<string, string> = new EngineDriver(
    new Echo(),
    clock,
    (effect) => {
      seen.push(effect);
      if (effect === "again") driver.input("from-effect");
      if (effect === "fail") throw new Error("cannot");
    },
    (error) => faults.push(error),
  );
  return { clock, seen, faults, driver };
}

describe("EngineDriver", () => {
  it("drains before it takes an input that an effect led to", () => {
    const { driver, seen } = setUp();
    driver.input("again");
    driver.input("later");
    expect(seen).toEqual(["again", "from-effect", "later"]);
  });

  it("fires the engine's timer once, when it is due", () => {
    const { driver, clock, seen } = setUp();
    driver.input("arm");
    clock.advance(99);
    expect(seen).toEqual(["arm"]);
    clock.advance(1);
    expect(seen).toEqual(["arm", "tick"]);
    expect(clock.pending()).toBe(0);
  });

  it("goes on after a fault of an effect or of the engine", () => {
    const { driver, seen, faults } = setUp();
    driver.input("fail");
    driver.input("throw");
    driver.input("next");
    expect(seen).toEqual(["fail", "next"]);
    expect(faults).toHaveLength(2);
  });

  it("does nothing after stop", () => {
    const { driver, clock, seen } = setUp();
    driver.input("arm");
    driver.stop();
    driver.input("late");
    clock.advance(1000);
    expect(seen).toEqual(["arm"]);
  });
});
