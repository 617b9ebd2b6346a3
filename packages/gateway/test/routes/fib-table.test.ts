import { describe, expect, it } from "vitest";
import { FibTable } from "../../src/routes/fib-table.ts";

describe("FibTable", () => {
  it("joins equal sources of one prefix into an equal-cost set", () => {
    const fib = new FibTable();
    fib.claim("t1", "static", "192.168.0.0/24", ["t1"]);
    fib.claim("t2", "static", "192.168.0.0/24", ["t2"]);
    expect(fib.takeChange()).toEqual({
      set: [{ prefix: "192.168.0.0/24", source: "static", tunnels: ["t1", "t2"] }],
      remove: [],
    });
    expect(fib.takeChange()).toBeUndefined();
  });

  it("lets a static prefix win over a learned one, and gives way when its tunnel is down", () => {
    const fib = new FibTable();
    fib.claim("bgp|gw/0", "bgp", "192.168.0.0/24", ["t2"]);
    fib.claim("t1", "static", "192.168.0.0/24", ["t1"]);
    expect(fib.takeChange()?.set[0]?.tunnels).toEqual(["t1"]);
    fib.withdrawAll("t1");
    expect(fib.takeChange()?.set[0]).toMatchObject({ source: "bgp", tunnels: ["t2"] });
    fib.withdraw("bgp|gw/0", "192.168.0.0/24");
    expect(fib.takeChange()).toEqual({ set: [], remove: ["192.168.0.0/24"] });
    expect(fib.list()).toEqual([]);
  });

  it("keeps what is ours inside, whatever a tunnel claims", () => {
    const fib = new FibTable();
    fib.claim("bgp|gw/0", "bgp", "10.1.0.0/16", ["t1"]);
    fib.claimInside("inside|local", "10.1.0.0/16");
    expect(fib.takeChange()?.set[0]?.tunnels).toEqual([]);
    fib.withdrawAll("inside|local");
    expect(fib.takeChange()?.set[0]?.tunnels).toEqual(["t1"]);
  });

  it("says nothing about a prefix that came and went between two flushes", () => {
    const fib = new FibTable();
    fib.claim("t1", "static", "192.168.0.0/24", ["t1"]);
    fib.withdrawAll("t1");
    expect(fib.takeChange()).toBeUndefined();
  });
});
