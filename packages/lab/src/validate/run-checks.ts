/** What a topology promises, checked on a running lab, one named check per promise. */
import { setTimeout as delay } from "node:timers/promises";
import type { LabPlan, LabStatus } from "@tandem/contract";
import { reasonOf } from "../lab-error.ts";
import { readPlan } from "../lab-record.ts";
import { type FlowState, ProbeSession, probeDirections } from "../probe/probe-session.ts";
import type { StateFolder } from "../state-folder.ts";
import { isUp, labStatus } from "../status/lab-status.ts";

export interface CheckResult {
  /** `tunnels`, `bgp`, `traffic`, `spread`. */
  readonly group: string;
  readonly name: string;
  readonly seconds: number;
  /** Absent when it holds. */
  readonly failure: string | undefined;
}

const PROBES = { udpFlows: 64, tcpFlows: 2, rate: 20, size: 300 } as const;
const WARM_UP_MILLISECONDS = 2_000;
const TRAFFIC_MILLISECONDS = 5_000;

export async function runChecks(folder: StateFolder): Promise<CheckResult[]> {
  const plan = readPlan(folder);
  const status = await labStatus(folder);
  const results: CheckResult[] = [
    ...instanceChecks(status),
    ...tunnelChecks(plan, status),
    ...bgpChecks(status),
  ];
  if (probeDirections(plan).length === 0) return results;
  try {
    results.push(...(await trafficChecks(folder, plan)));
  } catch (error) {
    results.push(result("traffic", "probe traffic can be sent", 0, reasonOf(error)));
  }
  return results;
}

function instanceChecks(status: LabStatus): CheckResult[] {
  const instances = status.instances.map(({ name, state }) =>
    result("instances", `${name} runs`, 0, state === "down" ? "it is down" : undefined),
  );
  const seats = status.seats.map(({ name, owner }) =>
    result("instances", `seat ${name} has one owner`, 0, owner === null ? "it has none" : undefined),
  );
  return [...instances, ...seats];
}

function tunnelChecks(plan: LabPlan, status: LabStatus): CheckResult[] {
  return plan.tunnels.map(({ id, connection, seat, remote }) => {
    const tunnels = status.tunnels.filter(
      (one) => one.tunnel === id || one.tunnel?.startsWith(`${id}/`) === true,
    );
    const down = tunnels.find((one) => !isUp(one));
    const failure =
      tunnels.length === 0
        ? "there is no such tunnel"
        : down === undefined
          ? undefined
          : `${down.ike} ${down.reason ?? ""}`.trim();
    return result("tunnels", `${connection}: ${seat} to ${remote} is up`, 0, failure);
  });
}

function bgpChecks({ bgpPeers }: LabStatus): CheckResult[] {
  return bgpPeers.map(({ seat, neighbor, state, routesReceived, reason }) => {
    const failure =
      state !== "Established"
        ? `${state} ${reason ?? ""}`.trim()
        : routesReceived === 0
          ? "no route was received"
          : undefined;
    return result("bgp", `${seat} and ${neighbor} exchange routes`, 0, failure);
  });
}

async function trafficChecks(folder: StateFolder, plan: LabPlan): Promise<CheckResult[]> {
  const began = performance.now();
  const probes = await ProbeSession.start(folder, PROBES);
  let before: Map<number, number>;
  let flows: FlowState[];
  let status: LabStatus;
  try {
    // The first packets of a fresh process meet code that is not compiled yet; they are not what is promised.
    await delay(WARM_UP_MILLISECONDS);
    before = new Map((await probes.report()).map((flow) => [flow.id, missing(flow)]));
    await delay(TRAFFIC_MILLISECONDS);
    await probes.pause();
    await delay(300);
    flows = await probes.report();
    status = await labStatus(folder);
  } finally {
    await probes.stop();
  }
  const seconds = (performance.now() - began) / 1000;
  const groups = Map.groupBy(
    flows,
    ({ from, to, destination, protocol }) => `${protocol} ${from} to ${to} (${destination})`,
  );
  const traffic = [...groups].map(([name, group]) =>
    result("traffic", `${name}: every packet arrives`, seconds, lossOf(group, before)),
  );
  return [...traffic, ...spreadChecks(plan, status, seconds)];
}

function lossOf(group: readonly FlowState[], before: ReadonlyMap<number, number>): string | undefined {
  const silent = group.filter(({ received }) => received === undefined).length;
  if (silent > 0) return `${silent} of ${group.length} flows received nothing`;
  // At the end nothing is under way any more: what is missing and was not before is lost.
  const lost = group.reduce((sum, flow) => sum + Math.max(0, missing(flow) - (before.get(flow.id) ?? 0)), 0);
  return lost > 0 ? `${lost} packets lost` : undefined;
}

const missing = ({ sent, received }: FlowState): number => Math.max(0, sent - (received?.received ?? 0));

/** Equal-cost tunnels are all used at once (topologies 2 to 5). With 64 flows an unused one is no accident. */
function spreadChecks(plan: LabPlan, status: LabStatus, seconds: number): CheckResult[] {
  if (plan.tunnels.length < 2 || plan.gateways.length > 1) return [];
  return status.tunnels
    .filter(({ tunnel }) => plan.tunnels.some(({ id }) => id === tunnel))
    .map(({ connection, seat, remote, flows }) =>
      result(
        "spread",
        `${connection}: ${seat} to ${remote} carries flows`,
        seconds,
        flows === 0 ? "it carries none" : undefined,
      ),
    );
}

function result(group: string, name: string, seconds: number, failure: string | undefined): CheckResult {
  return { group, name, seconds, failure };
}
