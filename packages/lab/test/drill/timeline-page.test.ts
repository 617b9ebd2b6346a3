import { expect, it } from "vitest";
import { type IncidentReport, summarise } from "../../src/drill/incident.ts";
import { timelinePage } from "../../src/drill/timeline-page.ts";

const percentiles = { p50: 100, p99: 150, max: 150 };
const report: IncidentReport = {
  lab: "lab",
  topology: "dual-redundancy",
  profile: "fast",
  what: "SIGKILL gw/IN_0",
  node: "gw/IN_0",
  at: 1_000_000,
  settledMilliseconds: 900,
  directions: [
    { direction: "a -> b", flows: 2, lost: 15, lossDerived: percentiles, timestampDerived: percentiles },
  ],
  flows: { total: 2, moved: 1, interrupted: 1 },
  tcp: { total: 0, alive: 0 },
  lost: 15,
  worstMilliseconds: 150,
  recovered: true,
  tunnels: [{ tunnel: "c gw/0 device1", before: 1, after: 0 }],
  outages: [
    {
      flow: 1,
      from: "a",
      to: "b",
      protocol: "udp",
      lost: 15,
      lossDerivedMilliseconds: 150,
      timestampDerivedMilliseconds: 150,
    },
  ],
  events: [
    { at: 1_000_012, node: "supervisor", event: "failover.phase", message: "claim <waits>", simulated: true },
    { at: 1_000_100, node: "gw/IN_1", event: "ike.established", message: "up" },
  ],
};

it("is one page that needs nothing else, with every event, and marks what is simulated", () => {
  const page = timelinePage(report);
  expect(page).not.toMatch(/<script|<link|https?:\/\//);
  expect(page).toContain("claim &lt;waits&gt; (simulated)");
  expect(page).toContain("ike.established");
  expect(page).toContain("150.0 ms, 15 packets");
});

it("is summarised in one line", () => {
  expect(summarise(report)).toBe(
    "SIGKILL gw/IN_0: 1 flows moved, 1 of 2 interrupted, 15 packets lost, worst outage 150 ms, TCP alive 0/0",
  );
});
