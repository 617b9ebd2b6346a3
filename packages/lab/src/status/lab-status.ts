/**
 * Asks every process for its own status and puts the answers together: works before and without a supervisor.
 *
 * An instance may have every tunnel established and carry no packet: the fabric sends its seats' packets elsewhere, its
 * packet loop stands still, or the far end has died and nobody has noticed yet. "Ready" asks for all of that too.
 */
import {
  type BgpPeerStatus,
  FabricStatus,
  type InstanceNode,
  type InstanceStatus,
  type LabPlan,
  type LabStatus,
  ProcessStatus,
  type SeatStatus,
  type TunnelStatus,
} from "@tandem/contract";
import { callControl } from "../control/control-client.ts";
import { type Answer, askAll, labProcesses } from "../control/lab-processes.ts";
import { reasonOf } from "../lab-error.ts";
import { readPlan } from "../lab-record.ts";
import type { StateFolder } from "../state-folder.ts";
import { missingPrograms } from "./device-programs.ts";
import { type SupervisorView, supervisorView } from "./supervisor-view.ts";

export interface ProcessAnswer {
  readonly node: string;
  /** Absent when the process did not answer; then `reason` says why. */
  readonly status: ProcessStatus | undefined;
  readonly reason: string;
}

/** A live process answers in a few milliseconds, a stopped one never. */
const STATUS_TIMEOUT_MILLISECONDS = 1_000;
/** The packet loop turns once a second when there is nothing to do; more is a loop that hangs or gets no processor. */
const STALLED_MILLISECONDS = 2_500;

export async function labStatus(folder: StateFolder): Promise<LabStatus> {
  const plan = readPlan(folder);
  const instances = plan.nodes.filter((node): node is InstanceNode => node.kind === "instance");
  const [answers, others, supervisor] = await Promise.all([
    Promise.all(instances.map((node) => askProcess(node.name, node.config.controlSocket))),
    askAll(
      labProcesses(folder, ["fabric", "router", "device"]),
      "status",
      undefined,
      STATUS_TIMEOUT_MILLISECONDS,
    ),
    supervisorView(folder, plan),
  ]);
  const running = answers.flatMap(({ status }) => (status === undefined ? [] : [status]));
  const seats = seatsOf(plan, running);
  const tunnels = tunnelsOf(plan, running, seats);
  const bgpPeers = running.flatMap((status) =>
    status.bgpPeers.map((peer) => ({ ...peer, instance: peer.instance ?? status.name })),
  );
  const owners = ownersOf(others, supervisor);
  const besides = others.flatMap(({ result }) => ProcessStatus.safeParse(result).data ?? []);
  const reasons = [
    ...answers.filter(({ status }) => status === undefined).map(({ node, reason }) => `${node}: ${reason}`),
    ...others.flatMap(({ node, reason }) =>
      reason === undefined ? [] : [`${node}: ${withoutPath(reason)}`],
    ),
    ...missingPrograms(folder, plan),
    ...stalledLoops([...running, ...besides]),
    ...seats.filter(({ owner }) => owner === null).map(({ name }) => `seat ${name} has no owner`),
    ...tunnels.filter((tunnel) => !isUp(tunnel)).map(explainTunnel),
    ...bgpPeers
      .filter(({ state }) => state !== "Established")
      .map(
        ({ seat, neighbor, state, reason }) =>
          `BGP ${seat} to ${neighbor}: ${state}${reason === undefined ? "" : `, ${reason}`}`,
      ),
    ...missingSessions(plan, bgpPeers, seats),
    ...oneSidedSessions(besides, bgpPeers),
    ...missingClients(plan, tunnels),
    ...supervision(supervisor, owners, answers, seats),
  ];
  const ready = reasons.length === 0;
  const sentSomewhere = seats.some(
    ({ name, owner }) => (owners.has(name) ? owners.get(name) : owner) !== null,
  );
  const served = sentSomewhere && tunnels.some(isUp);
  return {
    ready,
    state: ready ? "ready" : served ? "degraded" : "down",
    reasons,
    profile: supervisor.profile ?? plan.profile,
    instances: answers.map((answer) => instanceStatus(answer, supervisor.draining)),
    seats,
    tunnels,
    bgpPeers,
  };
}

