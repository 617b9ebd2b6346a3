/** Snapshots of a speaker: reads everything, changes nothing. */
import { type Duration, type Instant, seconds } from "@tandem/sansio";
import { parsePrefix } from "@tandem/wire";
import { asPathItems } from "./attributes/as-path.ts";
import { DEFAULT_LOCAL_PREF, dashedAsPath, nextHopText } from "./attributes/attribute-table.ts";
import { type Core, FAMILIES } from "./core.ts";
import { keepsOurRoutes } from "./failover.ts";
import { familyOfPrefix } from "./networks.ts";
import type { Peer } from "./peer.ts";
import type { LocRib } from "./rib/loc-rib.ts";
import type { ApiBgpPeerStatus, GatewayRoute, PeerStatus, RouteQuery, Why, WhyPath } from "./status.ts";

const DEFAULT_LIMIT = 10_000;
const DEFAULT_WEIGHT = 32_768;
const ORIGIN_NAMES = ["IGP", "EGP", "INCOMPLETE"] as const;
const API_ORIGIN = { network: "Network", ebgp: "EBgp", ibgp: "IBgp" } as const;

export class StatusView {
  readonly #core: Core;
  readonly #peers: ReadonlyMap<string, Peer>;
  readonly #byIndex: readonly (Peer | undefined)[];

  constructor(core: Core, peers: ReadonlyMap<string, Peer>, byIndex: readonly (Peer | undefined)[]) {
    this.#core = core;
    this.#peers = peers;
    this.#byIndex = byIndex;
  }

  peers(now: Instant): PeerStatus[] {
    return [...this.#peers.values()].map((p) => this.#peer(p, now));
  }

  #peer(p: Peer, now: Instant): PeerStatus {
    const s = p.session;
    const c = s?.connection;
    return {
      peer: p.config.name,
      neighbor: p.config.neighbor,
      asn: p.config.asn,
      localAddress: p.config.localAddress ?? this.#core.config.localAddress,
      state: p.state,
      reason: p.reason,
      available: p.available,
      routesReceived: p.routes.fresh,
      routesAdvertised: s?.advertised ?? 0,
      connectedSeconds: s === undefined ? undefined : (now - s.since) / 1000,
      messagesSent: c?.messagesSent ?? 0,
      messagesReceived: c?.messagesReceived ?? 0,
      updatesSent: s?.updatesSent ?? 0,
      updatesReceived: s?.updatesReceived ?? 0,
      gracefulRestart: keepsOurRoutes(p),
      holdTime: p.timesInUse[0],
      keepaliveTime: p.timesInUse[1],
      families: s?.negotiated.families ?? [],
      peerRouterId: s === undefined ? undefined : dotted(p.facts.routerId),
      localPort: c?.localPort,
      remotePort: c?.remotePort,
      treatAsWithdraw: p.counters.treatAsWithdraw,
      attributeDiscards: p.counters.attributeDiscards,
    };
  }

