import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SeatTable } from "../../src/fabric/seat-table.ts";
import { Spread } from "../../src/fabric/spread.ts";

const table = () =>
  new SeatTable(
    new Map([["gw/0", { owner: "gw/IN_0", epoch: 1, drained: false }]]),
    new Map([["gw/0", new Set(["gw/IN_0", "gw/IN_1"])]]),
  );

describe("seat table", () => {
  test("in any order of claims the epoch never goes back, and an epoch never changes its owner", () => {
    const claim = fc.record({
      owner: fc.constantFrom("gw/IN_0", "gw/IN_1", null),
      epoch: fc.integer({ min: 0, max: 9 }),
    });
    fc.assert(
      fc.property(fc.array(claim), (claims) => {
        const seats = table();
        const ownerOf = new Map<number, string | null>([[1, "gw/IN_0"]]);
        let epoch = 1;
        for (const c of claims) {
          seats.claim("gw/0", c.owner, c.epoch);
          const now = seats.get("gw/0")!;
          expect(now.epoch).toBeGreaterThanOrEqual(epoch);
          epoch = now.epoch;
          if (ownerOf.has(epoch)) expect(now.owner).toBe(ownerOf.get(epoch));
          ownerOf.set(epoch, now.owner);
        }
      }),
    );
  });

  test("a repeated claim changes nothing", () => {
    const seats = table();
    expect(seats.claim("gw/0", "gw/IN_1", 2).kind).toBe("changed");
    expect(seats.claim("gw/0", "gw/IN_1", 2).kind).toBe("unchanged");
    expect(seats.claim("gw/0", "gw/IN_0", 2).kind).toBe("refused");
  });
});

describe("spread", () => {
  const hop = (i: number) => ({ via: [`100.64.0.${i}`], device: `in${i}` });
  const both = [0, 1].map((i) => ({ name: `gw/${i}`, nextHop: hop(i) }));
  const first = [both[0]!, { name: "gw/1", nextHop: undefined }];

  test("a seat that goes: one next hop is pointed elsewhere, the group stays as it is", () => {
    const spread = new Spread(1000, 4, 101, 128, ["gw/0", "gw/1"]);
    expect(spread.change(both).at(-1)).toBe("route replace 0.0.0.0/0 nhid 1904 table 101");
    expect(spread.change(first)).toEqual(["nexthop replace id 1101 via 100.64.0.0 dev in0"]);
  });

  test("a seat that returns: a next hop of its own, the parked one stays with little weight", () => {
    const spread = new Spread(1000, 4, 101, 128, ["gw/0", "gw/1"]);
    spread.change(both);
    spread.change(first);
    const lines = spread.change(both);
    expect(lines[0]).toBe("nexthop replace id 1102 via 100.64.0.1 dev in1");
    expect(lines[1]).toContain("group 1000,100/1101,1/1102,100 type resilient");
  });

  test("nothing changes when nothing has changed", () => {
    const spread = new Spread(1000, 4, 101, 128, ["gw/0", "gw/1"]);
    spread.change(both);
    expect(spread.change(both)).toEqual([]);
  });

  test("what was learned from the kernel needs no change", () => {
    const spread = new Spread(1000, 4, 101, 128, ["gw/0", "gw/1"]);
    spread.learn(
      [
        { id: 1000, gateway: "100.64.0.0", dev: "in0" },
        { id: 1101, gateway: "100.64.0.1", dev: "in1" },
        {
          id: 1904,
          group: [
            { id: 1000, weight: 100 },
            { id: 1101, weight: 100 },
          ],
        },
      ],
      both,
    );
    expect(spread.change(both)).toEqual([]);
  });

  test("no seat left: everything goes, so that the unreachable route takes over", () => {
    const spread = new Spread(1000, 4, 101, 128, ["gw/0", "gw/1"]);
    spread.change(both);
    expect(spread.change(both.map((m) => ({ ...m, nextHop: undefined })))).toEqual([
      "nexthop del id 1000",
      "nexthop del id 1101",
    ]);
  });
});
