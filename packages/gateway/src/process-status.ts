/** What this process says of itself (contract/status.ts): from the engines and the shared counters, never from memory of wishes. */
import type { InstanceConfig, ProcessStatus, TunnelStatus } from "@tandem/contract";
import type { DataPlanePort } from "./dataplane-port.ts";
import type { Seat } from "./seat/seat.ts";

export const VERSION = "0.1.0";

export function processStatus(
  config: InstanceConfig,
  seats: Iterable<Seat>,
  dataPlane: DataPlanePort,
  draining: boolean,
): ProcessStatus {
  const hosted = [...seats];
  return {
    name: config.name,
    kind: config.kind,
    gateway: config.gateway,
    pid: process.pid,
    version: VERSION,
    draining,
    seats: hosted.map(({ config: seat }) => ({
      name: seat.name,
      publicIp: seat.publicIps[0]!,
      bgpIp: seat.bgpIp,
      epoch: seat.epoch,
    })),
    tunnels: hosted.flatMap((seat) => tunnelStatuses(config.name, seat, dataPlane)),
    bgpPeers: hosted.flatMap((seat) => bgpPeerStatuses(config.name, seat)),
    dataPlane: {
      backend: dataPlane.backend,
      offloads: [...dataPlane.offloads],
      counters: { ...dataPlane.counters() },
      drops: { ...dataPlane.drops() },
      ...optional({ stalledMilliseconds: dataPlane.stalledMilliseconds?.() }),
    },
  };
}

export function tunnelStatuses(instance: string, seat: Seat, dataPlane: DataPlanePort): TunnelStatus[] {
  return seat.tunnels().map((tunnel): TunnelStatus => {
    const connection = seat.connection(tunnel.tunnel);
    const state = tunnel.state;
    return {
      ...optional({
        reason: tunnel.reason,
        localHost: tunnel.local,
        localPort: tunnel.localPort,
        remoteHost: tunnel.remote,
        remotePort: tunnel.remotePort,
        localId: tunnel.localId,
        remoteId: tunnel.remoteId,
        initiatorSpi: tunnel.initiatorSpi,
        responderSpi: tunnel.responderSpi,
        initiator: tunnel.initiator,
        ikeSuite: tunnel.ikeSuite,
        establishedSeconds: tunnel.establishedSeconds,
        rekeySeconds: tunnel.rekeySeconds,
        virtualAddresses: tunnel.virtualAddresses && {
          local: [...tunnel.virtualAddresses.local],
          remote: [...tunnel.virtualAddresses.remote],
        },
      }),
      tunnel: tunnel.tunnel,
      connection: connection?.name ?? tunnel.connection,
      seat: seat.config.name,
      instance,
      remote: connection?.remote.name ?? tunnel.remoteId ?? tunnel.remote ?? "",
      ike: state,
      flows: dataPlane.flows(tunnel.tunnel),
      children: tunnel.children.map((child) => {
        const counted = dataPlane.childCounters(child.childSa);
        return {
          childSa: child.childSa,
          policy: child.policy,
          spiIn: child.spiIn,
          spiOut: child.spiOut,
          esp: child.esp,
          bytesIn: counted?.bytesIn ?? 0,
          bytesOut: counted?.bytesOut ?? 0,
          packetsIn: counted?.packetsIn ?? 0,
          packetsOut: counted?.packetsOut ?? 0,
          ...(counted?.lastIn ? { lastInAt: counted.lastIn } : {}),
          ...(counted?.lastOut ? { lastOutAt: counted.lastOut } : {}),
          localTs: [...child.localTs],
          remoteTs: [...child.remoteTs],
          encapsulated: child.encapsulated,
          installedSeconds: child.installedSeconds,
          rekeySeconds: child.rekeySeconds,
          lifeSeconds: child.lifeSeconds,
        };
      }),
    };
  });
}

function bgpPeerStatuses(instance: string, seat: Seat): ProcessStatus["bgpPeers"] {
  return (seat.bgp?.peers() ?? []).map((peer) => ({
    seat: seat.config.name,
    instance,
    peer: peer.peer,
    neighbor: peer.neighbor,
    asn: peer.asn,
    state: peer.state,
    routesReceived: peer.routesReceived,
    routesAdvertised: peer.routesAdvertised,
    localAddress: peer.localAddress,
    messagesSent: peer.messagesSent,
    messagesReceived: peer.messagesReceived,
    gracefulRestart: peer.gracefulRestart,
    reason: peer.reason,
    ...(peer.connectedSeconds === undefined ? {} : { connectedSeconds: peer.connectedSeconds }),
  }));
}

/** Drops members that are undefined, as exact optional properties want it. */
function optional<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
