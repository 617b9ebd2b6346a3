/**
 * Which seat's tunnel each probe flow takes, asked of those who decide: the kernels of fabric and site routers
 * (`ip route get` with the flow's ports), then the data plane (`explain`).
 *
 *      host ─▶ fabric or router ── route get ──▶ instance or device ── explain ──▶ tunnel ─▶ its seat
 */
import type { LabPlan, PlanLink, PlanNode } from "@tandem/contract";
import { ControlClient } from "../../control/control-client.ts";
import { labProcesses } from "../../control/lab-processes.ts";
import { readLabRecord, readPlan } from "../../lab-record.ts";
import { Realm } from "../../netns/realm.ts";
import { namespaceOf } from "../../plan/network-of-plan.ts";
import type { FlowState } from "../../probe/probe-session.ts";
import type { StateFolder } from "../../state-folder.ts";

export interface Place {
  /** Instance or device that puts the flow into a tunnel. */
  readonly node: string;
  readonly tunnel: string;
  /** The gateway's seat at one of the tunnel's ends. */
  readonly seat: string | undefined;
}

type Explained = { candidates?: readonly { tunnel: string; chosen: boolean }[] };

const PROTOCOL = { udp: 17, tcp: 6 } as const;
const ASK_MILLISECONDS = 1_000;

/** By flow id; flows whose way cannot be told (a third party's device, a dead process) are absent. */
export async function placeFlows(
  folder: StateFolder,
  flows: readonly FlowState[],
): Promise<ReadonlyMap<number, Place>> {
  const plan = readPlan(folder);
  const places = new Map<number, Place>();
  const entries = await gatewaysOf(folder, plan, flows);
  const sockets = new Map(labProcesses(folder, ["instance", "device"]).map((p) => [p.node, p.controlSocket]));
  await Promise.all(
    [...Map.groupBy(flows, ({ id }) => entries.get(id))].map(async ([node, group]) => {
      const socket = sockets.get(node ?? "");
      if (node === undefined || socket === undefined) return;
      const client = await ControlClient.open(socket).catch(() => undefined);
      if (client === undefined) return;
      try {
        for (const flow of group) {
          const tunnel = await tunnelOf(client, plan, flow);
          if (tunnel !== undefined) places.set(flow.id, { node, tunnel, seat: seatOf(plan, tunnel) });
        }
      } catch {
        // stopped or killed meanwhile: its flows have no place
      } finally {
        client.close();
      }
    }),
  );
  return places;
}

async function tunnelOf(client: ControlClient, plan: LabPlan, flow: FlowState): Promise<string | undefined> {
  const { candidates } = (await client.call(
    "explain",
    {
      source: sourceOf(plan, flow),
      destination: flow.destination,
      protocol: PROTOCOL[flow.protocol],
      sourcePort: flow.sourcePort,
      destinationPort: flow.destinationPort,
    },
    ASK_MILLISECONDS,
  )) as Explained;
  return candidates?.find(({ chosen }) => chosen)?.tunnel;
}

const seatOf = (plan: LabPlan, tunnel: string): string | undefined =>
  plan.seats.map(({ name }) => name).find((name) => tunnel.split("|").includes(name));

function sourceOf(plan: LabPlan, { from, destination }: FlowState): string {
  const host = plan.nodes.find((node) => node.name === from);
  const addresses = host?.kind === "host" ? host.addresses : [];
  return addresses.find((address) => address.includes(":") === destination.includes(":")) ?? "";
}

/** The first node of each flow that is no router. */
async function gatewaysOf(
  folder: StateFolder,
  plan: LabPlan,
  flows: readonly FlowState[],
): Promise<ReadonlyMap<number, string>> {
  const record = readLabRecord(folder);
  const found = new Map<number, string>();
  if (record === undefined) return found;
  const realm = new Realm(record.realm);
  for (const [host, group] of Map.groupBy(flows, ({ from }) => from)) {
    const first = farEnd(plan, host);
    if (first === undefined) continue;
    if (!isRouter(first.node)) {
      for (const { id } of group) found.set(id, first.node.name);
      continue;
    }
    const lines = group.map(
      (flow) =>
        `route get ${flow.destination} from ${sourceOf(plan, flow)} iif ${first.interface} ipproto ${flow.protocol} sport ${flow.sourcePort} dport ${flow.destinationPort}`,
    );
    const netns = namespaceOf(plan.lab, first.node.name);
    const said = await realm.run(["ip", "-netns", netns, "-oneline", "-batch", "-"], `${lines.join("\n")}\n`);
    const answers = said.split("\n").filter((line) => line !== "");
    group.forEach(({ id }, i) => {
      const next = farEnd(plan, first.node.name, / dev (\S+)/.exec(answers[i] ?? "")?.[1]);
      if (next !== undefined) found.set(id, next.node.name);
    });
  }
  return found;
}

const isRouter = (node: PlanNode): boolean => node.kind === "fabric" || node.kind === "router";

/** The other end of the node's link with that interface, or of its only one. */
function farEnd(
  plan: LabPlan,
  node: string,
  device?: string,
): { readonly node: PlanNode; readonly interface: string } | undefined {
  const fits = (end: PlanLink["a"]): boolean =>
    end.node === node && (device === undefined || end.interface === device);
  const link = plan.links.find(({ a, b, role }) => role !== "control" && (fits(a) || fits(b)));
  if (link === undefined) return undefined;
  const far = fits(link.a) ? link.b : link.a;
  const found = plan.nodes.find(({ name }) => name === far.node);
  return found === undefined ? undefined : { node: found, interface: far.interface };
}

/** What became of the flows that had nothing to do with the event. */
export interface Others {
  readonly flows: number;
  readonly lost: number;
  readonly moved: number;
}

/** `seats`: those that the event happens to. Flows without a place before are left out. */
export function others(
  before: ReadonlyMap<number, Place>,
  after: ReadonlyMap<number, Place>,
  seats: ReadonlySet<string>,
  lostOf: ReadonlyMap<number, number>,
): Others {
  const untouched = [...before].filter(([, { seat }]) => seat !== undefined && !seats.has(seat));
  return {
    flows: untouched.length,
    lost: untouched.reduce((sum, [id]) => sum + (lostOf.get(id) ?? 0), 0),
    moved: untouched.filter(([id, { tunnel }]) => after.get(id)?.tunnel !== tunnel).length,
  };
}
