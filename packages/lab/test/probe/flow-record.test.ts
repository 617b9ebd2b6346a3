import { describe, expect, it } from "vitest";
import { FlowRecord } from "../../src/probe/flow-record.ts";

/** Packets every 10 ms, one-way delay 1 ms, microseconds. */
function receive(record: FlowRecord, ...sequences: number[]): void {
  for (const sequence of sequences) record.receive(sequence, sequence * 10_000, sequence * 10_000 + 1_000);
}

describe("FlowRecord", () => {
  it("counts what came and measures delay", () => {
    const record = new FlowRecord(7);
    receive(record, 1, 2, 3);
    expect(record.report()).toMatchObject({
      flow: 7,
      received: 3,
      lost: 0,
      duplicates: 0,
      gaps: [],
      highest: 3,
    });
    expect(record.report().delayMicroseconds).toEqual({ min: 1000, mean: 1000, max: 1000, recent: 1000 });
  });

  it("gives a gap its packets and the arrivals on either side", () => {
    const record = new FlowRecord(1);
    receive(record, 1, 2, 7, 8);
    expect(record.report().gaps).toEqual([{ fromMicroseconds: 21_000, toMicroseconds: 71_000, lost: 4 }]);
    expect(record.report()).toMatchObject({ lost: 4, received: 4, longestSilenceMicroseconds: 50_000 });
  });

  it("counts packets missing before the first that came", () => {
    const record = new FlowRecord(1);
    receive(record, 4);
    expect(record.report().lost).toBe(3);
  });

  it("takes a late packet as reordered, not as lost", () => {
    const record = new FlowRecord(1);
    receive(record, 1, 3, 2, 4);
    expect(record.report()).toMatchObject({ received: 4, lost: 0, reordered: 1, duplicates: 0, gaps: [] });
  });

  it("tells a duplicate from a late packet", () => {
    const record = new FlowRecord(1);
    receive(record, 1, 2, 2, 3);
    expect(record.report()).toMatchObject({ received: 3, duplicates: 1, reordered: 0 });
  });

  it("keeps losses of gaps that it has forgotten", () => {
    const record = new FlowRecord(1);
    for (let index = 0; index < 400; index++) receive(record, 1 + index * 2);
    expect(record.report().lost).toBe(399);
    expect(record.report().gaps.length).toBeLessThanOrEqual(256);
  });
});
