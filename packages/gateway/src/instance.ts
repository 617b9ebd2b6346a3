/**
 * One gateway instance or device: the composition root. It owns the seats that this process hosts, the data plane
 * under them, the kernel's routes around them, and applies configuration; everything else is delegated.
 *
 *      control socket ─▶ Instance ─┬─▶ Seat (IKE, Child SAs, BGP) x 0..2
 *                                  ├─▶ DataPlanePort (worker thread)      ◀── FibTable
 *                                  ├─▶ HostNetwork (rules, routes, addresses)
 *                                  └─▶ Journal, Log
 */

import type {
  ConnectionConfig,
  InstanceConfig,
  PingResult,
  ProcessStatus,
  SeatConfig,
  SeatTake,
} from "@tandem/contract";
import { CaptureSession } from "./capture/capture-session.ts";
import { configEvents } from "./config/config-events.ts";
import { type ConfigDifference, configDifference, describeDifference } from "./config/difference.ts";
import { describeProblems, readInstanceConfig } from "./config/instance-plan.ts";
import { ControlRefusal } from "./control/server.ts";
import type { DataPlaneEvent } from "./dataplane/commands.ts";
import type { DataPlanePort } from "./dataplane-port.ts";
import type { Journal } from "./events/journal.ts";
import { type InstanceParts, seatContext } from "./instance-parts.ts";
import { NeighbourRoutes } from "./network/neighbour-routes.ts";
import { PROCESS_IDENTITY } from "./process-identity.ts";
import { processStatus } from "./process-status.ts";
import { Handover } from "./replication/handover.ts";
import { liveStates } from "./replication/live-state.ts";
import { type Adoption, Replicator } from "./replication/replicator.ts";
import { FibTable } from "./routes/fib-table.ts";
import { bgpAddresses } from "./seat/bgp-addresses.ts";
import { renewKeys } from "./seat/renew-keys.ts";
import { Seat } from "./seat/seat.ts";

/** Milliseconds between hearing of a higher epoch and dropping the seat, unless the supervisor says so earlier. */
const SUPERSEDED_GRACE = 1_000;

