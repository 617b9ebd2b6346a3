/**
 * Which seat's tunnel each probe flow takes, as it was seen: every data plane is asked (`explain`) through which tunnel
 * packets of that flow have passed. What the kernels of fabric and site routers would choose is not asked: between
 * namespaces a packet keeps the hash that its sender's socket gave it, which `ip route get` does not know.
 */
import type { LabPlan } from "@tandem/contract";
import { ControlClient } from "../../control/control-client.ts";
import { labProcesses } from "../../control/lab-processes.ts";
import { readPlan } from "../../lab-record.ts";
import type { FlowState } from "../../probe/probe-session.ts";
import type { StateFolder } from "../../state-folder.ts";

export interface Place {
  /** Instance or device that puts the flow into a tunnel. */
  readonly node: string;
  readonly tunnel: string;
  /** The gateway's seat at one of the tunnel's ends. */
  readonly seat: string | undefined;
}

interface Seen {
  readonly tunnel: string;
  readonly secondsAgo: number;
}

const PROTOCOL = { udp: 17, tcp: 6 } as const;
const ASK_MILLISECONDS = 1_000;
/** The data plane's clock for flows counts seconds: a flow that passes has been seen in this one or the last. */
const FRESH_SECONDS = 1;

/** By flow id. Flows that nobody has just seen (a third party's device, a dead process) are absent, as are those that two have. */
export async function placeFlows(
  folder: StateFolder,
  flows: readonly FlowState[],
): Promise<ReadonlyMap<number, Place>> {
  const plan = readPlan(folder);
  const found = new Map<number, Place[]>();
  await Promise.all(
    labProcesses(folder, ["instance", "device"]).map(async ({ node, controlSocket }) => {
      const client = await ControlClient.open(controlSocket).catch(() => undefined);
      if (client === undefined) return;
      try {
        for (const flow of flows) {
          const seen = await seenBy(client, plan, flow);
          if (seen === undefined || seen.secondsAgo > FRESH_SECONDS) continue;
          const place = { node, tunnel: seen.tunnel, seat: seatOf(plan, seen.tunnel) };
          found.set(flow.id, [...(found.get(flow.id) ?? []), place]);
        }
      } catch {
        // stopped or killed meanwhile: its flows have no place
      } finally {
        client.close();
      }
    }),
  );
  return new Map([...found].flatMap(([id, places]) => (places.length === 1 ? [[id, places[0]!]] : [])));
}

async function seenBy(client: ControlClient, plan: LabPlan, flow: FlowState): Promise<Seen | undefined> {
  const { seen } = (await client.call(
    "explain",
    {
      source: sourceOf(plan, flow),
      destination: flow.destination,
      protocol: PROTOCOL[flow.protocol],
      sourcePort: flow.sourcePort,
      destinationPort: flow.destinationPort,
    },
    ASK_MILLISECONDS,
  )) as { seen?: Seen };
  return seen;
}

const seatOf = (plan: LabPlan, tunnel: string): string | undefined =>
  plan.seats.map(({ name }) => name).find((name) => tunnel.split("|").includes(name));

function sourceOf(plan: LabPlan, { from, destination }: FlowState): string {
  const host = plan.nodes.find((node) => node.name === from);
  const addresses = host?.kind === "host" ? host.addresses : [];
  return addresses.find((address) => address.includes(":") === destination.includes(":")) ?? "";
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
