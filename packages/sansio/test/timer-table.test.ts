import { describe, expect, it } from "vitest";
import { TimerTable } from "../src/timer-table.ts";

describe("TimerTable", () => {
  it("fires what is due, earliest first, once", () => {
    const timers = new TimerTable<"a" | "b" | "c">();
    timers.set("a", 30);
    timers.set("b", 10);
    timers.set("c", 20);
    expect(timers.next()).toBe(10);
    expect(timers.expire(9)).toBeUndefined();
    expect(timers.expire(25)).toBe("b");
    expect(timers.expire(25)).toBe("c");
    expect(timers.expire(25)).toBeUndefined();
    expect(timers.next()).toBe(30);
  });

  it("moves, stops, and keeps the order of setting among equals", () => {
    const timers = new TimerTable<"a" | "b">();
    timers.set("a", 5);
    timers.set("b", 5);
    timers.set("a", 5);
    expect(timers.expire(5)).toBe("b");
    timers.stop("a");
    expect(timers.get("a")).toBeUndefined();
    expect(timers.next()).toBeUndefined();
    timers.set("a", 1);
    timers.stopAll();
    expect(timers.expire(100)).toBeUndefined();
  });
});