export async function askProcess(node: string, controlSocket: string): Promise<ProcessAnswer> {
  try {
    const answer = await callControl(controlSocket, "status", undefined, STATUS_TIMEOUT_MILLISECONDS);
    const parsed = ProcessStatus.safeParse(answer);
    return parsed.success
      ? { node, status: parsed.data, reason: "" }
      : {
          node,
          status: undefined,
          reason: `answers with a status of another version (${parsed.error.issues[0]?.path.join(".")})`,
        };
  } catch (error) {
    return { node, status: undefined, reason: withoutPath(reasonOf(error)) };
  }
}

const withoutPath = (reason: string): string => reason.replace(/^nothing answers.*: /, "");

function stalledLoops(statuses: readonly ProcessStatus[]): string[] {
  return statuses.flatMap(({ name, dataPlane }) => {
    const stalled = dataPlane.stalledMilliseconds ?? 0;
    if (stalled < STALLED_MILLISECONDS) return [];
    return [`${name}: its data plane has stood still for ${(stalled / 1000).toFixed(1)} s`];
  });
}

/** Sessions that the gateway believes in and the device does not have: it has restarted, and has no routes for what it is sent. */
function oneSidedSessions(devices: readonly ProcessStatus[], gateway: readonly BgpPeerStatus[]): string[] {
  return gateway
    .filter(({ state }) => state === "Established")
    .flatMap(({ seat, peer, localAddress }) => {
      // Of a tunnel's id: the connection, the near end, the far end.
      const [connection, , remote] = peer?.split("|") ?? [];
      const device = devices.find(({ name }) => name === remote);
      const own = device?.bgpPeers.find((one) => {
        const [itsConnection, , itsRemote] = one.peer?.split("|") ?? [];
        return itsConnection === connection && itsRemote === seat;
      });
      if (device === undefined || own?.state === "Established") return [];
      return [
        `BGP ${remote} to ${localAddress ?? seat}: ${own?.state ?? "Idle"}, although ${seat} has it Established`,
      ];
    });
}

/** To whom the packets of each seat are sent: the fabric knows, and without its agent the supervisor. */
function ownersOf(others: readonly Answer[], supervisor: SupervisorView): ReadonlyMap<string, string | null> {
  const fabric = others.flatMap(({ result }) => FabricStatus.safeParse(result).data ?? [])[0];
  return fabric === undefined
    ? supervisor.owners
    : new Map(fabric.seats.map(({ name, owner }) => [name, owner]));
}

/** What the instances cannot know. Of one that is gone, or of a seat that nobody claims, it was said already. */
function supervision(
  { reasons }: SupervisorView,
  owners: ReadonlyMap<string, string | null>,
  answers: readonly ProcessAnswer[],
  seats: readonly SeatStatus[],
): string[] {
  const silent = new Set(answers.filter(({ status }) => status === undefined).map(({ node }) => node));
  const unclaimed = new Set(seats.filter(({ owner }) => owner === null).map(({ name }) => name));
  const known = reasons.filter(({ subject }) => !silent.has(subject) && !unclaimed.has(subject));
  const elsewhere = seats.flatMap(({ name, owner: claimant }) => {
    const owner = owners.get(name);
    if (owner === undefined || owner === claimant || unclaimed.has(name)) return [];
    if (known.some(({ subject }) => subject === name)) return [];
    return [
      {
        subject: name,
        reason: `the fabric sends its packets ${owner === null ? "nowhere" : `to ${owner}`}, ${claimant} claims it`,
      },
    ];
  });
  const names = new Set(seats.map(({ name }) => name));
  return [...known, ...elsewhere].map(
    ({ subject, reason }) => `${names.has(subject) ? "seat " : ""}${subject}: ${reason}`,
  );
}

export function isUp(tunnel: TunnelStatus): boolean {
  return (tunnel.ike === "ESTABLISHED" || tunnel.ike === "REKEYING") && tunnel.children.length > 0;
}

function instanceStatus({ node, status }: ProcessAnswer, draining: ReadonlySet<string>): InstanceStatus {
  if (status === undefined) return { name: node, state: "down", pid: null, seats: [] };
  const seats = status.seats.map(({ name }) => name);
  const state = status.draining || draining.has(node) ? "draining" : seats.length > 0 ? "active" : "standby";
  return { name: node, state, pid: status.pid, seats };
}

