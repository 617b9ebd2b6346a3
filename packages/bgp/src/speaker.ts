/**
 * One BGP speaker: peers and RIBs as one engine. It dispatches; the work is done in `Peer` (sessions), `LocRib`
 * (routes) and `AdjRibOut` (what is told to whom).
 *
 * Large work is cut: one call handles what one read from a socket brought, walks over whole tables and full
 * advertisements advance by a slice per call, and `nextTimeout` is "now" while something is left.
 */
import type { Engine, Instant, Random } from "@tandem/sansio";
import { canonicalAddress, parseAddress } from "@tandem/wire";
import { AttributeTable } from "./attributes/attribute-table.ts";
import type { Family, SpeakerConfig } from "./config.ts";
import { Connection } from "./connection.ts";
import { MAXIMUM_PREFIXES_HELD, SLICE_PREFIXES } from "./constants.ts";
import { type Core, FAMILIES, type Job } from "./core.ts";
import { transportOptions } from "./dialer.ts";
import type { BgpEffect, BgpInput, TransportOptions } from "./events.ts";
import { Deferral, restoreRoutes, savePeer, saveRoutes } from "./failover.ts";
import { Fifo } from "./fifo.ts";
import { deferralTime } from "./graceful-restart.ts";
import { Cease } from "./iana.ts";
import { ceaseWith } from "./message/notification.ts";
import { Networks } from "./networks.ts";
import type { Peer } from "./peer.ts";
import { PeerTable } from "./peer-table.ts";
import { ByteInterner } from "./rib/byte-interner.ts";
import { FibFeed } from "./rib/fib-feed.ts";
import { LocRib } from "./rib/loc-rib.ts";
import type { SpeakerState } from "./speaker-state.ts";
import type { ApiBgpPeerStatus, GatewayRoute, PeerStatus, RouteQuery, Why } from "./status.ts";
import { StatusView } from "./status-view.ts";
import { TimerQueue } from "./timer-queue.ts";

/** Prefixes that one call may send on, over all peers. */
const SEND_BUDGET = 4 * SLICE_PREFIXES;

/** Jobs that one call may finish. */
const SMALL_JOBS = 8;

export class BgpSpeaker implements Engine<BgpInput, BgpEffect> {
  readonly config: SpeakerConfig;
  readonly #core: Core;
  readonly #timers: TimerQueue = new TimerQueue();
  readonly #effects: Fifo<BgpEffect> = new Fifo();
  readonly #jobs: Job[] = [];
  readonly #table: PeerTable;
  readonly #peers: ReadonlyMap<string, Peer>;
  readonly #connections: Map<number, { readonly connection: Connection; readonly peer: Peer }> = new Map();
  readonly #networks: Networks;
  readonly #fibs: readonly FibFeed[];
  readonly #ownAddresses: Uint8Array[] = [];
  readonly #ownIpv4: Set<number> = new Set();
  readonly #deferral: Deferral;
  readonly #view: StatusView;
  #lastConnection = 0;
  #now: Instant = 0;
  /** What is left of the present call's budget for sending. */
  #sendLeft = 0;
  #moreToSend = false;
  /** Every session was looked at when the changes of the RIBs stood here: nothing to do before the next one. */
  #lookedAt = -1;

