/**
 * The BGP speaker of one seat: peers and networks from the configuration, TCP, and what its routes do to the FIB.
 *
 *      connections with `bgp` ─▶ peer-set ─┐                 ┌─▶ TcpTransport (from the seat's BGP address, through the tunnel)
 *      tunnel up or down ─▶ path-availability ─▶ BgpSpeaker ─┼─▶ routes-changed ─▶ FibTable (eBGP) or last resort (iBGP)
 *      local prefixes, LNG prefixes ─▶ network-set ─┘        └─▶ peer-state ─▶ events
 */

import {
  type BgpEffect,
  type BgpInput,
  BgpSpeaker,
  type GatewayRoute,
  type PeerConfig,
  type PeerStatus,
  type RouteQuery,
  type SpeakerState,
  type Why,
} from "@tandem/bgp";
import type { BgpNeighborConfig, ConnectionConfig, InstanceConfig, SeatConfig } from "@tandem/contract";
import type { Random } from "@tandem/sansio";
import { type Clock, EngineDriver } from "../driver/engine-driver.ts";
import type { NewEvent } from "../events/journal.ts";
import type { Log } from "../log.ts";
import type { FibTable } from "../routes/fib-table.ts";
import { bgpRoutesEvent, bgpStateEvent } from "./bgp-events.ts";
import { originatedPrefixes } from "./originated.ts";
import { partnerPeer, routerIdOf, tunnelPeer } from "./peer-config.ts";
import { type TcpSockets, TcpTransport } from "./tcp-transport.ts";

const BGP_PORT = 179;
/** A peer that takes a session over in good order has done so by then. Milliseconds. */
const PROBE_DELAY = 1_000;

export interface BgpHostContext {
  readonly config: Pick<InstanceConfig, "kind" | "asn" | "profile" | "routerId">;
  readonly localPrefixes: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly sockets: TcpSockets;
  readonly fib: FibTable;
  readonly log: Log;
  flushFib(): void;
  event(event: NewEvent): void;
  /** The kernel's route to a neighbour behind a tunnel, or over the link to the partner. */
  setNeighbour(address: string, way: "tunnel" | "partner" | "none"): void;
  setLastResort(set: readonly string[], remove: readonly string[]): void;
}

export interface PartnerPeer {
  readonly name: string;
  readonly neighbor: string;
}

export class BgpHost {
  readonly #seat: SeatConfig;
  readonly #context: BgpHostContext;
  readonly #speaker: BgpSpeaker;
  readonly #driver: EngineDriver<BgpInput, BgpEffect>;
  readonly #transport: TcpTransport;
  readonly #neighbors = new Map<string, { readonly bgp: BgpNeighborConfig; readonly peer: PeerConfig }>();
  readonly #partners = new Map<string, PeerConfig>();
  readonly #networks = new Map<string, string>();
  /** Tunnels that are up. */
  readonly #paths = new Set<string>();
  /** Static prefixes that each connection asks to originate. */
  readonly #lngPrefixes = new Map<string, readonly string[]>();
  #localPrefixes: readonly string[];
  #draining = false;
  #begun = false;
  #changed = false;
  readonly #lastResort = new Set<string>();

