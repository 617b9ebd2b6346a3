/** `ConnectionConfig` of both ends of every tunnel. The device's side is the gateway's, seen in a mirror. */

import type { z } from "zod";
import type {
  BgpNeighborConfig,
  ConnectionConfig,
  ConnectionConfig as ConnectionSchema,
  IpsecPolicy,
} from "../../instance-config.ts";
import { familyOf, parseNetwork } from "../ip-network.ts";
import type { Connection, LabDevice, LocalNetworkGateway, VirtualNetworkGateway } from "../lab-file.ts";
import type { PlanTunnel } from "../plan.ts";
import {
  asnOf,
  connectionsOf,
  counterpart,
  deviceBehind,
  find,
  isApipa,
  lngPrefixes,
  lngStaticPrefixes,
  type ResolvedSeat,
  seatsOf,
  vnetPrefixes,
} from "../resolve.ts";
import type { Draft } from "./draft.ts";

export type ConnectionInput = z.input<typeof ConnectionSchema>;
type BgpInput = NonNullable<ConnectionInput["bgp"]>;

export type { BgpNeighborConfig, ConnectionConfig };

export const tunnelId = (connection: string, seat: string, remote: string): string =>
  `${connection}|${seat}|${remote}`;

export const deviceSeat = (device: string): string => `${device}/0`;

/** Every connection of a gateway over every one of its seats; a process serves those whose seat it hosts. */
export function gatewayConnections(
  draft: Draft,
  gateway: VirtualNetworkGateway,
): { connections: ConnectionInput[]; tunnels: PlanTunnel[] } {
  const connections: ConnectionInput[] = [];
  for (const connection of connectionsOf(draft.file, gateway)) {
    const lng = find(draft.file.localNetworkGateways, connection.properties.localNetworkGateway2);
    const far = find(draft.file.virtualNetworkGateways, connection.properties.virtualNetworkGateway2);
    for (const seat of seatsOf(draft.file, gateway)) {
      if (lng !== undefined) connections.push(toDevice(draft, gateway, seat, connection, lng));
      if (far !== undefined) connections.push(...toGateway(draft, gateway, seat, connection, far));
    }
  }
  const tunnels = connections.map((c) => ({
    id: c.tunnel,
    connection: c.name,
    seat: c.seat,
    remote: c.remote.name,
    bgp: c.bgp !== undefined,
  }));
  return { connections, tunnels };
}

function toDevice(
  draft: Draft,
  gateway: VirtualNetworkGateway,
  seat: ResolvedSeat,
  connection: Connection,
  lng: LocalNetworkGateway,
): ConnectionInput {
  const device = deviceBehind(draft.file, lng)!;
  const publicIp = device.publicIpAddress;
  const peer = lng.properties.bgpSettings;
  const local = bgpAddress(seat, connection, peer?.bgpPeeringAddress);
  return {
    ...shared(draft, gateway, connection),
    seat: seat.name,
    tunnel: tunnelId(connection.name, seat.name, device.name),
    remote: { name: device.name, address: publicIp, id: publicIp },
    localId: seatAddress(seat, publicIp),
    staticPrefixes: lngStaticPrefixes(lng),
    trafficSelectors: selectors(connection, vnetPrefixes(draft.file, gateway), lngPrefixes(lng)),
    ...(connection.properties.enableBgp && peer?.asn !== undefined && peer.bgpPeeringAddress !== undefined
      ? {
          bgp: {
            ...timers(draft),
            neighbor: peer.bgpPeeringAddress,
            asn: peer.asn,
            ...(local === seat.bgpIp ? {} : { localAddress: local }),
            // With APIPA addresses the other side dials (reference §3).
            passive: isApipa(peer.bgpPeeringAddress),
          },
        }
      : {}),
  };
}

function toGateway(
  draft: Draft,
  gateway: VirtualNetworkGateway,
  seat: ResolvedSeat,
  connection: Connection,
  far: VirtualNetworkGateway,
): ConnectionInput[] {
  return seatsOf(draft.file, far).map((remote) => {
    const publicIp = remote.publicIps[0]!;
    const farPrefixes = vnetPrefixes(draft.file, far);
    return {
      ...shared(draft, gateway, connection),
      seat: seat.name,
      tunnel: tunnelId(connection.name, seat.name, remote.name),
      remote: { name: remote.name, address: publicIp, id: publicIp },
      localId: seatAddress(seat, publicIp),
      staticPrefixes: connection.properties.enableBgp ? [] : farPrefixes,
      trafficSelectors: selectors(connection, vnetPrefixes(draft.file, gateway), farPrefixes),
      ...(connection.properties.enableBgp
        ? { bgp: { ...timers(draft), neighbor: remote.bgpIp, asn: asnOf(far) } }
        : {}),
    };
  });
}

/** What every tunnel of a connection has in common on the gateway's side. */
function shared(draft: Draft, gateway: VirtualNetworkGateway, connection: Connection) {
  const p = connection.properties;
  const policy = p.ipsecPolicies[0] as IpsecPolicy | undefined;
  const options = draft.file.tandem.options;
  return {
    name: connection.name,
    mode: p.connectionMode as "Default" | "InitiatorOnly" | "ResponderOnly",
    authentication: { method: "psk" as const, secret: preSharedKey(draft, connection) },
    ...(policy === undefined ? {} : { ipsecPolicy: policy, childLifetimeSeconds: policy.saLifeTimeSeconds }),
    dpdTimeoutSeconds: p.dpdTimeoutSeconds ?? 45,
    forceEncapsulation: options.encapsulation === "udp",
    replayWindow: gateway.properties.disableIPSecReplayProtection === true ? 0 : options.replayWindow,
  };
}

