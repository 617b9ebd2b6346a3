/**
 * One seat in this process: its IKE endpoint, its Child SAs, its BGP speaker (DESIGN §2). The session object of the
 * gateway: it connects the engines and keeps no protocol state of its own.
 *
 *      data plane ── ike datagram, expiry, moved ──▶ ┌──────┐ ──▶ IkeEndpoint ──▶ SaBook ──▶ data plane
 *      control ───── initiate, terminate, rekey ───▶ │ Seat │
 *      configuration ─ connections ────────────────▶ └──────┘ ──▶ BgpHost ──▶ FibTable ──▶ data plane
 */
import type { ConnectionConfig, SeatConfig } from "@tandem/contract";
import type { ExportedIkeSa, IkeConnection, IkeEffect, IkeInput, IkeTunnelStatus } from "@tandem/ike";
import type { BgpHost } from "../bgp/bgp-host.ts";
import { childBytes, ikeConnection } from "../config/ike-connection.ts";
import type { DataPlaneEvent } from "../dataplane/commands.ts";
import { EngineDriver } from "../driver/engine-driver.ts";
import type { Adoption } from "../replication/replicator.ts";
import { SaBook } from "./sa-book.ts";
import type { IkeEngine, SeatContext } from "./seat-context.ts";
import { Transcripts } from "./transcripts.ts";

/**
 * How often IKE is told which Child SAs received packets, milliseconds. The first packet on a new SA is what its
 * responder waits for before it sends on it (RFC 7296 §2.8), so this is looked for more often.
 */
const ACTIVITY_INTERVAL = 500;
const NEW_SA_INTERVAL = 20;
/**
 * A responder is up a moment before the initiator, which still has to read the answer; a BGP connection opened in that
 * moment loses its SYN, and TCP repeats it only after a second. Milliseconds.
 */
const PATH_SETTLES = 50;

type Effect<K extends IkeEffect["kind"]> = Extract<IkeEffect, { kind: K }>;

export class Seat {
  readonly config: SeatConfig;
  readonly transcripts: Transcripts;
  readonly bgp: BgpHost | undefined;
  readonly #context: SeatContext;
  readonly #ike: IkeEngine;
  readonly #driver: EngineDriver<IkeInput, IkeEffect>;
  readonly #book: SaBook;
  readonly #connections = new Map<string, ConnectionConfig>();
  /** Tunnels made from a template (a connection without a fixed remote), and their connection. */
  readonly #templates = new Map<string, string>();
  readonly #virtual = new Map<string, readonly string[]>();
  #cancelActivity: (() => void) | undefined;
  #begun = false;
  #adopting = false;
  #replicationPlanned = false;
  #stopped = false;

  constructor(config: SeatConfig, context: SeatContext) {
    this.config = config;
    this.#context = context;
    this.transcripts = new Transcripts(context.wallClock);
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
    this.#planActivity();
  }

