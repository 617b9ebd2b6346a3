/** Figures over the runs of one scenario, and whether they meet its goal. */
import type { BenchResult } from "@tandem/contract";
import { percentile } from "../../probe/outage.ts";
import type { ScenarioRun } from "./run-scenario.ts";
import { type Scenario, workName } from "./scenarios.ts";

export interface Verdict {
  readonly scenario: Scenario;
  readonly runs: readonly ScenarioRun[];
  readonly vnetToSite: Spread;
  readonly siteToVnet: Spread;
  readonly lost: number;
  readonly tcpAlive: string;
  readonly misses: readonly string[];
}

/** Over runs x flows, milliseconds, timestamp-derived. */
export interface Spread {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export function judge(scenario: Scenario, runs: readonly ScenarioRun[], hosts: ReadonlySet<string>): Verdict {
  const outages = runs.flatMap(({ report }) => report.outages.filter(({ protocol }) => protocol === "udp"));
  const spread = (fromVnet: boolean): Spread => {
    const values = outages
      .filter(({ from }) => hosts.has(from) === fromVnet)
      .map(({ timestampDerivedMilliseconds }) => timestampDerivedMilliseconds);
    return { p50: percentile(values, 50), p99: percentile(values, 99), max: Math.max(0, ...values) };
  };
  const vnetToSite = spread(true);
  const siteToVnet = spread(false);
  const lost = runs.reduce((sum, { report }) => sum + report.lost, 0);
  const tcp = runs.reduce(
    (sum, { report }) => ({ total: sum.total + report.tcp.total, alive: sum.alive + report.tcp.alive }),
    { total: 0, alive: 0 },
  );
  // The far end establishes an IKE SA only when one was negotiated; an adopter says so of what it took over as well.
  const gateway = scenario.node.split("/")[0];
  const negotiations = runs.flatMap(({ report }) =>
    report.events.filter(({ event, node }) => event === "ike.established" && !node.startsWith(`${gateway}/`)),
  );
  const { goal } = scenario;
  const outside = (name: string, { p99 }: Spread, limits: readonly [number, number] | undefined): string[] =>
    limits === undefined || (p99 >= limits[0] && p99 <= limits[1])
      ? []
      : [`${name} p99 ${p99.toFixed(0)} ms is not within ${limits[0]} to ${limits[1]} ms`];
  const misses = [
    ...outside("VNet to site", vnetToSite, goal.vnetToSite),
    ...outside("site to VNet", siteToVnet, goal.siteToVnet),
    ...(goal.lost !== undefined && lost > goal.lost ? [`${lost} packets lost`] : []),
    ...(goal.tcpAlive === true && tcp.alive < tcp.total ? [`${tcp.total - tcp.alive} TCP flows died`] : []),
    ...(goal.noNegotiation === true && negotiations.length > 0
      ? [`${negotiations.length} IKE SAs were negotiated`]
      : []),
    ...(runs.every(({ report }) => report.recovered) ? [] : ["not every flow came back"]),
  ];
  return { scenario, runs, vnetToSite, siteToVnet, lost, tcpAlive: `${tcp.alive}/${tcp.total}`, misses };
}

export function rowsOf({ scenario, runs }: Verdict, hosts: ReadonlySet<string>): BenchResult["rows"] {
  const p99Of = (fromVnet: boolean): number[] =>
    runs.map(({ report }) =>
      percentile(
        report.outages
          .filter(({ protocol, from }) => protocol === "udp" && hosts.has(from) === fromVnet)
          .map(({ timestampDerivedMilliseconds }) => timestampDerivedMilliseconds),
        99,
      ),
    );
  const row = (suffix: string, unit: string, values: readonly number[]): BenchResult["rows"][number] => ({
    work: `${workName(scenario)}${suffix}`,
    subject: "tandem",
    unit,
    runs: values.length,
    min: Math.min(...values),
    median: percentile(values, 50),
    max: Math.max(...values),
  });
  return [
    row("", "ms outage VNet to site, p99 of flows", p99Of(true)),
    row("-site-to-vnet", "ms outage site to VNet, p99 of flows", p99Of(false)),
    row(
      "-lost",
      "packets",
      runs.map(({ report }) => report.lost),
    ),
    row(
      "-lab-up",
      "ms",
      runs.map(({ upMilliseconds }) => upMilliseconds),
    ),
  ];
}
