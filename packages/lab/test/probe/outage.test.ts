import { describe, expect, it } from "vitest";
import { FlowRecord } from "../../src/probe/flow-record.ts";
import { outageOf, percentile } from "../../src/probe/outage.ts";
import type { FlowState } from "../../src/probe/probe-session.ts";

const RATE = 100;

function flow(sequences: readonly number[], sent: number): FlowState {
  const record = new FlowRecord(1);
  for (const sequence of sequences) record.receive(sequence, sequence * 10_000, sequence * 10_000 + 500);
  return {
    id: 1,
    protocol: "udp",
    from: "a",
    to: "b",
    destination: "10.0.0.1",
    sourcePort: 1,
    destinationPort: 2,
    sent,
    refused: 0,
    alive: true,
    received: sequences.length === 0 ? undefined : record.report(),
  };
}

const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe("outageOf", () => {
  it("derives both figures from one gap", () => {
    const outage = outageOf(flow([...range(1, 10), ...range(31, 40)], 40), RATE, 0, 410_000);
    expect(outage).toMatchObject({
      lost: 20,
      lossDerivedMilliseconds: 200,
      timestampDerivedMilliseconds: 210,
    });
  });

  it("leaves out gaps that ended before the event", () => {
    const outage = outageOf(flow([1, 5, ...range(6, 60)], 60), RATE, 300_000, 610_000);
    expect(outage).toMatchObject({ lost: 0, timestampDerivedMilliseconds: 0 });
  });

  it("counts the time in which packets were held back, though all of them came in the end", () => {
    const record = new FlowRecord(1);
    for (const sequence of range(1, 10)) record.receive(sequence, sequence * 10_000, sequence * 10_000);
    // A gateway that was stopped for a second delivers at once what it had queued.
    for (const sequence of range(11, 110)) record.receive(sequence, sequence * 10_000, 1_100_000 + sequence);
    const held: FlowState = { ...flow([], 110), received: record.report() };
    const outage = outageOf(held, RATE, 100_000, 1_101_000);
    expect(outage.lost).toBe(0);
    expect(outage.timestampDerivedMilliseconds).toBeCloseTo(1000, 0);
    expect(outageOf(held, RATE, 1_101_000, 1_101_000).timestampDerivedMilliseconds).toBe(0);
  });

  it("does not call lost what may be under way", () => {
    expect(outageOf(flow(range(1, 39), 40), RATE, 0, 400_000).lost).toBe(0);
  });

  it("takes a flow that has not come back as out until now", () => {
    const outage = outageOf(flow(range(1, 10), 110), RATE, 100_000, 1_100_500);
    expect(outage).toMatchObject({ lost: 100, timestampDerivedMilliseconds: 1000 });
  });

  it("takes a flow from which nothing ever came as out since the event", () => {
    expect(outageOf(flow([], 100), RATE, 0, 1_000_000)).toMatchObject({
      lost: 100,
      timestampDerivedMilliseconds: 1000,
    });
  });
});

describe("percentile", () => {
  it.each([
    [50, 3],
    [99, 5],
    [100, 5],
    [1, 1],
  ])("p%i of 1..5 is %i", (rank, expected) => {
    expect(percentile([5, 1, 4, 2, 3], rank)).toBe(expected);
  });

  it("is 0 of nothing", () => expect(percentile([], 99)).toBe(0));
});
