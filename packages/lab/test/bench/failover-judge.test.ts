/** What the failover benchmark concludes from what it has measured. */
import { describe, expect, it } from "vitest";
import { judge, rowsOf } from "../../src/bench/failover/judge.ts";
import { others, type Place } from "../../src/bench/failover/placement.ts";
import type { ScenarioRun } from "../../src/bench/failover/run-scenario.ts";
import { SCENARIOS, type Scenario, workName } from "../../src/bench/failover/scenarios.ts";
import type { IncidentReport } from "../../src/drill/incident.ts";

const HOSTS = new Set(["vnet"]);
const scenario = (name: string): Scenario => SCENARIOS.find((one) => workName(one) === name)!;

function report(outage: number, change: Partial<IncidentReport> = {}): IncidentReport {
  const flow = { protocol: "udp", lost: 0, lossDerivedMilliseconds: 0, timestampDerivedMilliseconds: outage };
  return {
    outages: [
      { ...flow, flow: 1, from: "vnet", to: "site" },
      { ...flow, flow: 2, from: "site", to: "vnet" },
    ],
    lost: 0,
    tcp: { total: 4, alive: 4 },
    events: [],
    recovered: true,
    ...change,
  } as unknown as IncidentReport;
}

const misses = (name: string, run: Omit<ScenarioRun, "upMilliseconds">): readonly string[] =>
  judge(scenario(name), [{ upMilliseconds: 1000, ...run }], HOSTS).misses;

it("every scenario has a name of its own", () => {
  const names = SCENARIOS.map(workName);
  expect(new Set(names).size).toBe(names.length);
});

describe("a goal is missed when", () => {
  const kill = "failover-dual-redundancy-sigkill-fast";
  const hitless = "failover-active-standby-sigkill-hitless";
  const woken = "failover-active-standby-sigstop-wake-hitless";
  const fine = { flows: 32, lost: 0, moved: 0 };
  const routes = { looks: 100, gone: 0 };
  const awake = { report: report(0), reasons: [] };

  it.each([
    ["nothing", kill, { report: report(150), others: fine }, []],
    ["the outage is too long", kill, { report: report(250), others: fine }, ["VNet to site p99 250 ms"]],
    [
      "another flow lost a packet",
      kill,
      { report: report(10), others: { ...fine, lost: 2 } },
      ["2 packets of other"],
    ],
    [
      "another flow moved",
      kill,
      { report: report(10), others: { ...fine, moved: 1 } },
      ["1 other flows moved"],
    ],
    [
      "nobody looked at others",
      kill,
      { report: report(10), others: { ...fine, flows: 0 } },
      ["no flow was on another"],
    ],
    ["nothing (hitless)", hitless, { report: report(100), routes }, []],
    [
      "a route was gone",
      hitless,
      { report: report(100), routes: { looks: 100, gone: 3 } },
      ["no route to the VNet in 3"],
    ],
    [
      "a TCP flow died",
      hitless,
      { report: report(9, { tcp: { total: 4, alive: 3 } as never }), routes },
      ["1 TCP flows died"],
    ],
    ["nothing (woken)", woken, { report: report(600), woken: awake }, []],
    [
      "the woken one cost a packet",
      woken,
      { report: report(600), woken: { ...awake, report: report(0, { lost: 1 }) } },
      ["1 packets lost after"],
    ],
    [
      "the lab was not whole again",
      woken,
      { report: report(600), woken: { ...awake, reasons: ["seat gw/0"] } },
      ["not ready after"],
    ],
    [
      "packets of a planned move are lost",
      "failover-active-active-planned-hitless",
      { report: report(20, { lost: 1 }) },
      ["1 packets lost"],
    ],
  ] as const)("%s", (_what, name, run, expected) => {
    const found = misses(name, run as Omit<ScenarioRun, "upMilliseconds">);
    expect(found).toHaveLength(expected.length);
    for (const [i, text] of expected.entries()) expect(found[i]).toContain(text);
  });

  it("the lab took too long to come up", () => {
    const up = scenario("failover-dual-redundancy-up-fast");
    expect(judge(up, [{ upMilliseconds: 4999 }], HOSTS).misses).toEqual([]);
    expect(judge(up, [{ upMilliseconds: 5200 }], HOSTS).misses).toEqual(["up after 5200 ms"]);
    expect(rowsOf(judge(up, [{ upMilliseconds: 4999 }], HOSTS), HOSTS)).toMatchObject([
      { unit: "ms", median: 4999 },
    ]);
  });
});

it("others are the flows on seats that the event does not happen to", () => {
  const place = (seat: string, tunnel: string): Place => ({ node: "n", seat, tunnel });
  const before = new Map([
    [1, place("gw/0", "a")],
    [2, place("gw/1", "b")],
    [3, place("gw/1", "c")],
  ]);
  const after = new Map([
    [1, place("gw/1", "b")],
    [2, place("gw/1", "b")],
    [3, place("gw/1", "b")],
  ]);
  const lost = new Map([
    [1, 20],
    [2, 1],
  ]);
  expect(others(before, after, new Set(["gw/0"]), lost)).toEqual({ flows: 2, lost: 1, moved: 1 });
});