  constructor(seat: SeatConfig, context: BgpHostContext) {
    this.#seat = seat;
    this.#context = context;
    this.#localPrefixes = context.localPrefixes;
    const { asn, routerId } = context.config;
    this.#speaker = new BgpSpeaker(
      {
        localAddress: seat.bgpIp,
        asn,
        routerId: routerIdOf(routerId, seat),
        ibgpLastResort: true,
      },
      context.random,
    );
    this.#transport = new TcpTransport({
      sockets: context.sockets,
      input: (input) => this.#driver.input(input),
      md5Key: (neighbor) => this.#md5Keys().get(neighbor),
      warn: (message) => context.log("warn", message, { seat: seat.name }),
    });
    this.#driver = new EngineDriver<BgpInput, BgpEffect>(
      this.#speaker,
      context.clock,
      (effect) => this.#carryOut(effect),
      (error) =>
        context.log("error", error instanceof Error ? (error.stack ?? "") : String(error), {
          seat: seat.name,
        }),
    );
  }

  setConnection(connection: ConnectionConfig): void {
    const { tunnel, bgp } = connection;
    if (bgp === undefined) {
      this.#removePeer(tunnel);
    } else {
      const before = this.#neighbors.get(tunnel);
      if (before !== undefined && before.bgp.neighbor !== bgp.neighbor) this.#removePeer(tunnel);
      const peer = this.#peer(tunnel, bgp);
      this.#neighbors.set(tunnel, { bgp, peer });
      if (before?.bgp.neighbor !== bgp.neighbor) this.#context.setNeighbour(bgp.neighbor, "tunnel");
      this.#driver.input({ kind: "peer-set", peer });
      this.#listen();
    }
    this.#lngPrefixes.set(tunnel, connection.staticPrefixes);
    this.#originate();
  }

  removeConnection(tunnel: string): void {
    this.#removePeer(tunnel);
    this.#lngPrefixes.delete(tunnel);
    this.#originate();
  }

  /** iBGP with the partner's seats. */
  setPartnerPeers(partners: readonly PartnerPeer[]): void {
    const wanted = new Map(partners.map((partner) => [partner.name, partner]));
    for (const name of [...this.#partners.keys()]) {
      if (wanted.has(name)) continue;
      this.#partners.delete(name);
      this.#driver.input({ kind: "peer-removed", peer: name });
    }
    for (const { name, neighbor } of partners) {
      const peer = partnerPeer(name, neighbor, {
        ...this.#context.config,
        localPrefixes: this.#localPrefixes,
        draining: this.#draining,
      });
      this.#partners.set(name, peer);
      this.#context.setNeighbour(neighbor, "partner");
      this.#driver.input({ kind: "peer-set", peer });
    }
    this.#listen();
  }

  setLocalPrefixes(prefixes: readonly string[]): void {
    this.#localPrefixes = prefixes;
    this.#originate();
    this.#refreshPolicies();
  }

  setPath(tunnel: string, available: boolean): void {
    if (!this.#neighbors.has(tunnel)) return;
    if (available) this.#paths.add(tunnel);
    else this.#paths.delete(tunnel);
    this.#driver.input({ kind: "path-availability", peer: tunnel, available });
    this.#originate();
  }

  /**
   * The peer behind a tunnel has negotiated anew. If it did so because it has restarted, its end of our session is gone, and it
   * may be passive: without a word from us both would believe what they believe until the next KEEPALIVE.
   */
  peerBeganAnew(tunnel: string): void {
    if (!this.#neighbors.has(tunnel)) return;
    this.#context.clock.after(PROBE_DELAY, () => this.#driver.input({ kind: "probe", peer: tunnel }));
  }

  /** Takes every route back from the eBGP peers, and gives them again when `on` is false. Sessions stay. */
  drain(on: boolean): void {
    if (this.#draining === on) return;
    this.#draining = on;
    this.#refreshPolicies();
  }

  /** Once, when every peer has been set. `state`: what a dead speaker of this seat left to go on with. */
  begin(state: SpeakerState | undefined): void {
    if (state !== undefined) this.#driver.input({ kind: "adopt", state });
    this.#begun = true;
    this.#originate();
  }

  /** What an adopter needs, when it changed since the last call. */
  takeState(): SpeakerState | undefined {
    if (!this.#changed) return undefined;
    this.#changed = false;
    return this.#speaker.exportState();
  }

  exportState(): SpeakerState {
    return this.#speaker.exportState();
  }

  /** With `farewell` each peer gets Cease; without, nothing is said: another instance speaks for the seat now. */
  async stop(farewell: boolean): Promise<void> {
    if (farewell) {
      for (const peer of [...this.#neighbors.keys(), ...this.#partners.keys()]) {
        this.#driver.input({ kind: "peer-stop", peer, communication: "the gateway is going down" });
      }
    }
    this.#driver.stop();
    await this.#transport.stop(!farewell);
    this.#context.fib.withdrawAll(this.#claimant());
    for (const { bgp } of this.#neighbors.values()) this.#context.setNeighbour(bgp.neighbor, "none");
    if (this.#lastResort.size > 0) this.#context.setLastResort([], [...this.#lastResort]);
  }

  get routerId(): string {
    return this.#speaker.config.routerId;
  }

  peers(): PeerStatus[] {
    return this.#speaker.peers(this.#context.clock.now());
  }

  apiPeers(): unknown {
    return this.#speaker.apiPeers(this.#context.clock.now());
  }

  learnedRoutes(query: RouteQuery): GatewayRoute[] {
    return this.#speaker.learnedRoutes(query);
  }

  advertisedRoutes(query: RouteQuery & { readonly peer: string }): GatewayRoute[] {
    return this.#speaker.advertisedRoutes(query);
  }

  why(prefix: string): Why | undefined {
    return this.#speaker.why(prefix);
  }

  refresh(peer: string, direction: "in" | "out"): void {
    this.#driver.input({ kind: "refresh", peer, direction });
  }

  #carryOut(effect: BgpEffect): void {
    switch (effect.kind) {
      case "connect":
        this.#transport.connect(effect);
        return;
      case "write":
        this.#transport.write(effect);
        return;
      case "close":
        this.#transport.close(effect);
        return;
      case "routes-changed":
        this.#routesChanged(effect);
        return;
      case "peer-state":
        this.#peerState(effect);
        return;
      case "log":
        this.#context.log(effect.level === "warning" ? "warn" : effect.level, effect.message, {
          seat: this.#seat.name,
          ...(effect.peer === undefined ? {} : { peer: effect.peer }),
        });
        return;
      default:
        effect satisfies never;
    }
  }

  #routesChanged(effect: Extract<BgpEffect, { kind: "routes-changed" }>): void {
    this.#changed = true;
    const { fib } = this.#context;
    const claimant = this.#claimant();
    const lastResort: string[] = [];
    const gone: string[] = [];
    for (const route of effect.set) {
      if (route.source === "ebgp") {
        const tunnels = route.nextHops.map((hop) => hop.peer);
        fib.claim(claimant, "bgp", route.prefix, tunnels);
        if (this.#lastResort.delete(route.prefix)) gone.push(route.prefix);
      } else {
        fib.withdraw(claimant, route.prefix);
        this.#lastResort.add(route.prefix);
        lastResort.push(route.prefix);
      }
    }
    for (const prefix of effect.remove) {
      fib.withdraw(claimant, prefix);
      if (this.#lastResort.delete(prefix)) gone.push(prefix);
    }
    this.#context.flushFib();
    this.#context.event(bgpRoutesEvent(this.#seat.name, effect));
    if (lastResort.length > 0 || gone.length > 0) this.#context.setLastResort(lastResort, gone);
  }

  #peerState(effect: Extract<BgpEffect, { kind: "peer-state" }>): void {
    this.#changed = true;
    this.#context.event(bgpStateEvent(this.#seat.name, effect));
  }

  #peer(tunnel: string, bgp: BgpNeighborConfig): PeerConfig {
    return tunnelPeer(tunnel, bgp, {
      ...this.#context.config,
      localPrefixes: this.#localPrefixes,
      draining: this.#draining,
    });
  }

  #refreshPolicies(): void {
    for (const [tunnel, { bgp }] of this.#neighbors) {
      const peer = this.#peer(tunnel, bgp);
      this.#neighbors.set(tunnel, { bgp, peer });
      this.#driver.input({ kind: "peer-set", peer });
    }
  }

  #removePeer(tunnel: string): void {
    const before = this.#neighbors.get(tunnel);
    if (before === undefined) return;
    this.#neighbors.delete(tunnel);
    this.#paths.delete(tunnel);
    this.#driver.input({ kind: "peer-removed", peer: tunnel });
    this.#context.setNeighbour(before.bgp.neighbor, "none");
    this.#listen();
  }

  #originate(): void {
    if (!this.#begun) return;
    const wanted = originatedPrefixes({
      kind: this.#context.config.kind,
      localPrefixes: this.#localPrefixes,
      lngPrefixes: this.#lngPrefixes.values(),
      neighbours: [...this.#paths].flatMap((tunnel) => this.#neighbors.get(tunnel)?.bgp.neighbor ?? []),
    });
    for (const prefix of [...this.#networks.keys()]) {
      if (wanted.has(prefix)) continue;
      this.#networks.delete(prefix);
      this.#driver.input({ kind: "network-removed", prefix });
    }
    for (const [prefix, tag] of wanted) {
      if (this.#networks.get(prefix) === tag) continue;
      this.#networks.set(prefix, tag);
      this.#driver.input({ kind: "network-set", prefix, tag });
    }
  }

  #md5Keys(): Map<string, string> {
    const keys = new Map<string, string>();
    for (const { bgp } of this.#neighbors.values())
      if (bgp.md5 !== undefined) keys.set(bgp.neighbor, bgp.md5);
    return keys;
  }

  /** One listener on each address that we speak from. */
  #listen(): void {
    const keys = this.#md5Keys();
    const byAddress = new Map<string, BgpNeighborConfig[]>();
    if (this.#partners.size > 0) byAddress.set(this.#seat.bgpIp, []);
    for (const { bgp } of this.#neighbors.values()) {
      const address = bgp.localAddress ?? this.#seat.bgpIp;
      byAddress.set(address, [...(byAddress.get(address) ?? []), bgp]);
    }
    for (const address of this.#transport.listening()) {
      if (!byAddress.has(address)) this.#transport.unlisten(address);
    }
    for (const [address, neighbors] of byAddress) {
      const options = neighbors.map(({ neighbor }) => this.#speaker.transportOptions(neighbor));
      const lowest = options.map((option) => option?.minimumTtl ?? 0);
      const minimumTtl = lowest.length === 0 ? 0 : Math.min(...lowest);
      const ttl = Math.max(0, ...options.map((option) => option?.ttl ?? 0));
      this.#transport.listen(
        {
          address,
          port: BGP_PORT,
          ...(ttl > 0 ? { ttl } : {}),
          ...(minimumTtl > 0 ? { minimumTtl } : {}),
        },
        keys,
      );
    }
  }

  #claimant(): string {
    return `bgp|${this.#seat.name}`;
  }
}
