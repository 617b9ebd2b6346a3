/**
 * One seat in this process: its IKE endpoint, its Child SAs, its BGP speaker (DESIGN §2). The session object of the
 * gateway: it connects the engines and keeps no protocol state of its own.
 *
 *      data plane ── ike datagram, expiry, moved ──▶ ┌──────┐ ──▶ IkeEndpoint ──▶ SaBook ──▶ data plane
 *      control ───── initiate, terminate, rekey ───▶ │ Seat │
 *      configuration ─ connections ────────────────▶ └──────┘ ──▶ BgpHost ──▶ FibTable ──▶ data plane
 */
import type { ConnectionConfig, SeatConfig } from "@tandem/contract";
import type { ExportedIkeSa, IkeEffect, IkeInput, IkeTunnelStatus } from "@tandem/ike";
import type { BgpHost } from "../bgp/bgp-host.ts";
import { childBytes, ikeConnection } from "../config/ike-connection.ts";
import type { DataPlaneEvent } from "../dataplane/commands.ts";
import { EngineDriver } from "../driver/engine-driver.ts";
import type { NewEvent } from "../events/journal.ts";
import type { Adoption } from "../replication/replicator.ts";
import { ActivityWatch } from "./activity-watch.ts";
import { SaBook } from "./sa-book.ts";
import type { IkeEngine, SeatContext } from "./seat-context.ts";
import {
  childSaDownEvent,
  childSaUpEvent,
  type Effect,
  ikeSaDownEvent,
  ikeSaUpEvent,
  tunnelEvent,
} from "./seat-events.ts";
import { SeatTunnels } from "./seat-tunnels.ts";
import { Transcripts } from "./transcripts.ts";

/**
 * A responder is up a moment before the initiator, which still has to read the answer; a BGP connection opened in that
 * moment loses its SYN, and TCP repeats it only after a second. Milliseconds.
 */
const PATH_SETTLES = 50;

export class Seat {
  readonly config: SeatConfig;
  readonly transcripts: Transcripts;
  readonly bgp: BgpHost | undefined;
  readonly #context: SeatContext;
  readonly #ike: IkeEngine;
  readonly #driver: EngineDriver<IkeInput, IkeEffect>;
  readonly #book: SaBook;
  readonly #tunnels: SeatTunnels;
  readonly #activity: ActivityWatch;
  /** IKE SAs that have been rekeyed or reauthenticated and are about to go. */
  readonly #successors = new Map<string, string>();
  #begun = false;
  #adopting = false;
  /** IKE SAs taken over, until they have been told of. */
  readonly #adopted = new Set<string>();
  #stopped = false;

