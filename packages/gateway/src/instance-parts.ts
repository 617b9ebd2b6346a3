/** What an instance is made of, and what each of its seats gets of it. */
import type { InstanceConfig, SeatConfig } from "@tandem/contract";
import { IkeEndpoint } from "@tandem/ike";
import type { Random } from "@tandem/sansio";
import { BgpHost } from "./bgp/bgp-host.ts";
import type { TcpSockets } from "./bgp/tcp-transport.ts";
import type { DataPlanePort } from "./dataplane-port.ts";
import type { CryptoRunner } from "./driver/crypto-runner.ts";
import type { Clock } from "./driver/engine-driver.ts";
import type { Journal } from "./events/journal.ts";
import type { Log } from "./log.ts";
import type { HostNetwork } from "./network/host-network.ts";
import type { NeighbourRoutes } from "./network/neighbour-routes.ts";
import type { FibTable } from "./routes/fib-table.ts";
import type { SeatContext, SeatReplication } from "./seat/seat-context.ts";

export interface InstanceParts {
  readonly dataPlane: DataPlanePort;
  readonly network: HostNetwork;
  readonly sockets: TcpSockets;
  readonly clock: Clock;
  readonly wallClock: () => number;
  readonly random: Random;
  readonly crypto: CryptoRunner;
  readonly journal: Journal;
  readonly log: Log;
  /** Another engine than @tandem/ike's, for tests. */
  readonly makeIke?: SeatContext["makeIke"];
}

/** What the instance shares among its seats. */
export interface SharedBySeats {
  readonly fib: FibTable;
  readonly neighbours: NeighbourRoutes;
  readonly replication: SeatReplication | undefined;
  flushFib(): void;
  event: SeatContext["event"];
}

export function seatContext(
  seat: SeatConfig,
  config: InstanceConfig,
  parts: InstanceParts,
  shared: SharedBySeats,
): SeatContext {
  return {
    instance: config.name,
    kind: config.kind,
    encapsulation: config.outside.encapsulation,
    dataPlane: parts.dataPlane,
    clock: parts.clock,
    wallClock: parts.wallClock,
    random: parts.random,
    crypto: parts.crypto,
    log: parts.log,
    fib: shared.fib,
    flushFib: shared.flushFib,
    event: shared.event,
    makeIke: parts.makeIke ?? ((options) => new IkeEndpoint(options)),
    // A client has no AS of its own.
    makeBgp: () => (config.asn === 0 ? undefined : makeBgp(seat, config, parts, shared)),
    virtualAddress: (address, present) => parts.network.setVirtualAddress(address, present),
    replication: shared.replication,
  };
}

function makeBgp(
  seat: SeatConfig,
  config: InstanceConfig,
  parts: InstanceParts,
  shared: SharedBySeats,
): BgpHost {
  return new BgpHost(seat, {
    config,
    localPrefixes: config.localPrefixes,
    clock: parts.clock,
    random: parts.random,
    sockets: parts.sockets,
    fib: shared.fib,
    log: parts.log,
    flushFib: shared.flushFib,
    event: shared.event,
    setNeighbour: (address, way) => shared.neighbours.set(address, way),
    setLastResort: (set, remove) => shared.neighbours.setLastResort(set, remove),
  });
}
