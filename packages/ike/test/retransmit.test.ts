import { expect, it } from "vitest";
import { retransmitSchedule } from "../src/retransmit.ts";

it("the default schedule tries for a minute at most", () => {
  const schedule = retransmitSchedule();
  expect(schedule).toHaveLength(8);
  const total = schedule.reduce((a, b) => a + b, 0);
  expect(total).toBeGreaterThan(40_000);
  expect(total).toBeLessThan(70_000);
});