  constructor(config: SeatConfig, context: SeatContext) {
    this.config = config;
    this.#context = context;
    this.transcripts = new Transcripts(context.wallClock);
    this.#tunnels = new SeatTunnels(config.name, context);
    this.#book = new SaBook(config.name, context.dataPlane, {
      tunnelUp: (tunnel, up) => this.#tunnelUp(tunnel, up),
      replicateSequence: (childSa, upTo) =>
        context.replication?.sequence(config.name, childSa, upTo) ?? Promise.resolve(true),
      sequenceShort: (childSa) =>
        this.#driver.input({ kind: "child-soft-expired", childSa, cause: "sequence" }),
      fault: (message) => this.#fault(message),
    });
    this.#ike = context.makeIke({
      random: context.random,
      // Names must not repeat where a seat goes on under another owner.
      name: `${config.name}.${config.epoch}`,
      unixTimeAtZero: context.wallClock() - context.clock.now(),
      replicate: context.replication !== undefined,
    });
    this.#driver = new EngineDriver<IkeInput, IkeEffect>(
      this.#ike,
      context.clock,
      (effect) => this.#carryOut(effect),
      (error) => this.#fault(error instanceof Error ? (error.stack ?? error.message) : String(error)),
    );
    this.bgp = context.makeBgp(config.name);
    this.#activity = new ActivityWatch(context.clock, {
      awaitsFirstPacket: () => this.#book.awaitsFirstPacket(),
      takeActive: () => this.#book.takeActive(),
      active: (childSa) => this.#driver.input({ kind: "esp-received", childSa }),
    });
    this.#activity.plan();
  }

  setConnection(connection: ConnectionConfig): void {
    const { tunnel } = connection;
    this.#tunnels.set(connection);
    this.bgp?.setConnection(connection);
    if (this.#book.isUp(tunnel)) this.bgp?.setPath(tunnel, true);
    if (this.#begun) this.#setIkeConnection(connection);
    this.#tunnels.claimRoutes(tunnel, this.#book.isUp(tunnel));
    this.#context.flushFib();
  }

  removeConnection(tunnel: string): void {
    if (this.#tunnels.connection(tunnel) === undefined) return;
    this.bgp?.removeConnection(tunnel);
    this.#driver.input({ kind: "connection-removed", tunnel });
    for (const childSa of this.#book.idsOf(tunnel)) this.#book.remove(childSa);
    this.#tunnels.remove(tunnel);
  }

  get answersWithheld(): number {
    return this.#ike.answersWithheld ?? 0;
  }

  /** One input from the data plane or from control. */
  input(input: IkeInput): void {
    this.#driver.input(input);
  }

  dataPlaneEvent(event: DataPlaneEvent): void {
    switch (event.kind) {
      case "ike":
        this.#driver.input({ ...event, kind: "datagram" });
        return;
      case "need-sequence":
        this.#book.needSequence(event.childSa);
        return;
      case "expire-soft":
      case "expire-hard":
        this.#driver.input({
          kind: event.kind === "expire-soft" ? "child-soft-expired" : "child-hard-expired",
          childSa: event.childSa,
          cause: event.cause,
        });
        return;
      case "endpoint-moved":
        this.#driver.input(event);
        return;
      case "unknown-spi":
        this.#driver.input({ kind: "esp-unknown-spi", remote: event.remote, spi: event.spi });
        return;
      default:
    }
  }

  ownsChildSa(childSa: string): boolean {
    return this.#book.has(childSa);
  }

  /**
   * Once, when every connection has been set. With `adopted` the seat goes on with what the partner replicated, and
   * nothing is negotiated.
   */
  begin(adopted?: Adoption): void {
    this.#adopting = adopted !== undefined;
    // The speaker takes its old state up before any path is there: then its routes are in use as soon as one is.
    this.bgp?.begin(adopted?.bgp);
    for (const ikeSa of adopted?.ikeSas ?? []) {
      const connection = this.#tunnels.connection(ikeSa.template ?? ikeSa.tunnel);
      if (connection === undefined) continue;
      if (ikeSa.template !== undefined) {
        this.#tunnels.addInstance(ikeSa.tunnel, ikeSa.template, ikeSa.remote);
      }
      this.#tunnels.setVirtual(ikeSa.tunnel, ikeSa.virtualAddresses);
      for (const child of ikeSa.children) {
        this.#book.add(ikeSa.tunnel, ikeSa.ikeSa, child, terms(connection), adopted?.live.get(child.childSa));
        if (child.outboundReady) this.#book.outboundReady(child.childSa);
      }
      // The word that a lone Child SA may be used for sending can be under way when its owner dies.
      const newest = ikeSa.children.at(-1);
      if (newest !== undefined && !this.#book.isUp(ikeSa.tunnel)) this.#book.outboundReady(newest.childSa);
    }
    this.#adopting = false;
    this.#begun = true;
    if (adopted === undefined) {
      for (const connection of this.#tunnels.connections()) this.#setIkeConnection(connection);
    } else this.#adoptIke(adopted);
    this.#context.flushFib();
  }

  /** The adopted IKE SAs stand before anything may dial: a dial would take their place. */
  #adoptIke(adopted: Adoption): void {
    const connections = [...this.#tunnels.connections()];
    for (const connection of connections) this.#setIkeConnection({ ...connection, mode: "ResponderOnly" });
    for (const { ikeSa } of adopted.ikeSas) this.#adopted.add(ikeSa);
    this.#driver.input({ kind: "adopt", ikeSas: adopted.ikeSas });
    const present = new Set(adopted.ikeSas.map((ikeSa) => ikeSa.tunnel));
    for (const connection of connections) {
      this.#setIkeConnection(connection);
      const { tunnel, mode, remote } = connection;
      if (mode === "ResponderOnly" || remote.address === null || present.has(tunnel)) continue;
      this.#driver.input({ kind: "initiate", tunnel });
    }
  }

  #setIkeConnection(connection: ConnectionConfig): void {
    const forced =
      this.#context.encapsulation === "udp" ? { ...connection, forceEncapsulation: true } : connection;
    this.#driver.input({
      kind: "connection-set",
      connection: ikeConnection(forced, this.config, this.#context.kind),
    });
  }

  /**
   * Ends the seat here. With `farewell` the peers are told (DELETE, Cease); without, not a packet leaves: somebody
   * else has the seat now.
   */
  async stop(farewell: boolean): Promise<void> {
    if (this.#stopped) return;
    if (!farewell) {
      // Somebody else speaks for the seat: nothing leaves any more, not even the end of a TCP connection.
      this.#stopped = true;
      for (const childSa of this.#book.ids()) this.#book.remove(childSa);
    }
    await this.bgp?.stop(farewell);
    const reason = farewell ? "the gateway is going down" : "the seat has gone to another instance";
    // Also those that were made from a template: each client is told.
    for (const { tunnel } of this.tunnels()) {
      this.#driver.input({ kind: "terminate", tunnel, reason, hold: true, silent: !farewell });
    }
    this.#stopped = true;
    this.#activity.stop();
    this.#driver.stop();
    for (const childSa of this.#book.ids()) this.#book.remove(childSa);
    this.#tunnels.removeAll();
    this.#context.flushFib();
  }

  tunnels(): readonly IkeTunnelStatus[] {
    return this.#ike.status(this.#context.clock.now());
  }

  exportIkeSas(): readonly ExportedIkeSa[] {
    return this.#ike.exportIkeSas();
  }

  childSas(): ReturnType<SaBook["parameters"]> {
    return this.#book.parameters();
  }

  reservations(): readonly (readonly [string, number])[] {
    return this.#book.reservations();
  }

  childSaIds(): readonly string[] {
    return this.#book.ids();
  }

  connection(tunnel: string): ConnectionConfig | undefined {
    return this.#tunnels.connection(tunnel);
  }

  connections(): IterableIterator<ConnectionConfig> {
    return this.#tunnels.connections();
  }

  #carryOut(effect: IkeEffect): void {
    const { crypto } = this.#context;
    switch (effect.kind) {
      case "transmit":
        this.#send(effect, effect.payload);
        return;
      case "nat-keepalive":
        this.#send(effect, Uint8Array.of(0xff));
        return;
      case "crypto-job":
        crypto.run(effect.job, (result) =>
          this.#driver.input({ kind: "crypto-result", id: effect.id, result }),
        );
        return;
      case "ike-sa-up":
        this.#ikeSaUp(effect);
        return;
      case "ike-sa-down":
      case "ike-failed":
        this.#ikeSaDown(effect);
        return;
      case "child-sa-up":
        this.#childSaUp(effect);
        return;
      case "child-sa-outbound-ready":
        this.#book.outboundReady(effect.childSa);
        this.#context.flushFib();
        return;
      case "child-sa-down":
        this.#childSaDown(effect);
        return;
      case "endpoints-changed":
        for (const childSa of effect.childSas) this.#book.move(childSa, effect.remote, effect.remotePort);
        return;
      case "replicate":
        this.#replicate(effect);
        return;
      case "transcript":
        this.transcripts.append(effect.tunnel, effect.entry);
        return;
      case "log":
        this.#context.log(effect.level === "warning" ? "warn" : "info", effect.message, {
          seat: this.config.name,
          ...(effect.tunnel === undefined ? {} : { tunnel: effect.tunnel }),
        });
        return;
      default:
        effect satisfies never;
    }
  }

  #send(
    path: { local: string; localPort: number; remote: string; remotePort: number },
    payload: Uint8Array,
  ): void {
    const { local, localPort, remote, remotePort } = path;
    this.#context.dataPlane
      .command({ kind: "send-ike", local, localPort, remote, remotePort, payload })
      .catch((error: unknown) => this.#context.log("debug", `IKE datagram not sent: ${String(error)}`));
  }

  #ikeSaUp(effect: Effect<"ike-sa-up">): void {
    const { tunnel, template, replaces, virtualAddresses } = effect;
    if (template !== undefined) this.#tunnels.addInstance(tunnel, template, effect.remote);
    if (replaces !== undefined) this.#successors.set(replaces, effect.ikeSa);
    else this.bgp?.peerBeganAnew(tunnel);
    if (!replaces || virtualAddresses) this.#tunnels.setVirtual(tunnel, virtualAddresses);
    this.#event(tunnel, ikeSaUpEvent(effect, this.#adopted.delete(effect.ikeSa)));
  }

  #ikeSaDown(effect: Effect<"ike-sa-down"> | Effect<"ike-failed">): void {
    if (effect.kind === "ike-sa-down") {
      const successor = this.#successors.get(effect.ikeSa);
      this.#successors.delete(effect.ikeSa);
      if (effect.cause === "replaced") this.#book.retire(effect.ikeSa);
      else if (effect.cause === "rekeyed" && successor !== undefined) {
        this.#book.inherit(effect.ikeSa, successor);
      }
    }
    const quiet = effect.cause === "rekeyed" || effect.cause === "replaced";
    if (!quiet) this.#event(effect.tunnel, ikeSaDownEvent(effect));
    if (effect.kind === "ike-sa-down" && !quiet && this.#tunnels.isInstance(effect.tunnel)) {
      this.#tunnels.remove(effect.tunnel);
    }
  }

  #childSaUp(effect: Effect<"child-sa-up">): void {
    const connection = this.connection(effect.tunnel);
    if (connection === undefined) return;
    this.#book.add(effect.tunnel, effect.ikeSa, effect, terms(connection));
    this.#activity.plan();
    this.#event(effect.tunnel, childSaUpEvent(effect));
  }

  #childSaDown(effect: Effect<"child-sa-down">): void {
    this.#book.remove(effect.childSa);
    if (effect.cause !== "rekeyed") this.#event(effect.tunnel, childSaDownEvent(effect));
    this.#context.flushFib();
  }

  #replicate(effect: Effect<"replicate">): void {
    const done = (): void => this.#driver.input({ kind: "replicated", barrier: effect.barrier });
    const { replication } = this.#context;
    // A seat that was given up silently goes on elsewhere: its state there must not be taken back from here.
    if (replication === undefined || this.#stopped) {
      done();
      return;
    }
    replication.ikeSa(this.config.name, effect.ikeSa, effect.state).then(done, (error: unknown) => {
      this.#fault(`replication of ${effect.ikeSa}: ${String(error)}`);
      done();
    });
  }

  #tunnelUp(tunnel: string, up: boolean): void {
    if (this.connection(tunnel) === undefined) return;
    this.#tunnels.claimRoutes(tunnel, up);
    if (!up || this.#adopting) this.bgp?.setPath(tunnel, up);
    else {
      this.#context.clock.after(PATH_SETTLES, () => {
        if (!this.#stopped && this.#book.isUp(tunnel)) this.bgp?.setPath(tunnel, true);
      });
    }
    this.#event(tunnel, tunnelEvent(up, this.#tunnels.isInstance(tunnel)));
  }

  #event(tunnel: string, event: NewEvent): void {
    const connection = this.connection(tunnel);
    this.#context.event({
      seat: this.config.name,
      tunnel,
      ...(connection === undefined ? {} : { connection: connection.name, remote: connection.remote.name }),
      ...event,
    });
  }

  #fault(message: string): void {
    this.#context.log("error", message, { seat: this.config.name });
  }
}

const terms = (connection: ConnectionConfig) => ({
  connection: connection.name,
  replayWindow: connection.replayWindow,
  hardBytes: childBytes(connection),
});