/** The owner is who hosts the seat at the highest epoch. */
function seatsOf(plan: LabPlan, running: readonly ProcessStatus[]): SeatStatus[] {
  return plan.seats.map((seat) => {
    const hosts = running
      .flatMap((status) =>
        status.seats.filter(({ name }) => name === seat.name).map(({ epoch }) => ({ status, epoch })),
      )
      .sort((a, b) => b.epoch - a.epoch);
    return {
      name: seat.name,
      publicIp: seat.publicIps[0] ?? "",
      bgpIp: seat.bgpIp,
      owner: hosts[0]?.status.name ?? null,
      epoch: hosts[0]?.epoch ?? 0,
    };
  });
}

/** Every tunnel of the plan appears, also one that nobody hosts now; tunnels added since the lab came up follow. */
function tunnelsOf(
  plan: LabPlan,
  running: readonly ProcessStatus[],
  seats: readonly SeatStatus[],
): TunnelStatus[] {
  const templates = templatesOf(plan);
  const reported = running
    .flatMap(({ tunnels }) => tunnels)
    .filter(({ tunnel }) => !templates.has(tunnel ?? ""));
  const missing = plan.tunnels
    .filter(({ id }) => !templates.has(id))
    .filter(({ connection, seat, remote }) =>
      reported.every((one) => one.connection !== connection || one.seat !== seat || one.remote !== remote),
    )
    .map(({ id, connection, seat, remote }): TunnelStatus => {
      const owner = seats.find(({ name }) => name === seat)?.owner ?? null;
      return {
        connection,
        seat,
        instance: owner ?? "",
        remote,
        ike: "DOWN",
        flows: 0,
        children: [],
        tunnel: id,
        reason: owner === null ? "no instance hosts the seat" : "not configured on the instance",
      };
    });
  // In the plan's order, whoever answers: a row of the live screen stays where it is.
  const place = ({ connection, seat, remote }: TunnelStatus): number => {
    const index = plan.tunnels.findIndex(
      (one) => one.connection === connection && one.seat === seat && one.remote === remote,
    );
    return index < 0 ? plan.tunnels.length : index;
  };
  return [...reported, ...missing].toSorted((a, b) => place(a) - place(b));
}

/** A connection to anybody (point-to-site) is not a tunnel itself: each client that dials gets one from it. */
function templatesOf(plan: LabPlan): Set<string> {
  const open = plan.nodes.flatMap((node) =>
    node.kind === "instance" ? (node.config.connections ?? []) : [],
  );
  return new Set(open.filter(({ remote }) => remote.address === null).map(({ tunnel }) => tunnel));
}

function missingClients(plan: LabPlan, tunnels: readonly TunnelStatus[]): string[] {
  const templates = [...templatesOf(plan)];
  const clients = plan.nodes.filter((node) => node.kind === "device" && node.role === "client").length;
  const connected = tunnels.filter(
    (tunnel) => isUp(tunnel) && templates.some((template) => tunnel.tunnel?.startsWith(`${template}/`)),
  ).length;
  return connected < clients ? [`${connected} of ${clients} point-to-site clients are connected`] : [];
}

function explainTunnel({ connection, seat, remote, ike, children, reason }: TunnelStatus): string {
  const state = ike === "ESTABLISHED" && children.length === 0 ? "no Child SA" : ike;
  return `tunnel ${connection} ${seat} to ${remote}: ${state}${reason === undefined ? "" : `, ${reason}`}`;
}

/** A tunnel with BGP whose session no process mentions: its seat has no owner, or its process has just begun. */
function missingSessions(
  plan: LabPlan,
  bgpPeers: readonly BgpPeerStatus[],
  seats: readonly SeatStatus[],
): string[] {
  return seats
    .filter(({ owner }) => owner !== null)
    .flatMap(({ name }) => {
      const wanted = plan.tunnels.filter(({ seat, bgp }) => seat === name && bgp).length;
      const reported = bgpPeers.filter(
        ({ seat, peer }) => seat === name && peer?.startsWith("ibgp|") !== true,
      ).length;
      return wanted > reported ? [`BGP ${name}: ${reported} of ${wanted} sessions are configured`] : [];
    });
}
