/**
 * What changes between two configurations, so that only that is touched.
 * What cannot change in a running process is refused by name.
 */
import type { ConnectionConfig, InstanceConfig, SeatConfig } from "@tandem/contract";

export interface ConnectionChange {
  readonly before: ConnectionConfig;
  readonly after: ConnectionConfig;
  /** The IKE SA must be made anew: identities, key, policy, selectors or addresses changed. */
  readonly ike: boolean;
  readonly bgp: boolean;
  readonly prefixes: boolean;
}

export interface ConfigDifference {
  readonly seatsAdded: readonly SeatConfig[];
  readonly seatsRemoved: readonly SeatConfig[];
  readonly connectionsAdded: readonly ConnectionConfig[];
  readonly connectionsRemoved: readonly ConnectionConfig[];
  readonly connectionsChanged: readonly ConnectionChange[];
  readonly localPrefixes: boolean;
  readonly partner: boolean;
  /** Fields that need a restart of the process, by path. */
  readonly fixed: readonly string[];
}

export function configDifference(before: InstanceConfig, after: InstanceConfig): ConfigDifference {
  const fixed: string[] = [];
  const compareFixed = (path: string, a: unknown, b: unknown): void => {
    if (!same(a, b)) fixed.push(path);
  };
  compareFixed("name", before.name, after.name);
  compareFixed("kind", before.kind, after.kind);
  compareFixed("gateway", before.gateway, after.gateway);
  compareFixed("asn", before.asn, after.asn);
  compareFixed("routerId", before.routerId, after.routerId);
  compareFixed("profile", before.profile, after.profile);
  compareFixed("controlSocket", before.controlSocket, after.controlSocket);
  compareFixed("outside", before.outside, after.outside);
  compareFixed("inside", before.inside, after.inside);
  compareFixed("tun", before.tun, after.tun);

  const oldConnections = new Map(before.connections.map((c) => [c.tunnel, c]));
  const newConnections = new Map(after.connections.map((c) => [c.tunnel, c]));
  const connectionsChanged: ConnectionChange[] = [];
  for (const [tunnel, old] of oldConnections) {
    const now = newConnections.get(tunnel);
    if (now === undefined || same(old, now)) continue;
    connectionsChanged.push({
      before: old,
      after: now,
      ike: !same(ikePart(old), ikePart(now)),
      bgp: !same(old.bgp, now.bgp),
      prefixes: !same([...old.staticPrefixes].sort(), [...now.staticPrefixes].sort()),
    });
  }
  // A seat's epoch may rise without the seat being touched; a changed address is another seat of the same name.
  const seatKey = (seat: SeatConfig): string => JSON.stringify([seat.name, seat.publicIps, seat.bgpIp]);
  const oldSeats = new Set(before.seats.map(seatKey));
  const newSeats = new Set(after.seats.map(seatKey));
  return {
    seatsAdded: after.seats.filter((seat) => !oldSeats.has(seatKey(seat))),
    seatsRemoved: before.seats.filter((seat) => !newSeats.has(seatKey(seat))),
    connectionsAdded: after.connections.filter((c) => !oldConnections.has(c.tunnel)),
    connectionsRemoved: before.connections.filter((c) => !newConnections.has(c.tunnel)),
    connectionsChanged,
    localPrefixes: !same([...before.localPrefixes].sort(), [...after.localPrefixes].sort()),
    partner: !same(before.partner, after.partner),
    fixed,
  };
}

/** Names what changed, for `configure`'s answer. */
export function describeDifference(difference: ConfigDifference): string[] {
  return [
    ...difference.seatsAdded.map((seat) => `seat added: ${seat.name}`),
    ...difference.seatsRemoved.map((seat) => `seat removed: ${seat.name}`),
    ...difference.connectionsAdded.map((c) => `tunnel added: ${c.tunnel}`),
    ...difference.connectionsRemoved.map((c) => `tunnel removed: ${c.tunnel}`),
    ...difference.connectionsChanged.map((change) => {
      const parts = [change.ike ? "ike" : "", change.bgp ? "bgp" : "", change.prefixes ? "prefixes" : ""];
      return `tunnel changed: ${change.after.tunnel} (${parts.filter((p) => p !== "").join(", ")})`;
    }),
    ...(difference.localPrefixes ? ["local prefixes"] : []),
    ...(difference.partner ? ["partner"] : []),
  ];
}

function ikePart(connection: ConnectionConfig): unknown {
  const { staticPrefixes: _prefixes, bgp: _bgp, ...rest } = connection;
  return rest;
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