  /** Throws a RangeError when the configuration cannot be used: that is the caller's mistake, not the network's. */
  constructor(config: SpeakerConfig, random: Random) {
    this.config = config;
    const routerId = parseAddress(config.routerId);
    if (routerId?.length !== 4) throw new RangeError(`router id ${config.routerId} is no dotted number`);
    const attributes = new AttributeTable(config.asn);
    const facts: Core["facts"] = [
      { source: "network", usable: true, routerId: 0, address: new Uint8Array(4) },
    ];
    const maximumPaths = config.maximumPaths ?? 16;
    const fib = config.fib ?? true;
    const most = config.maximumPrefixes ?? MAXIMUM_PREFIXES_HELD;
    const options = {
      ibgpLastResort: config.ibgpLastResort ?? false,
      alwaysCompareMed: config.alwaysCompareMed ?? false,
      multipath: fib && maximumPaths > 1,
    };
    const rib = (family: Family): LocRib => new LocRib(family, attributes, facts, options);
    const ribs = { "ipv4-unicast": rib("ipv4-unicast"), "ipv6-unicast": rib("ipv6-unicast") };
    this.#networks = new Networks(ribs, attributes);
    this.#deferral = new Deferral(this.#timers, deferralTime(config));
    const deferral = this.#deferral;
    this.#core = {
      config,
      routerId: uint32(routerId),
      timers: this.#timers,
      random,
      attributes,
      encoded: new ByteInterner(),
      ribs,
      facts,
      emit: (effect) => this.#emit(effect),
      schedule: (job) => {
        this.#jobs.push(job);
      },
      full: () => ribs["ipv4-unicast"].table.size + ribs["ipv6-unicast"].table.size > most,
      wake: () => {
        this.#lookedAt = -1;
      },
      isOwnAddress: (address) => this.#isOwnAddress(address),
      isOwnIpv4: (address) => this.#ownIpv4.has(address),
      tagOf: (family, prefix) => this.#networks.tag(family, prefix),
      deferral,
      restarting: () => deferral.active,
    };
    this.#table = new PeerTable(this.#core, {
      nextId: () => --this.#lastConnection,
      add: (connection, peer) => this.#connections.set(connection.id, { connection, peer }),
    });
    this.#peers = this.#table.byName;
    const nameOf = (peer: number): string => this.#table.byIndex[peer]?.config.name ?? "";
    this.#fibs = fib
      ? FAMILIES.map((f) => new FibFeed(ribs[f], attributes, facts, nameOf, maximumPaths))
      : [];
    this.#view = new StatusView(this.#core, this.#peers, this.#table.byIndex);
    this.#addOwnAddress(config.localAddress);
  }

  handle(input: BgpInput, now: Instant): void {
    this.#begin(now);
    // Data changes routes, which shows by itself, or wakes the speaker; anything else may concern any session.
    if (input.kind !== "tcp-data") this.#lookedAt = -1;
    const idle = this.#jobs.length === 0;
    this.#dispatch(input, now);
    // The first slice of new work is done at once: for a gateway's few thousand routes that is all of it.
    if (idle) this.#work(now);
  }

  #dispatch(input: BgpInput, now: Instant): void {
    switch (input.kind) {
      case "tcp-data": {
        const entry = this.#connections.get(input.connection);
        entry?.peer.data(entry.connection, plain(input.bytes), now);
        return;
      }
      case "tcp-written": {
        this.#connections.get(input.connection)?.connection.reportSent(input.bytes);
        return;
      }
      case "tcp-accepted":
        this.#accept(input, now);
        return;
      case "tcp-connected": {
        const entry = this.#connections.get(input.connection);
        if (entry === undefined) return;
        entry.connection.established = true;
        entry.connection.localAddress = input.localAddress;
        entry.connection.localPort = input.localPort;
        entry.peer.connected(entry.connection, now);
        return;
      }
      case "tcp-closed": {
        const entry = this.#connections.get(input.connection);
        if (entry === undefined) return;
        this.#connections.delete(input.connection);
        entry.connection.closed = true;
        entry.peer.closed(entry.connection, input.reason, now);
        return;
      }
      case "peer-set":
        this.#table.set(input.peer, now);
        if (input.peer.localAddress !== undefined) this.#addOwnAddress(input.peer.localAddress);
        return;
      case "peer-removed":
        this.#table.remove(input.peer, now);
        return;
      case "peer-start":
        this.#peers.get(input.peer)?.start(now);
        return;
      case "peer-stop":
        this.#peers
          .get(input.peer)
          ?.stop(now, ceaseWith(Cease.ADMINISTRATIVE_SHUTDOWN, input.communication ?? ""), "stopped");
        return;
      case "refresh": {
        const session = this.#peers.get(input.peer)?.session;
        if (input.direction === "out") session?.sendAgain();
        else session?.askRefresh();
        return;
      }
      case "path-availability":
        this.#peers.get(input.peer)?.setAvailable(input.available, now);
        return;
      case "probe":
        this.#peers.get(input.peer)?.probe(now);
        return;
      case "network-set":
        if (!this.#networks.set(input.prefix, input.tag, input.med)) this.#warn(`no prefix: ${input.prefix}`);
        return;
      case "network-removed":
        this.#networks.remove(input.prefix);
        return;
      case "adopt":
        this.#adopt(input.state, now);
        return;
      default: {
        const never: never = input;
        throw new Error(`no such input: ${JSON.stringify(never)}`);
      }
    }
  }

  handleTimeout(now: Instant): void {
    this.#begin(now);
    this.#lookedAt = -1;
    this.#timers.run(now);
    this.#work(now);
  }

  /** One slice of what is large, and what is small at once. */
  #work(now: Instant): void {
    for (let steps = 0; steps < SMALL_JOBS && this.#jobs[0]?.step(now); steps++) this.#jobs.shift();
  }

  poll(): BgpEffect | undefined {
    const effect = this.#effects.shift();
    if (effect !== undefined) return effect;
    return this.#send() ? this.#effects.shift() : this.#settle();
  }

  /** Equal to the last `now` when work was cut into slices and more is waiting. */
  nextTimeout(): Instant | undefined {
    if (this.#moreToSend || this.#jobs.length > 0) return this.#now;
    return this.#timers.next();
  }

  /** What a socket to or from this peer needs; undefined when the address is no peer's. */
  transportOptions(neighbor: string): TransportOptions | undefined {
    const peer = this.#table.byAddress.get(neighbor);
    return peer === undefined ? undefined : transportOptions(peer.config);
  }

  peers(now: Instant): PeerStatus[] {
    return this.#view.peers(now);
  }

  apiPeers(now: Instant): ApiBgpPeerStatus[] {
    return this.#view.apiPeers(now);
  }

  /** Every usable path, best first per prefix: `getLearnedRoutes`. */
  learnedRoutes(query: RouteQuery): GatewayRoute[] {
    return this.#view.learnedRoutes(query);
  }

  /** What a peer was told: `getAdvertisedRoutes`. */
  advertisedRoutes(query: RouteQuery & { readonly peer: string }): GatewayRoute[] {
    return this.#view.advertisedRoutes(query);
  }

  why(prefix: string): Why | undefined {
    return this.#view.why(prefix);
  }

  /** For the partner: sessions to redial and the routes in use. Its cost grows with the table. */
  exportState(): SpeakerState {
    const peers = [...this.#peers.values()];
    return {
      peers: peers.map(savePeer).filter((p) => p !== undefined),
      routes: peers.flatMap((p) => saveRoutes(this.#core, p)),
    };
  }

  #begin(now: Instant): void {
    this.#now = now;
    this.#sendLeft = SEND_BUDGET;
    this.#moreToSend = false;
  }

  /** Produces FIB changes and UPDATEs within the budget; true when there is an effect now. */
  #send(): boolean {
    for (const fib of this.#fibs) {
      while (fib.pending && this.#sendLeft > 0) {
        this.#sendLeft -= SLICE_PREFIXES / 2;
        const change = fib.next();
        if (change !== undefined) {
          this.#emit(change);
          return true;
        }
      }
    }
    const { "ipv4-unicast": v4, "ipv6-unicast": v6 } = this.#core.ribs;
    const changes = v4.changes.stamp + v6.changes.stamp;
    if (changes === this.#lookedAt) return false;
    for (const peer of this.#peers.values()) {
      const session = peer.session;
      while (session?.pending && this.#sendLeft > 0) {
        this.#sendLeft -= session.produce() + 16;
        if (this.#effects.length > 0) return true;
      }
    }
    if (this.#sendLeft > 0) this.#lookedAt = changes;
    return false;
  }

  /** Nothing to say in this call any more: notes what was left over and frees what everybody has seen. */
  #settle(): undefined {
    this.#moreToSend =
      this.#sendLeft <= 0 &&
      (this.#fibs.some((f) => f.pending) ||
        [...this.#peers.values()].some((p) => p.session?.pending === true));
    for (const family of FAMILIES) this.#core.ribs[family].collect();
    return undefined;
  }

  #emit(effect: BgpEffect): void {
    if (effect.kind === "close") this.#connections.delete(effect.connection);
    this.#effects.push(effect);
  }

  #accept(input: Extract<BgpInput, { kind: "tcp-accepted" }>, now: Instant): void {
    const peer = this.#table.byAddress.get(canonicalAddress(input.remote) ?? input.remote);
    if (peer === undefined) {
      this.#warn(`connection from ${input.remote}, which is no peer`);
      this.#emit({ kind: "close", peer: undefined, connection: input.connection, abort: true });
      return;
    }
    const connection = new Connection(input.connection, peer.config.name, true, input, this.#core.emit);
    connection.established = true;
    peer.accept(connection, now);
  }

  #adopt(state: SpeakerState, now: Instant): void {
    const adopted: string[] = [];
    for (const saved of state.peers) {
      const peer = this.#peers.get(saved.peer);
      if (peer === undefined || peer.session !== undefined) continue;
      peer.adopt(saved, now);
      adopted.push(saved.peer);
    }
    let skipped = 0;
    for (const routes of state.routes) {
      const peer = this.#peers.get(routes.peer);
      if (peer !== undefined && adopted.includes(routes.peer))
        skipped += restoreRoutes(this.#core, peer, routes);
    }
    for (const name of adopted) {
      const peer = this.#peers.get(name)!;
      for (const family of FAMILIES) peer.routes.markStale(family);
    }
    // Peers that did not keep our routes are told at once; the others wait for a whole picture (RFC 4724 §4.1).
    const keeping = state.peers.filter((p) => p.gracefulRestart).map((p) => p.peer);
    this.#deferral.begin(
      adopted.filter((name) => keeping.includes(name)),
      now,
    );
    for (const name of adopted) this.#peers.get(name)!.redial(now);
    if (skipped > 0) this.#warn(`${skipped} adopted routes could not be read`);
  }

  #isOwnAddress(address: Uint8Array): boolean {
    return this.#ownAddresses.some(
      (own) => own.length === address.length && own.every((b, i) => b === address[i]),
    );
  }

  #addOwnAddress(text: string): void {
    const bytes = parseAddress(text);
    if (bytes === undefined) throw new RangeError(`no address: ${text}`);
    if (!this.#isOwnAddress(bytes)) this.#ownAddresses.push(bytes);
    if (bytes.length === 4) this.#ownIpv4.add(uint32(bytes));
  }

  #warn(message: string): void {
    this.#emit({ kind: "log", level: "warning", peer: undefined, message });
  }
}

const uint32 = (b: Uint8Array): number => ((b[0]! << 24) | (b[1]! << 16) | (b[2]! << 8) | b[3]!) >>> 0;

/** A view without a subclass's habits: `slice` of Node's Buffer does not copy, and what is kept here must be a copy. */
const plain = (bytes: Uint8Array): Uint8Array =>
  bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