  apiPeers(now: Instant): ApiBgpPeerStatus[] {
    return [...this.#peers.values()].map((p) => {
      const s = this.#peer(p, now);
      return {
        localAddress: s.localAddress,
        neighbor: s.neighbor,
        asn: s.asn,
        state: apiState(p),
        connectedDuration: s.connectedSeconds === undefined ? null : timeSpan(seconds(s.connectedSeconds)),
        routesReceived: s.routesReceived,
        messagesSent: s.messagesSent,
        messagesReceived: s.messagesReceived,
      };
    });
  }

  learnedRoutes(query: RouteQuery): GatewayRoute[] {
    const out: GatewayRoute[] = [];
    const limit = query.limit ?? DEFAULT_LIMIT;
    this.#eachPrefix(query, (rib, prefix) => {
      const best = rib.best(prefix);
      if (best !== 0) this.#pushLearned(out, rib, prefix, best, query);
      for (let p = rib.head(prefix); p !== 0; p = rib.paths.next[p]!) {
        if (p !== best && rib.decision.eligible(p)) this.#pushLearned(out, rib, prefix, p, query);
      }
      return out.length < limit;
    });
    return out.slice(0, limit);
  }

  #pushLearned(out: GatewayRoute[], rib: LocRib, prefix: number, path: number, query: RouteQuery): void {
    const peer = this.#byIndex[rib.paths.peer[path]!];
    if (query.peer !== undefined && peer?.config.name !== query.peer) return;
    const a = this.#core.attributes.get(rib.paths.used[path]!);
    const source = this.#core.facts[rib.paths.peer[path]!]!.source;
    const localAddress = peer?.config.localAddress ?? this.#core.config.localAddress;
    out.push({
      localAddress,
      network: rib.table.text(prefix),
      nextHop: source === "network" ? null : nextHopText(a),
      sourcePeer: peer?.config.neighbor ?? localAddress,
      origin: API_ORIGIN[source],
      asPath: dashedAsPath(a),
      weight: this.#core.config.weight ?? DEFAULT_WEIGHT,
    });
  }

  advertisedRoutes(query: RouteQuery & { readonly peer: string }): GatewayRoute[] {
    const peer = this.#peers.get(query.peer);
    const session = peer?.session;
    if (peer === undefined || session === undefined) return [];
    const out: GatewayRoute[] = [];
    const limit = query.limit ?? DEFAULT_LIMIT;
    const localAddress = session.connection.localAddress;
    this.#eachPrefix(query, (rib, prefix) => {
      const adj = session.out(rib.family);
      const a = adj?.isAdvertised(prefix) ? adj.outgoing(prefix) : undefined;
      if (a === undefined) return true;
      const source = this.#core.facts[rib.paths.peer[rib.best(prefix)]!]!.source;
      out.push({
        localAddress,
        network: rib.table.text(prefix),
        nextHop: nextHopText(a),
        sourcePeer: localAddress,
        origin: API_ORIGIN[source],
        asPath: asPathItems(a.asPath).join("-"),
        weight: this.#core.config.weight ?? DEFAULT_WEIGHT,
      });
      return out.length < limit;
    });
    return out;
  }

  why(text: string): Why | undefined {
    const wanted = parsePrefix(text);
    if (wanted === undefined) return undefined;
    const rib = this.#core.ribs[familyOfPrefix(wanted)];
    const prefix = rib.table.find(wanted);
    if (prefix === 0) return undefined;
    const reasons = new Map<number, string>();
    const equal = rib.decision.equals(rib.head(prefix), (path, step) =>
      reasons.set(path, `loses at step ${step}`),
    );
    const best = rib.best(prefix);
    const among = new Set(equal.paths.slice(0, equal.count));
    const paths: WhyPath[] = [];
    for (let p = rib.head(prefix); p !== 0; p = rib.paths.next[p]!) {
      paths.push(this.#whyPath(rib, prefix, p, best, among, reasons));
    }
    const order = ["best", "multipath", "loses", "not-eligible"];
    paths.sort((x, y) => order.indexOf(x.verdict) - order.indexOf(y.verdict));
    const advertisedTo: string[] = [];
    const withheldFrom: { peer: string; reason: string }[] = [];
    for (const peer of this.#peers.values()) {
      const out = peer.session?.out(rib.family);
      const reason = out === undefined ? `session is ${peer.state}` : out.withheld(prefix);
      if (reason === undefined) advertisedTo.push(peer.config.name);
      else withheldFrom.push({ peer: peer.config.name, reason });
    }
    return { prefix: wanted.text, paths, advertisedTo, withheldFrom };
  }

  #whyPath(
    rib: LocRib,
    prefix: number,
    path: number,
    best: number,
    equal: ReadonlySet<number>,
    reasons: ReadonlyMap<number, string>,
  ): WhyPath {
    const index = rib.paths.peer[path]!;
    const peer = this.#byIndex[index];
    const facts = this.#core.facts[index]!;
    const received = rib.paths.received[path]!;
    const a = this.#core.attributes.get(rib.paths.used[path] === 0 ? received : rib.paths.used[path]!);
    const eligible = rib.decision.eligible(path);
    const verdict =
      path === best ? "best" : !eligible ? "not-eligible" : equal.has(path) ? "multipath" : "loses";
    const refused = facts.usable
      ? peer?.routes.refusedBy(rib.family, prefix, received)
      : "its tunnel is down";
    const why = {
      best: equal.size > 1 ? "best of equal paths" : "the only path left",
      multipath: best === 0 ? "" : `equal; best by step ${rib.decision.tieBreaker(best, path)}`,
      loses: reasons.get(path) ?? "",
      "not-eligible": refused ?? "not eligible",
    };
    return {
      sourcePeer: peer?.config.neighbor ?? this.#core.config.localAddress,
      nextHop: facts.source === "network" ? null : nextHopText(a),
      asPath: dashedAsPath(a),
      localPref: a.localPref ?? DEFAULT_LOCAL_PREF,
      med: a.med ?? 0,
      origin: ORIGIN_NAMES[a.origin] ?? "INCOMPLETE",
      source: facts.source,
      verdict,
      reason: why[verdict],
    };
  }

  /** Until `visit` returns false. */
  #eachPrefix(query: RouteQuery, visit: (rib: LocRib, prefix: number) => boolean): void {
    const only = query.prefix === undefined ? undefined : parsePrefix(query.prefix);
    if (query.prefix !== undefined && only === undefined) return;
    for (const family of FAMILIES) {
      const rib = this.#core.ribs[family];
      if (only !== undefined) {
        if (familyOfPrefix(only) !== family) continue;
        const id = rib.table.find(only);
        if (id !== 0) visit(rib, id);
        continue;
      }
      for (const id of rib.table.ids()) if (!visit(rib, id)) return;
    }
  }
}

const dotted = (n: number): string => `${n >>> 24}.${(n >>> 16) & 0xff}.${(n >>> 8) & 0xff}.${n & 0xff}`;

/** The cloud's words (azure-vpn-gateway §3.2). */
function apiState(p: Peer): ApiBgpPeerStatus["state"] {
  if (!p.running) return "Stopped";
  if (p.state === "Established") return "Connected";
  return p.state === "Idle" ? "Idle" : "Connecting";
}

/** .NET's TimeSpan, `[d.]hh:mm:ss.fffffff`. */
export function timeSpan(duration: Duration): string {
  const ticks = Math.floor(duration * 10_000);
  const whole = Math.floor(ticks / 10_000_000);
  const two = (n: number): string => String(n).padStart(2, "0");
  const days = Math.floor(whole / 86_400);
  const clock = `${two(Math.floor(whole / 3600) % 24)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  const fraction = String(ticks % 10_000_000).padStart(7, "0");
  return `${days > 0 ? `${days}.` : ""}${clock}.${fraction}`;
}