export class Instance {
  readonly #parts: InstanceParts;
  readonly fib = new FibTable();
  readonly dataPlane: DataPlanePort;
  readonly journal: Journal;
  readonly #seats = new Map<string, Seat>();
  /** Highest epoch heard of each seat: a lower one is never served again (DESIGN §3). */
  readonly #epochs = new Map<string, number>();
  readonly #drained = new Set<string>();
  readonly #neighbours: NeighbourRoutes;
  readonly capture: CaptureSession;
  /** Only in the profile `hitless`, and with a partner. */
  readonly #replicator: Replicator | undefined;
  readonly handover: Handover;
  /** Seat moves and configuration run one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #config: InstanceConfig;
  #stopping = false;

  constructor(config: InstanceConfig, parts: InstanceParts) {
    this.#config = config;
    this.#parts = parts;
    this.dataPlane = parts.dataPlane;
    this.journal = parts.journal;
    this.#neighbours = new NeighbourRoutes(parts.network, (message) => parts.log("warn", message));
    parts.dataPlane.onEvent((event) => this.#dataPlaneEvent(event));
    this.#replicator = this.#makeReplicator();
    this.handover = new Handover({
      ...parts,
      seatsHere: () => this.#seats.size,
      replicator: this.#replicator,
    });
    this.capture = new CaptureSession({
      node: config.name,
      childSas: () => [...this.#seats.values()].flatMap((seat) => seat.childSas()),
      ikeSas: () => [...this.#seats.values()].flatMap((seat) => seat.exportIkeSas()),
      copy: (on) => parts.dataPlane.command({ kind: "capture", on }),
    });
  }

  get config(): InstanceConfig {
    return this.#config;
  }

  /** Takes the seats of the first configuration. The data plane runs and the guards stand already. */
  async start(): Promise<void> {
    this.#replicator?.start();
    this.#claimInside("inside|local", this.#config.localPrefixes);
    for (const seat of this.#config.seats) await this.#host(seat);
    this.#parts.log("info", "started", { seats: this.#config.seats.map((seat) => seat.name) });
  }

  seats(): IterableIterator<Seat> {
    return this.#seats.values();
  }

  seat(name: string): Seat {
    const seat = this.#seats.get(name);
    if (seat !== undefined) return seat;
    const hosted = [...this.#seats.keys()].join(", ");
    throw new ControlRefusal(
      `seat "${name}" is not hosted here`,
      hosted === "" ? "this instance is a standby" : `hosted: ${hosted}`,
    );
  }

  status(): ProcessStatus {
    return processStatus(this.#config, this.#seats.values(), this.dataPlane, this.#drained.size > 0);
  }

  /** Resolves when the data plane's worker has answered too: what health is judged by. */
  async ping(): Promise<PingResult> {
    if (this.#stopping) throw new ControlRefusal("the instance is stopping");
    await this.dataPlane.command({ kind: "fib", set: [], remove: [] });
    const seats = [...this.#seats.values()];
    const answersWithheld = seats.reduce((sum, seat) => sum + seat.answersWithheld, 0);
    return { ...PROCESS_IDENTITY, seats: seats.map(({ config }) => config), answersWithheld };
  }

  /** Validates the whole, then touches only what changed. Throws ControlRefusal with every problem found. */
  configure(input: unknown): Promise<{ changed: string[] }> {
    const read = readInstanceConfig(input);
    if (!read.ok) throw new ControlRefusal(describeProblems(read.problems), "nothing was changed");
    return this.#inTurn(async () => {
      const difference = configDifference(this.#config, read.config);
      if (difference.fixed.length > 0) {
        throw new ControlRefusal(
          `cannot change in a running process: ${difference.fixed.join(", ")}`,
          "stop the instance and start it with the new configuration; nothing was changed",
        );
      }
      for (const seat of difference.seatsAdded) this.#checkEpoch(seat.name, seat.epoch);
      await this.#apply(read.config, difference);
      for (const event of configEvents(difference)) this.event(event);
      return { changed: describeDifference(difference) };
    });
  }

  takeSeat(take: SeatTake): Promise<{ taken: boolean; adopted?: boolean }> {
    return this.#inTurn(async () => {
      this.#checkEpoch(take.seat, take.epoch);
      const present = this.#seats.get(take.seat);
      if (present?.config.epoch === take.epoch) return { taken: false };
      // It went away and comes back before we were told to drop it: what we hold of the older epoch is stale.
      if (present !== undefined) await this.#unhost(present, false);
      const { seat: name, publicIps, bgpIp, epoch } = take;
      const replica = this.#replicator?.take(name, epoch);
      const adopted = take.mode === "adopt" ? replica : undefined;
      if (take.hold && adopted !== undefined) await this.handover.hold(name);
      await this.#host({ name, publicIps, bgpIp, epoch }, adopted);
      const how =
        adopted !== undefined
          ? `adopted with ${adopted.ikeSas.length} IKE SAs, last heard of ${Math.round(adopted.age)} ms ago`
          : take.mode === "adopt"
            ? "negotiated anew: nothing was replicated"
            : "negotiated anew";
      this.event({
        event: "seat.taken",
        seat: name,
        message: `seat ${name} at epoch ${epoch}, ${how}`,
        operationName: "GatewayTenantPrimaryChanged",
      });
      return { taken: true, adopted: adopted !== undefined };
    });
  }

  dropSeat(name: string, epoch: number, farewell: boolean): Promise<{ dropped: boolean }> {
    return this.#inTurn(async () => {
      const seat = this.#seats.get(name);
      if (epoch < (this.#epochs.get(name) ?? 0)) {
        throw new ControlRefusal(`epoch ${epoch} of seat ${name} is older than ${this.#epochs.get(name)}`);
      }
      this.#epochs.set(name, epoch);
      if (seat === undefined) return { dropped: false };
      await this.#unhost(seat, farewell);
      this.event({ event: "seat.dropped", seat: name, message: `seat ${name}: epoch ${epoch} is elsewhere` });
      return { dropped: true };
    });
  }

  /** Takes the seat's routes back from its peers (or gives them again); SAs stay open for what still comes in. */
  drainSeat(name: string, on: boolean): { draining: boolean } {
    const seat = this.seat(name);
    if (on) this.#drained.add(name);
    else this.#drained.delete(name);
    seat.bgp?.drain(on);
    this.event({
      event: on ? "seat.draining" : "seat.undrained",
      seat: name,
      message: on ? "routes withdrawn from the peers" : "routes given to the peers again",
    });
    return { draining: on };
  }

  /** A clean stop: peers are told, then everything goes. */
  stop(): Promise<void> {
    this.#stopping = true;
    return this.#inTurn(async () => {
      await Promise.all([...this.#seats.values()].map((seat) => this.#unhost(seat, true)));
      this.#replicator?.stop();
      await this.dataPlane.stop();
      await this.#parts.crypto.stop();
    });
  }

  event(event: Parameters<Journal["append"]>[0]): void {
    this.journal.append(event);
    this.#parts.log("info", event.message, { event: event.event, ...pick(event) });
    if (event.event.startsWith("ike.") || event.event.startsWith("child.")) this.capture.writeKeys();
  }

  async #host(config: SeatConfig, adopted?: Adoption): Promise<void> {
    this.#epochs.set(config.name, config.epoch);
    this.#parts.network.addSeat(config.publicIps, bgpAddresses(this.#config, config));
    await this.dataPlane.command({
      kind: "add-seat",
      seat: config.name,
      epoch: config.epoch,
      addresses: config.publicIps,
    });
    const own = [...config.publicIps, ...bgpAddresses(this.#config, config)];
    this.#claimInside(
      `inside|${config.name}`,
      own.map((address) => `${address}/${address.includes(":") ? 128 : 32}`),
    );
    const seat = new Seat(
      config,
      seatContext(config, this.#config, this.#parts, {
        fib: this.fib,
        neighbours: this.#neighbours,
        replication: this.#replicator,
        flushFib: () => this.#flushFib(),
        event: (event) => this.event(event),
      }),
    );
    this.#seats.set(config.name, seat);
    for (const connection of this.#config.connections) {
      if (connection.seat === config.name) seat.setConnection(connection);
    }
    this.#setPartnerPeers();
    seat.begin(adopted);
    this.#replicator?.announce(config.name);
  }

