/** Figures over the runs of one scenario, and whether they meet its goal. */
import type { BenchResult } from "@tandem/contract";
import type { IncidentReport } from "../../drill/incident.ts";
import { percentile } from "../../probe/outage.ts";
import type { ScenarioRun } from "./run-scenario.ts";
import { type Scenario, workName } from "./scenarios.ts";

export interface Verdict {
  readonly scenario: Scenario;
  readonly runs: readonly ScenarioRun[];
  readonly vnetToSite: Spread;
  readonly siteToVnet: Spread;
  /** Milliseconds, per run. */
  readonly up: readonly number[];
  readonly lost: number;
  readonly tcpAlive: string;
  /** What else the goal asks for, as measured; for people. */
  readonly notes: readonly string[];
  readonly misses: readonly string[];
}

/** Over runs x flows, milliseconds, timestamp-derived. */
export interface Spread {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export function judge(scenario: Scenario, runs: readonly ScenarioRun[], hosts: ReadonlySet<string>): Verdict {
  const { goal } = scenario;
  const reports = runs.flatMap(({ report }) => (report === undefined ? [] : [report]));
  const outages = reports.flatMap((report) => report.outages.filter(({ protocol }) => protocol === "udp"));
  const spread = (fromVnet: boolean): Spread => {
    const values = outages
      .filter(({ from }) => hosts.has(from) === fromVnet)
      .map(({ timestampDerivedMilliseconds }) => timestampDerivedMilliseconds);
    return { p50: percentile(values, 50), p99: percentile(values, 99), max: Math.max(0, ...values) };
  };
  const vnetToSite = spread(true);
  const siteToVnet = spread(false);
  const lost = reports.reduce((sum, report) => sum + report.lost, 0);
  const tcp = reports.reduce(
    (sum, report) => ({ total: sum.total + report.tcp.total, alive: sum.alive + report.tcp.alive }),
    { total: 0, alive: 0 },
  );
  const negotiated = reports.reduce((sum, report) => sum + negotiations(scenario, report), 0);
  const up = runs.map(({ upMilliseconds }) => upMilliseconds);
  const outside = (name: string, { p99 }: Spread, limits: readonly [number, number] | undefined): string[] =>
    limits === undefined || (p99 >= limits[0] && p99 <= limits[1])
      ? []
      : [`${name} p99 ${p99.toFixed(0)} ms is not within ${limits[0]} to ${limits[1]} ms`];
  const aside = othersOf(runs);
  const routes = routesOf(runs);
  const woken = wokenOf(scenario, runs);
  const misses = [
    ...outside("VNet to site", vnetToSite, goal.vnetToSite),
    ...outside("site to VNet", siteToVnet, goal.siteToVnet),
    ...(goal.lost !== undefined && lost > goal.lost ? [`${lost} packets lost`] : []),
    ...(goal.tcpAlive === true && tcp.alive < tcp.total ? [`${tcp.total - tcp.alive} TCP flows died`] : []),
    ...(goal.noNegotiation === true && negotiated > 0 ? [`${negotiated} IKE SAs were negotiated`] : []),
    ...(reports.every(({ recovered }) => recovered) ? [] : ["not every flow came back"]),
    ...(goal.othersUntouched === true ? aside.misses : []),
    ...(goal.routesKept === true ? routes.misses : []),
    ...(goal.wokenHarmless === true ? woken.misses : []),
    ...(goal.up !== undefined && percentile(up, 50) > goal.up
      ? [`up after ${percentile(up, 50).toFixed(0)} ms`]
      : []),
  ];
  const notes = [
    ...(goal.up === undefined ? [] : [`up after ${up.map((ms) => ms.toFixed(0)).join(", ")} ms`]),
    ...(goal.noNegotiation === true ? [`${negotiated} IKE SAs negotiated`] : []),
    ...(goal.othersUntouched === true ? [aside.note] : []),
    ...(goal.routesKept === true ? [routes.note] : []),
    ...(goal.wokenHarmless === true ? [woken.note] : []),
  ];
  const tcpAlive = `${tcp.alive}/${tcp.total}`;
  return { scenario, runs, vnetToSite, siteToVnet, up, lost, tcpAlive, notes, misses };
}

/** The far end establishes an IKE SA only when one was negotiated; an adopter says so of what it took over as well. */
function negotiations({ node }: Scenario, report: IncidentReport): number {
  const gateway = node.split("/")[0];
  return report.events.filter((one) => one.event === "ike.established" && !one.node.startsWith(`${gateway}/`))
    .length;
}

interface Finding {
  readonly note: string;
  readonly misses: readonly string[];
}

function othersOf(runs: readonly ScenarioRun[]): Finding {
  const all = runs.flatMap((run) => (run.others === undefined ? [] : [run.others]));
  const sum = (pick: (one: (typeof all)[number]) => number): number =>
    all.reduce((n, one) => n + pick(one), 0);
  const [flows, lost, moved] = [sum((o) => o.flows), sum((o) => o.lost), sum((o) => o.moved)];
  return {
    note: `others: ${flows} flows, ${lost} lost, ${moved} moved`,
    misses: [
      ...(all.some((one) => one.flows === 0) ? ["no flow was on another seat's tunnel"] : []),
      ...(lost > 0 ? [`${lost} packets of other flows lost`] : []),
      ...(moved > 0 ? [`${moved} other flows moved`] : []),
    ],
  };
}

function routesOf(runs: readonly ScenarioRun[]): Finding {
  const looks = runs.reduce((sum, { routes }) => sum + (routes?.looks ?? 0), 0);
  const gone = runs.reduce((sum, { routes }) => sum + (routes?.gone ?? 0), 0);
  return {
    note: `routes to the VNet gone in ${gone} of ${looks} looks`,
    misses: [
      ...(looks === 0 ? ["nobody looked at the devices' routes"] : []),
      ...(gone > 0 ? [`the devices had no route to the VNet in ${gone} of ${looks} looks`] : []),
    ],
  };
}

function wokenOf(scenario: Scenario, runs: readonly ScenarioRun[]): Finding {
  const all = runs.flatMap(({ woken }) => (woken === undefined ? [] : [woken]));
  const lost = all.reduce((sum, { report }) => sum + report.lost, 0);
  const dead = all.reduce((sum, { report }) => sum + report.tcp.total - report.tcp.alive, 0);
  const negotiated = all.reduce((sum, { report }) => sum + negotiations(scenario, report), 0);
  const reasons = all.flatMap((one) => one.reasons);
  return {
    note: `after the wake-up: ${lost} lost, ${dead} TCP flows dead, ${negotiated} IKE SAs negotiated`,
    misses: [
      ...(lost > 0 ? [`${lost} packets lost after the wake-up`] : []),
      ...(dead > 0 ? [`${dead} TCP flows dead after the wake-up`] : []),
      ...(negotiated > 0 ? [`${negotiated} IKE SAs negotiated after the wake-up`] : []),
      ...(reasons.length > 0 ? [`not ready after the wake-up: ${reasons.join(", ")}`] : []),
    ],
  };
}

export function rowsOf({ scenario, runs, up }: Verdict, hosts: ReadonlySet<string>): BenchResult["rows"] {
  const reports = runs.flatMap(({ report }) => (report === undefined ? [] : [report]));
  const p99Of = (fromVnet: boolean): number[] =>
    reports.map((report) =>
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
  const lab = row(scenario.event === "up" ? "" : "-lab-up", "ms", up);
  if (reports.length === 0) return [lab];
  return [
    row("", "ms outage VNet to site, p99 of flows", p99Of(true)),
    row("-site-to-vnet", "ms outage site to VNet, p99 of flows", p99Of(false)),
    row(
      "-lost",
      "packets",
      reports.map((report) => report.lost),
    ),
    lab,
  ];
}