  setConnection(connection: ConnectionConfig): void {
    const { tunnel } = connection;
    const before = this.#connections.get(tunnel);
    this.#connections.set(tunnel, connection);
    if (before === undefined && connection.remote.address !== null) {
      this.#addTunnel(tunnel, connection, connection.remote.address);
    }
    this.bgp?.setConnection(connection);
    if (this.#book.isUp(tunnel)) this.bgp?.setPath(tunnel, true);
    if (this.#begun)
      this.#driver.input({ kind: "connection-set", connection: this.#ikeConnection(connection) });
    if (before !== undefined && this.#book.isUp(tunnel)) this.#claimRoutes(tunnel, connection);
    this.#context.flushFib();
  }

  removeConnection(tunnel: string): void {
    if (!this.#connections.has(tunnel)) return;
    this.bgp?.removeConnection(tunnel);
    this.#driver.input({ kind: "connection-removed", tunnel });
    for (const [made, template] of [...this.#templates]) if (template === tunnel) this.#removeTunnel(made);
    this.#removeTunnel(tunnel);
    this.#connections.delete(tunnel);
    this.#context.flushFib();
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
      const connection = this.#connections.get(ikeSa.template ?? ikeSa.tunnel);
      if (connection === undefined) continue;
      if (ikeSa.template !== undefined) this.#addTemplateTunnel(ikeSa.tunnel, ikeSa.template, ikeSa.remote);
      this.#setVirtual(ikeSa.tunnel, connection, ikeSa.virtualAddresses);
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
      for (const connection of this.#connections.values()) {
        this.#driver.input({ kind: "connection-set", connection: this.#ikeConnection(connection) });
      }
    } else this.#adoptIke(adopted);
    this.#context.flushFib();
  }

  /** The adopted IKE SAs stand before anything may dial: a dial would take their place. */
  #adoptIke(adopted: Adoption): void {
    const connections = [...this.#connections.values()];
    for (const connection of connections) {
      const passive = { ...this.#ikeConnection(connection), mode: "ResponderOnly" as const };
      this.#driver.input({ kind: "connection-set", connection: passive });
    }
    this.#driver.input({ kind: "adopt", ikeSas: adopted.ikeSas });
    const present = new Set(adopted.ikeSas.map((ikeSa) => ikeSa.tunnel));
    for (const connection of connections) {
      this.#driver.input({ kind: "connection-set", connection: this.#ikeConnection(connection) });
      const { tunnel, mode, remote } = connection;
      if (mode === "ResponderOnly" || remote.address === null || present.has(tunnel)) continue;
      this.#driver.input({ kind: "initiate", tunnel });
    }
  }

  #ikeConnection(connection: ConnectionConfig): IkeConnection {
    const forced =
      this.#context.encapsulation === "udp" ? { ...connection, forceEncapsulation: true } : connection;
    return ikeConnection(forced, this.config, this.#context.kind);
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
    for (const tunnel of this.#connections.keys()) {
      this.#driver.input({
        kind: "terminate",
        tunnel,
        reason: farewell ? "the gateway is going down" : "the seat has gone to another instance",
        hold: true,
        ...(farewell ? {} : { silent: true }),
      });
    }
    this.#stopped = true;
    this.#cancelActivity?.();
    this.#driver.stop();
    for (const childSa of this.#book.ids()) this.#book.remove(childSa);
    for (const tunnel of [...this.#templates.keys(), ...this.#connections.keys()]) this.#removeTunnel(tunnel);
    this.#connections.clear();
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
    return this.#connections.get(this.#templates.get(tunnel) ?? tunnel);
  }

  connections(): IterableIterator<ConnectionConfig> {
    return this.#connections.values();
  }

  #carryOut(effect: IkeEffect): void {
    const { dataPlane, crypto } = this.#context;
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
        this.#replicateSoon();
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
        dataPlane satisfies object;
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
    const template = effect.template;
    if (template !== undefined) this.#addTemplateTunnel(effect.tunnel, template, effect.remote);
    const connection = this.connection(effect.tunnel);
    if (connection === undefined) return;
    this.#setVirtual(effect.tunnel, connection, effect.virtualAddresses);
    const rekeyed = effect.replaces !== undefined;
    this.#event(effect.tunnel, rekeyed ? "ike.rekeyed" : "ike.established", {
      message: rekeyed
        ? `IKE SA ${effect.ikeSa} replaces ${effect.replaces}`
        : `IKE SA ${effect.ikeSa} with ${effect.remoteId} at ${effect.remote}, as ${effect.initiator ? "initiator" : "responder"}`,
      remote: effect.remote,
      ikeSa: effect.ikeSa,
    });
  }

  #ikeSaDown(effect: Effect<"ike-sa-down"> | Effect<"ike-failed">): void {
    if (effect.kind === "ike-sa-down" && effect.cause === "replaced") this.#book.retire(effect.ikeSa);
    const quiet = effect.cause === "rekeyed" || effect.cause === "replaced";
    if (!quiet) {
      this.#event(effect.tunnel, effect.kind === "ike-failed" ? "ike.failed" : "ike.down", {
        message: effect.reason,
        cause: effect.cause,
      });
    }
    if (effect.kind === "ike-sa-down" && !quiet && this.#templates.has(effect.tunnel)) {
      this.#removeTunnel(effect.tunnel);
      this.#context.flushFib();
    }
  }

  #childSaUp(effect: Effect<"child-sa-up">): void {
    const connection = this.connection(effect.tunnel);
    if (connection === undefined) return;
    this.#book.add(effect.tunnel, effect.ikeSa, effect, terms(connection));
    this.#lookSoon();
    this.#replicateSoon();
    this.#event(effect.tunnel, effect.replaces === undefined ? "child.up" : "child.rekeyed", {
      message: `Child SA ${effect.childSa} in ${hex(effect.spiIn)} out ${hex(effect.spiOut)}`,
      childSa: effect.childSa,
    });
  }

  #childSaDown(effect: Effect<"child-sa-down">): void {
    this.#book.remove(effect.childSa);
    this.#replicateSoon();
    if (effect.cause !== "rekeyed") {
      this.#event(effect.tunnel, "child.down", { message: effect.reason, childSa: effect.childSa });
    }
    this.#context.flushFib();
  }

  #replicate(effect: Effect<"replicate">): void {
    const done = (): void => this.#driver.input({ kind: "replicated", barrier: effect.barrier });
    const { replication } = this.#context;
    if (replication === undefined) {
      done();
      return;
    }
    replication.ikeSa(this.config.name, effect.ikeSa, effect.state).then(done, (error: unknown) => {
      this.#fault(`replication of ${effect.ikeSa}: ${String(error)}`);
      done();
    });
  }

  /**
   * The engine replicates what a message is about to expose. What a Child SA became after that message (installed,
   * used for sending, gone) is told here, once per turn of the event loop.
   */
  #replicateSoon(): void {
    const { replication } = this.#context;
    if (replication === undefined || this.#replicationPlanned) return;
    this.#replicationPlanned = true;
    this.#context.clock.after(0, () => {
      this.#replicationPlanned = false;
      if (this.#stopped) return;
      for (const state of this.#ike.exportIkeSas())
        void replication.ikeSa(this.config.name, state.ikeSa, state);
    });
  }

  #tunnelUp(tunnel: string, up: boolean): void {
    const connection = this.connection(tunnel);
    if (connection === undefined) return;
    if (up) this.#claimRoutes(tunnel, connection);
    else this.#context.fib.withdrawAll(tunnel);
    if (!up || this.#adopting) this.bgp?.setPath(tunnel, up);
    else {
      this.#context.clock.after(PATH_SETTLES, () => {
        if (!this.#stopped && this.#book.isUp(tunnel)) this.bgp?.setPath(tunnel, true);
      });
    }
    this.#event(tunnel, up ? "tunnel.up" : "tunnel.down", {
      message: up ? "the tunnel carries packets" : "the tunnel carries no packets any more",
      operationName: up ? "TunnelConnected" : "TunnelDisconnected",
    });
  }

  /** Replaces what the tunnel itself claims in the FIB. */
  #claimRoutes(tunnel: string, connection: ConnectionConfig): void {
    const { fib } = this.#context;
    fib.withdrawAll(tunnel);
    for (const prefix of connection.staticPrefixes) fib.claim(tunnel, "static", prefix, [tunnel]);
    if (connection.bgp !== undefined) {
      fib.claim(tunnel, "host-route", hostPrefix(connection.bgp.neighbor), [tunnel]);
    }
    if (connection.requestAddress) return;
    for (const address of this.#virtual.get(tunnel) ?? []) {
      fib.claim(tunnel, "pool", hostPrefix(address), [tunnel]);
    }
  }

  #addTunnel(tunnel: string, connection: ConnectionConfig, remote: string): void {
    this.#context.dataPlane
      .command({ kind: "add-tunnel", tunnel, connection: connection.name, seat: this.config.name, remote })
      .catch((error: unknown) => this.#fault(`add-tunnel ${tunnel}: ${String(error)}`));
  }

  #addTemplateTunnel(tunnel: string, template: string, remote: string): void {
    const connection = this.#connections.get(template);
    if (connection === undefined || this.#templates.has(tunnel)) return;
    this.#templates.set(tunnel, template);
    this.#addTunnel(tunnel, connection, remote);
  }

  #removeTunnel(tunnel: string): void {
    const connection = this.connection(tunnel);
    if (connection === undefined) return;
    this.#setVirtual(tunnel, connection, undefined);
    this.#context.fib.withdrawAll(tunnel);
    this.#context.flushFib();
    const isTemplate = connection.remote.address === null && !this.#templates.has(tunnel);
    this.#templates.delete(tunnel);
    if (isTemplate) return;
    this.#context.dataPlane
      .command({ kind: "remove-tunnel", tunnel })
      .catch((error: unknown) => this.#fault(`remove-tunnel ${tunnel}: ${String(error)}`));
  }

  #setVirtual(
    tunnel: string,
    connection: ConnectionConfig,
    addresses: { readonly local: readonly string[]; readonly remote: readonly string[] } | undefined,
  ): void {
    const before = this.#virtual.get(tunnel) ?? [];
    const now = connection.requestAddress ? (addresses?.local ?? []) : (addresses?.remote ?? []);
    if (connection.requestAddress) {
      const { fib, virtualAddress, flushFib } = this.#context;
      const claimant = `virtual|${tunnel}`;
      fib.withdrawAll(claimant);
      for (const address of now) fib.claimInside(claimant, hostPrefix(address));
      flushFib();
      for (const address of before) if (!now.includes(address)) virtualAddress(address, false);
      for (const address of now) if (!before.includes(address)) virtualAddress(address, true);
      this.#virtual.set(tunnel, now);
      return;
    }
    this.#virtual.set(tunnel, now);
    if (now.length === 0) this.#virtual.delete(tunnel);
  }

  #lookSoon(): void {
    this.#cancelActivity?.();
    this.#planActivity();
  }

  #planActivity(): void {
    const interval = this.#book.awaitsFirstPacket() ? NEW_SA_INTERVAL : ACTIVITY_INTERVAL;
    this.#cancelActivity = this.#context.clock.after(interval, () => {
      if (this.#stopped) return;
      for (const childSa of this.#book.takeActive()) this.#driver.input({ kind: "esp-received", childSa });
      this.#planActivity();
    });
  }

  #event(tunnel: string, event: string, fields: { message: string; [key: string]: unknown }): void {
    const connection = this.connection(tunnel);
    this.#context.event({
      event,
      seat: this.config.name,
      tunnel,
      ...(connection === undefined ? {} : { connection: connection.name, remote: connection.remote.name }),
      ...fields,
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

const hostPrefix = (address: string): string => `${address}/${address.includes(":") ? 128 : 32}`;

const hex = (spi: number): string => spi.toString(16).padStart(8, "0");
