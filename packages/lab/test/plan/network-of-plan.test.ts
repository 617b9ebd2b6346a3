import { describe, expect, it } from "vitest";
import { guardCommands, namespaceOf } from "../../src/plan/network-of-plan.ts";

describe("guardCommands", () => {
  it("suppresses routes to the guarded interface, in both families, and drops what finds no other", () => {
    expect(guardCommands([{ from: "in", to: "out" }], new Set(["in", "out"]))).toEqual([
      "-4 link set dev out group 4500",
      "-4 rule add priority 150 iif in lookup main suppress_ifgroup 4500",
      "-4 rule add priority 151 iif in unreachable",
      "-6 rule add priority 150 iif in lookup main suppress_ifgroup 4500",
      "-6 rule add priority 151 iif in unreachable",
    ]);
  });

  it("holds for a source that is yet to be made", () => {
    const commands = guardCommands([{ from: "tun0", to: "out" }], new Set(["out"]));
    expect(commands).toContain("-4 rule add priority 150 iif tun0 lookup main suppress_ifgroup 4500");
  });

  it("closes a source whose target is yet to be made", () => {
    expect(guardCommands([{ from: "out", to: "tun0" }], new Set(["out"]))).toEqual([
      "-4 rule add priority 150 iif out unreachable",
      "-6 rule add priority 150 iif out unreachable",
    ]);
  });
});

it("no two labs can share a namespace", () => {
  expect(namespaceOf("a", "gw/IN_0")).toBe("a.gw-IN_0");
  expect(namespaceOf("a-b", "c")).not.toBe(namespaceOf("a", "b-c"));
});
