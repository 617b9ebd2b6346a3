/** Why a packet would take the way it takes: the FIB entry, the candidates with their scores, the SA, its counters. */
import { type ChildSa, InnerPacket, SA_BYTES, SA_IN, SA_OUT, SA_PACKETS } from "@tandem/esp";
import { formatAddress, parseAddress } from "@tandem/wire";
import { Refusal } from "./association.ts";
import type { Command, FibEntry } from "./commands.ts";
import { flowScore } from "./flow-spread.ts";
import type { Plane } from "./plane.ts";

export interface Explanation {
  readonly source: string;
  readonly destination: string;
  /** Absent when no route matches: the kernel's routing decides. */
  readonly route?: FibEntry;
  readonly verdict: "tunnel" | "inside" | "no-route" | "no-tunnel-up" | "selector-outbound";
  readonly candidates: readonly {
    readonly tunnel: string;
    readonly up: boolean;
    /** Rendezvous score of this flow; the highest of those that are up wins. */
    readonly score: number;
    readonly chosen: boolean;
  }[];
  /** Packets of this very flow went into that tunnel here, so long ago; absent when none did. */
  readonly seen?: { readonly tunnel: string; readonly secondsAgo: number };
  readonly childSa?: {
    readonly id: string;
    readonly spiIn: number;
    readonly spiOut: number;
    readonly local: string;
    readonly remote: string;
    readonly innerMtu: number;
    readonly packetsIn: number;
    readonly bytesIn: number;
    readonly packetsOut: number;
    readonly bytesOut: number;
  };
}

/** Asks the same tables as the packet path, with a packet of headers only at the scratch region. */
export function explain(plane: Plane, command: Extract<Command, { kind: "explain" }>): Explanation {
  const source = parseAddress(command.source);
  const destination = parseAddress(command.destination);
  if (source === undefined || destination === undefined || source.length !== destination.length) {
    throw new Refusal(`no pair of addresses: "${command.source}", "${command.destination}"`);
  }
  const { arena, regions, routes, spread } = plane;
  const packet = new InnerPacket();
  const four = source.length === 4;
  const at = regions.scratch;
  packet.family = four ? 4 : 6;
  packet.offset = at;
  packet.source = at + (four ? 12 : 8);
  packet.destination = packet.source + source.length;
  arena.bytes.set(source, packet.source);
  arena.bytes.set(destination, packet.destination);
  packet.protocol = command.protocol;
  const ports = command.protocol === 6 || command.protocol === 17;
  packet.sourcePort = ports ? command.sourcePort : -1;
  packet.destinationPort = ports ? command.destinationPort : -1;

  const names = { source: formatAddress(source), destination: formatAddress(destination) };
  const route = routes.lookup(arena.view, packet.destination, packet.family);
  if (route === undefined) return { ...names, verdict: "no-route", candidates: [] };
  if (route.entry.tunnels.length === 0) {
    return { ...names, route: route.entry, verdict: "inside", candidates: [] };
  }
  const hash = spread.flowHash(packet);
  const chosen = spread.choose(hash, route.tunnels, undefined);
  const candidates = route.tunnels.map((tunnel) => ({
    tunnel: tunnel.id,
    up: tunnel.outbound.length > 0,
    score: flowScore(hash, tunnel),
    chosen: tunnel === chosen,
  }));
  const last = spread.lastSeen(hash);
  const through = route.tunnels.find(({ slot }) => slot === last?.tunnelSlot);
  const seen =
    last === undefined || through === undefined
      ? {}
      : { seen: { tunnel: through.id, secondsAgo: plane.clock.tick - last.tick } };
  const found = { ...names, route: route.entry, candidates, ...seen };
  if (chosen === undefined) return { ...found, verdict: "no-tunnel-up" };
  const installed = chosen.select(packet, arena.bytes);
  if (installed === undefined) return { ...found, verdict: "selector-outbound" };
  const { sa, slot, path } = installed;
  return {
    ...found,
    verdict: "tunnel",
    childSa: { ...describe(sa, plane.counters, slot), innerMtu: path.innerMtu },
  };
}

function describe(sa: ChildSa, counters: Float64Array, slot: number) {
  const { udp, local, remote } = sa.endpoints;
  return {
    id: sa.id,
    spiIn: sa.parameters.spiIn,
    spiOut: sa.parameters.spiOut,
    local: udp === undefined ? local : `${local} port ${udp.localPort}`,
    remote: udp === undefined ? remote : `${remote} port ${udp.remotePort}`,
    packetsIn: counters[slot + SA_IN + SA_PACKETS]!,
    bytesIn: counters[slot + SA_IN + SA_BYTES]!,
    packetsOut: counters[slot + SA_OUT + SA_PACKETS]!,
    bytesOut: counters[slot + SA_OUT + SA_BYTES]!,
  };
}