/** Both resources of a VNet-to-VNet pair get the same generated key when neither names one. */
function preSharedKey(draft: Draft, connection: Connection): string {
  const other = counterpart(draft.file, connection);
  const written = connection.properties.sharedKey ?? other?.properties.sharedKey;
  const label = [connection.name, ...(other === undefined ? [] : [other.name])].sort()[0]!;
  return written ?? draft.secret(`psk:${label}`, 24);
}

/** The address that the seat's speaker uses towards this peer: its APIPA one for an APIPA peer (reference §3). */
function bgpAddress(seat: ResolvedSeat, connection: Connection, peer: string | undefined): string {
  if (peer === undefined || !isApipa(peer)) return seat.bgpIp;
  const chosen = connection.properties.gatewayCustomBgpIpAddresses?.find(
    (c) => c.ipConfigurationId.split("/").at(-1) === seat.ipConfiguration,
  );
  return chosen?.customBgpIpAddress ?? seat.customBgpIps[0] ?? seat.bgpIp;
}

function timers(draft: Draft): Pick<BgpInput, "holdTime" | "keepaliveTime" | "fixedTimers"> {
  const { bgpHoldSeconds, bgpKeepaliveSeconds, bgpFixedTimers } = draft.file.tandem.options;
  return { holdTime: bgpHoldSeconds, keepaliveTime: bgpKeepaliveSeconds, fixedTimers: bgpFixedTimers };
}

/** Route-based: any to any, which is the empty list. Policy-based selectors: the given ones, or every combination. */
function selectors(
  connection: Connection,
  local: readonly string[],
  remote: readonly string[],
): { local: string[]; remote: string[] }[] {
  const p = connection.properties;
  if (!p.usePolicyBasedTrafficSelectors) return [];
  if (p.trafficSelectorPolicies.length > 0) {
    return p.trafficSelectorPolicies.map((t) => ({
      local: t.localAddressRanges,
      remote: t.remoteAddressRanges,
    }));
  }
  return local.flatMap((l) =>
    remote
      .filter((r) => parseNetwork(r)!.family === parseNetwork(l)!.family)
      .map((r) => ({ local: [l], remote: [r] })),
  );
}

const seatAddress = (seat: ResolvedSeat, remote: string): string =>
  seat.publicIps.find((ip) => familyOf(ip) === familyOf(remote)) ?? seat.publicIps[0]!;

const MIRRORED_MODE = {
  Default: undefined,
  InitiatorOnly: "ResponderOnly",
  ResponderOnly: "InitiatorOnly",
} as const;

/** The device's connections: one for each gateway connection and seat that leads to it. */
export function deviceConnections(draft: Draft, device: LabDevice): ConnectionInput[] {
  return draft.file.virtualNetworkGateways.flatMap((gateway) => {
    const seats = new Map(seatsOf(draft.file, gateway).map((s) => [s.name, s]));
    return gatewayConnections(draft, gateway)
      .connections.filter((c) => c.remote.name === device.name)
      .map((c) => mirror(draft, device, gateway, seats.get(c.seat)!, c));
  });
}

function mirror(
  draft: Draft,
  device: LabDevice,
  gateway: VirtualNetworkGateway,
  seat: ResolvedSeat,
  c: ConnectionInput,
): ConnectionInput {
  const { bgp, ipsecPolicy, ...rest } = c;
  const own = deviceSeat(device.name);
  const policy = device.ipsecPolicy ?? ipsecPolicy;
  return {
    ...rest,
    seat: own,
    tunnel: tunnelId(c.name, own, seat.name),
    remote: { name: seat.name, address: c.localId, id: c.localId },
    localId: c.remote.id,
    mode: MIRRORED_MODE[c.mode ?? "Default"] ?? device.connectionMode ?? "Default",
    ...(policy === undefined ? {} : { ipsecPolicy: policy }),
    ...(device.sharedKey === undefined
      ? {}
      : { authentication: { method: "psk" as const, secret: device.sharedKey } }),
    dpdTimeoutSeconds: device.dpdTimeoutSeconds ?? c.dpdTimeoutSeconds ?? 45,
    trafficSelectors: (c.trafficSelectors ?? []).map((t) => ({ local: t.remote, remote: t.local })),
    staticPrefixes: bgp === undefined ? vnetPrefixes(draft.file, gateway) : [],
    ...(bgp === undefined
      ? {}
      : {
          bgp: {
            neighbor: bgp.localAddress ?? seat.bgpIp,
            asn: asnOf(gateway),
            passive: bgp.passive !== true,
            holdTime: device.bgpHoldSeconds ?? 180,
            keepaliveTime: device.bgpKeepaliveSeconds ?? 60,
            gracefulRestart: device.gracefulRestart,
            prepend: device.prepend,
          },
        }),
  };
}
