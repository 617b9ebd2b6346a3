/** The control methods of an instance or device (contract/control.ts lists them). Parameters are checked before anything is done. */
import {
  BgpQuery,
  BgpRefreshParams,
  BgpWhyParams,
  CaptureParams,
  ConnectionParams,
  EventsParams,
  ExplainParams,
  RekeyParams,
  SeatDrain,
  SeatDrop,
  SeatQuiesce,
  SeatRelease,
  SeatTake,
  TerminateParams,
} from "@tandem/contract";
import type { Instance } from "../instance.ts";
import { tunnelStatuses } from "../process-status.ts";
import type { Seat } from "../seat/seat.ts";
import { type ControlMethods, ControlRefusal } from "./server.ts";

/** What a shell says of a process that SIGTERM and SIGKILL have ended: a container's restart policy takes both for failures. */
const STOPPED_STATUS = 143;
const ENDED_STATUS = 137;

/** `stop`: says goodbye to everybody and ends the process with this status. */
export function controlMethods(instance: Instance, stop: (status: number) => void): ControlMethods {
  const seatsOf = (name: string | undefined): Seat[] =>
    name === undefined ? [...instance.seats()] : [instance.seat(name)];

  const tunnelsOf = ({
    connection,
    tunnel,
  }: {
    connection: string;
    tunnel?: string | undefined;
  }): { seat: Seat; tunnel: string }[] => {
    const found: { seat: Seat; tunnel: string }[] = [];
    const names = new Set<string>();
    for (const seat of instance.seats()) {
      for (const config of seat.connections()) {
        names.add(config.name);
        const asked = config.name === connection || config.tunnel === connection;
        if (asked && (tunnel === undefined || tunnel === config.tunnel))
          found.push({ seat, tunnel: config.tunnel });
      }
    }
    if (found.length === 0) {
      throw new ControlRefusal(
        `no connection "${connection}" here`,
        `connections: ${[...names].sort().join(", ")}`,
      );
    }
    return found;
  };

  return {
    status: () => instance.status(),
    ping: () => instance.ping(),
    configure: (params) => instance.configure(params),
    sas: () =>
      [...instance.seats()].flatMap((seat) => tunnelStatuses(instance.config.name, seat, instance.dataPlane)),
    routes: () => instance.fib.list(),
    explain: (params) => instance.dataPlane.command({ kind: "explain", ...read(ExplainParams, params) }),

    events: (params) => instance.journal.list(read(EventsParams, params ?? {}).since ?? 0),
    subscribe: (params, client) => {
      const { since } = read(EventsParams, params ?? {});
      const end = instance.journal.follow((event) => client.send({ event }));
      client.onClose(end);
      if (since !== undefined) for (const event of instance.journal.list(since)) client.send({ event });
      return { subscribed: true };
    },
    transcript: (params) => {
      const wanted = read(ConnectionParams, params);
      return tunnelsOf(wanted).map(({ seat, tunnel }) => ({
        tunnel,
        seat: seat.config.name,
        entries: [...seat.transcripts.page(""), ...seat.transcripts.page(tunnel)].sort((a, b) => a.at - b.at),
      }));
    },
    capture: (params) => {
      const { on, path } = read(CaptureParams, params);
      if (!on) return instance.capture.stop();
      if (path === undefined)
        throw new ControlRefusal("capture needs a path", 'for example { "path": "/tmp/gw.pcapng" }');
      return instance.capture.start(path);
    },

    initiate: (params) => {
      const tunnels = tunnelsOf(read(ConnectionParams, params));
      for (const { seat, tunnel } of tunnels) seat.input({ kind: "initiate", tunnel });
      return { tunnels: tunnels.map(({ tunnel }) => tunnel) };
    },
    terminate: (params) => {
      const asked = read(TerminateParams, params);
      const tunnels = tunnelsOf(asked);
      for (const { seat, tunnel } of tunnels) {
        seat.input({ kind: "terminate", tunnel, reason: "asked over the control socket", hold: asked.hold });
      }
      return { tunnels: tunnels.map(({ tunnel }) => tunnel) };
    },
    rekey: (params) => {
      const asked = read(RekeyParams, params);
      const tunnels = tunnelsOf(asked);
      for (const { seat, tunnel } of tunnels) seat.input({ kind: "rekey", tunnel, what: asked.what });
      return { tunnels: tunnels.map(({ tunnel }) => tunnel) };
    },

    "bgp-summary": () =>
      [...instance.seats()].flatMap((seat) =>
        seat.bgp === undefined
          ? []
          : [
              {
                seat: seat.config.name,
                asn: instance.config.asn,
                routerId: seat.bgp.routerId,
                peers: seat.bgp.peers(),
                api: seat.bgp.apiPeers(),
              },
            ],
      ),
    "bgp-routes": (params) => {
      const { seat, ...query } = read(BgpQuery, params ?? {});
      return seatsOf(seat).flatMap((one) =>
        (one.bgp?.learnedRoutes(definedOnly(query)) ?? []).map((route) => ({
          seat: one.config.name,
          ...route,
        })),
      );
    },
    "bgp-advertised": (params) => {
      const { seat, peer, ...query } = read(BgpQuery, params ?? {});
      return seatsOf(seat).flatMap((one) => {
        const peers = (one.bgp?.peers() ?? []).filter(
          (status) => peer === undefined || status.peer === peer || status.neighbor === peer,
        );
        return peers.flatMap((status) =>
          one
            .bgp!.advertisedRoutes({ ...definedOnly(query), peer: status.peer })
            .map((route) => ({ seat: one.config.name, neighbor: status.neighbor, ...route })),
        );
      });
    },
    "bgp-why": (params) => {
      const { seat, prefix } = read(BgpWhyParams, params);
      return seatsOf(seat).flatMap((one) => {
        const why = one.bgp?.why(prefix);
        return why === undefined ? [] : [{ seat: one.config.name, ...why }];
      });
    },
    "bgp-refresh": (params) => {
      const { seat, peer, direction } = read(BgpRefreshParams, params);
      for (const one of seatsOf(seat)) {
        for (const status of one.bgp?.peers() ?? []) {
          if (status.peer === peer || status.neighbor === peer) one.bgp!.refresh(status.peer, direction);
        }
      }
      return {};
    },

    "seat-take": (params) => instance.takeSeat(read(SeatTake, params)),
    "seat-quiesce": (params) => {
      const { seat, final, off } = read(SeatQuiesce, params);
      const { name } = instance.seat(seat).config;
      return off ? instance.handover.stay(name) : instance.handover.quiesce(name, final);
    },
    "seat-release": (params) => instance.handover.release(read(SeatRelease, params).seat),
    "seat-drop": (params) => {
      const { seat, epoch, farewell } = read(SeatDrop, params);
      return instance.dropSeat(seat, epoch, farewell);
    },
    drain: (params) => {
      const { seat, off } = read(SeatDrain, params);
      return instance.drainSeat(seat, !off);
    },
    stop: () => {
      stop(STOPPED_STATUS);
      return {};
    },
    // As a SIGKILL would: nothing is said to anybody. For whom cannot signal this process, in a container of its own.
    "end-at-once": () => process.execve?.("/bin/sh", ["sh", "-c", `exit ${ENDED_STATUS}`], {}),
  };
}

/** What zod's schemas have in common, without a dependency on it here. */
interface Schema<T> {
  safeParse(
    input: unknown,
  ):
    | { success: true; data: T }
    | { success: false; error: { issues: readonly { path: readonly PropertyKey[]; message: string }[] } };
}

function read<T>(schema: Schema<T>, params: unknown): T {
  const parsed = schema.safeParse(params);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => {
    const path = issue.path.map(String).join(".");
    return path === "" ? issue.message : `${path}: ${issue.message}`;
  });
  throw new ControlRefusal(`wrong parameters: ${problems.join("; ")}`);
}

function definedOnly<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
