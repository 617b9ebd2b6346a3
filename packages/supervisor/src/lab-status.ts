/** `status` as the supervisor sees it: owners from the fabric and the engine, tunnels from the instances themselves. */
import type { LabStatus, ProcessStatus, SupervisorConfig } from "@tandem/contract";
import type { InstanceView, SeatView } from "./pair/state-view.ts";

export interface StatusSources {
  readonly seats: readonly SeatView[];
  readonly instances: readonly InstanceView[];
  readonly ask: (instance: string) => Promise<ProcessStatus | undefined>;
  readonly fabric: boolean;
}

export async function labStatus(config: SupervisorConfig, sources: StatusSources): Promise<LabStatus> {
  const answers = await Promise.all(
    sources.instances.map(async (i) => ({
      ...i,
      status: i.health === "up" ? await sources.ask(i.name) : undefined,
    })),
  );
  const tunnels = answers.flatMap((a) => a.status?.tunnels ?? []);
  const bgpPeers = answers.flatMap((a) =>
    (a.status?.bgpPeers ?? []).map((p) => ({ ...p, instance: a.name })),
  );
  const supervision = [
    ...(sources.fabric
      ? []
      : [{ subject: "fabric", reason: "its agent does not answer: seats stay where they are" }]),
    ...sources.instances
      .filter((i) => i.health !== "up")
      .map((i) => ({ subject: i.name, reason: `the supervisor's verdict is ${i.health}` })),
    ...sources.seats
      .filter((s) => !s.ready)
      .map((s) => {
        const where = s.owner === null ? "the fabric sends its packets nowhere" : `on its way to ${s.owner}`;
        return { subject: s.name, reason: `${where}${s.step === "settled" ? "" : ` (${s.step})`}` };
      }),
  ];
  const reasons = [
    ...supervision.map(({ subject, reason }) => `${subject}: ${reason}`),
    ...answers
      .filter((a) => a.health === "up" && a.status === undefined)
      .map((a) => `${a.name} is not answering`),
    ...tunnels
      .filter((t) => t.children.length === 0)
      .map((t) => `${t.connection} from ${t.seat} to ${t.remote}: ${t.reason ?? t.ike}`),
    ...bgpPeers
      .filter((p) => p.state !== "Established")
      .map((p) => `BGP ${p.seat} to ${p.neighbor}: ${p.reason ?? p.state}`),
  ];
  const ready = reasons.length === 0;
  const served = tunnels.some((t) => t.children.length > 0);
  return {
    ready,
    state: ready ? "ready" : served ? "degraded" : "down",
    reasons,
    profile: config.profile,
    instances: answers.map((a) => {
      const seats = sources.seats.filter((s) => s.owner === a.name).map((s) => s.name);
      const state =
        a.health !== "up" ? "down" : a.draining ? "draining" : seats.length > 0 ? "active" : "standby";
      return { name: a.name, state, pid: a.health === "up" ? a.pid : null, seats };
    }),
    seats: config.gateways.flatMap((g) =>
      g.seats.map((s) => {
        const live = sources.seats.find((x) => x.name === s.name);
        return {
          name: s.name,
          publicIp: s.publicIps[0]!,
          bgpIp: s.bgpIp,
          owner: live?.owner ?? null,
          epoch: live?.epoch ?? 0,
        };
      }),
    ),
    tunnels,
    bgpPeers,
    supervision,
  };
}
