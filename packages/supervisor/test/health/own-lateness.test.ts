import { expect, it } from "vitest";
import { OwnLateness } from "../../src/health/own-lateness.ts";

const INTERVAL = 100;

function ticks(lateness: OwnLateness, from: number, count: number): number {
  for (let i = 1; i <= count; i++) lateness.tick(from + i * INTERVAL);
  return from + count * INTERVAL;
}

it("allows nothing while our own timers are on time", () => {
  const lateness = new OwnLateness(INTERVAL, 0);
  ticks(lateness, 0, 200);
  expect(lateness.allowance()).toBe(0);
});

it("allows three times the worst delay of the last seconds, and forgets it", () => {
  const lateness = new OwnLateness(INTERVAL, 0);
  let now = ticks(lateness, 0, 10);
  now += INTERVAL + 200;
  lateness.tick(now);
  expect(lateness.allowance()).toBe(600);
  now = ticks(lateness, now, 49);
  expect(lateness.allowance()).toBe(600);
  ticks(lateness, now, 100);
  expect(lateness.allowance()).toBe(0);
});

it("never allows more than three seconds: a dead instance is found on any machine", () => {
  const lateness = new OwnLateness(INTERVAL, 0);
  lateness.tick(60_000);
  expect(lateness.allowance()).toBe(3_000);
});