  async #unhost(seat: Seat, farewell: boolean): Promise<void> {
    const { name, publicIps } = seat.config;
    this.#seats.delete(name);
    this.#drained.delete(name);
    this.#claimInside(`inside|${name}`, []);
    this.#setPartnerPeers();
    await seat.stop(farewell);
    if (farewell) await this.#replicator?.gone(name, seat.config.epoch);
    await this.dataPlane.command({ kind: "remove-seat", seat: name });
    this.#parts.network.removeSeat(publicIps, bgpAddresses(this.#config, seat.config));
  }

  async #apply(after: InstanceConfig, difference: ConfigDifference): Promise<void> {
    this.#config = after;
    for (const seat of difference.seatsRemoved) {
      const hosted = this.#seats.get(seat.name);
      if (hosted !== undefined) await this.#unhost(hosted, true);
    }
    // A new connection may bring a BGP address of its own (APIPA).
    for (const { config } of this.#seats.values())
      this.#parts.network.addSeat([], bgpAddresses(this.#config, config));
    const hosting = (connection: ConnectionConfig): Seat | undefined => this.#seats.get(connection.seat);
    for (const connection of difference.connectionsRemoved)
      hosting(connection)?.removeConnection(connection.tunnel);
    for (const change of difference.connectionsChanged) {
      if (change.before.seat !== change.after.seat)
        hosting(change.before)?.removeConnection(change.before.tunnel);
      hosting(change.after)?.setConnection(change.after);
    }
    for (const connection of difference.connectionsAdded) hosting(connection)?.setConnection(connection);
    for (const seat of difference.seatsAdded) await this.#host(seat);
    if (difference.localPrefixes) this.#claimInside("inside|local", after.localPrefixes);
    if (difference.partner) this.#setPartnerPeers();
    for (const seat of this.#seats.values()) {
      if (difference.localPrefixes) seat.bgp?.setLocalPrefixes(after.localPrefixes);
    }
  }

  /** Replaces what is ours: delivered by the kernel, whatever wider route a tunnel has. */
  #claimInside(claimant: string, prefixes: readonly string[]): void {
    this.fib.withdrawAll(claimant);
    for (const prefix of prefixes) this.fib.claimInside(claimant, prefix);
    this.#flushFib();
  }

  /** iBGP with the partner's seats. A seat that is hosted here too needs none: the FIB is one. */
  #setPartnerPeers(): void {
    const here = new Set([...this.#seats.values()].map((seat) => seat.config.bgpIp));
    for (const seat of this.#seats.values()) {
      const { name } = seat.config;
      const peers = (this.#config.partner?.bgpPeers ?? [])
        .filter((peer) => peer.seat === name && !here.has(peer.neighbor))
        .map(({ neighbor }) => ({ name: `ibgp|${name}|${neighbor}`, neighbor }));
      seat.bgp?.setPartnerPeers(peers);
    }
  }

  #makeReplicator(): Replicator | undefined {
    const { partner, name, profile } = this.#config;
    if (partner === undefined || profile !== "hitless") return undefined;
    return new Replicator({
      instance: name,
      partner,
      clock: this.#parts.clock,
      wallClock: this.#parts.wallClock,
      seats: () => [...this.#seats.values()],
      ...liveStates(this.dataPlane),
      onSuperseded: (seat, epoch) => this.#superseded(seat, epoch),
      onState: (up, reason) => {
        this.event({ event: up ? "replication.up" : "replication.down", message: reason });
      },
      renewKeys: (seat, tunnel) => renewKeys(this.#seats.get(seat), tunnel),
    });
  }

  /**
   * The partner hosts the seat at a higher epoch. In a planned move this is heard before the fabric has changed, and
   * packets still come here: the supervisor says when to drop. It may be dead, so the seat goes after a while anyway.
   */
  #superseded(seat: string, epoch: number): void {
    if (epoch <= (this.#epochs.get(seat) ?? 0)) return;
    this.#epochs.set(seat, epoch);
    this.event({ event: "seat.superseded", seat, message: `the partner has seat ${seat} at epoch ${epoch}` });
    this.#parts.clock.after(SUPERSEDED_GRACE, () => {
      if ((this.#seats.get(seat)?.config.epoch ?? epoch) >= epoch) return;
      this.dropSeat(seat, epoch, false).catch((error: unknown) => {
        this.#parts.log("error", `seat ${seat} superseded by epoch ${epoch}: ${String(error)}`);
      });
    });
  }

  #flushFib(): void {
    const change = this.fib.takeChange();
    if (change === undefined) return;
    this.dataPlane.command({ kind: "fib", ...change }).catch((error: unknown) => {
      this.#parts.log("error", `FIB change refused: ${String(error)}`);
    });
  }

  #dataPlaneEvent(event: DataPlaneEvent): void {
    switch (event.kind) {
      case "ike":
      case "unknown-spi":
        for (const seat of this.#seats.values()) {
          if (seat.config.publicIps.includes(event.local)) seat.dataPlaneEvent(event);
        }
        return;
      case "need-sequence":
      case "expire-soft":
      case "expire-hard":
      case "endpoint-moved":
        for (const seat of this.#seats.values()) {
          if (seat.ownsChildSa(event.childSa)) seat.dataPlaneEvent(event);
        }
        return;
      case "captured":
        this.capture.packet(event);
        return;
      case "fault":
        this.event({ event: "dataplane.fault", message: event.reason });
        return;
      default:
    }
  }

  #checkEpoch(seat: string, epoch: number): void {
    const heard = this.#epochs.get(seat) ?? 0;
    if (epoch < heard) {
      throw new ControlRefusal(
        `epoch ${epoch} of seat ${seat} is older than ${heard}`,
        "ask for the current owner",
      );
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#turn.then(work, work);
    this.#turn = next.catch(() => {});
    return next;
  }
}

function pick(event: Parameters<Journal["append"]>[0]): Record<string, unknown> {
  const { message: _message, event: _event, ...rest } = event;
  return rest;
}
