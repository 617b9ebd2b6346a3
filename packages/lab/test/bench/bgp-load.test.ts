import { describe, expect, it } from "vitest";
import { makeTable } from "../../src/bench/bgp-load.ts";

/** Prefixes in the NLRI and in the withdrawn routes of a stream of UPDATEs. */
function count(stream: Buffer): { announced: Set<string>; withdrawn: Set<string>; updates: number } {
  const announced = new Set<string>();
  const withdrawn = new Set<string>();
  let updates = 0;
  for (let at = 0; at < stream.length; updates++) {
    const end = at + stream.readUInt16BE(at + 16);
    const withdrawnEnd = at + 21 + stream.readUInt16BE(at + 19);
    const nlri = withdrawnEnd + 2 + stream.readUInt16BE(withdrawnEnd);
    for (let p = at + 21; p < withdrawnEnd; p += 4) withdrawn.add(stream.toString("hex", p, p + 4));
    for (let p = nlri; p < end; p += 4) announced.add(stream.toString("hex", p, p + 4));
    at = end;
  }
  return { announced, withdrawn, updates };
}

describe("the table of bench bgp", () => {
  const table = makeTable(5000, 10, 65001, "10.255.0.11");

  it("has as many different prefixes and attribute sets as it says, about half of them to take back", () => {
    const { announced, updates } = count(table.announcements);
    expect(announced.size).toBe(5000);
    expect(updates).toBe(table.attributeSets);
    expect(table.attributeSets).toBeGreaterThan(400);
    const { withdrawn } = count(table.withdrawals);
    expect(withdrawn.size).toBe(table.withdrawn);
    expect([...withdrawn].every((p) => announced.has(p))).toBe(true);
    expect(table.withdrawn / 5000).toBeCloseTo(0.5, 1);
  });

  it("is the same each time", () => {
    expect(makeTable(5000, 10, 65001, "10.255.0.11").announcements.equals(table.announcements)).toBe(true);
  });
});
