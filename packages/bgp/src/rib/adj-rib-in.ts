/**
 * Reading list: RFC 4271 §3.2, §5.1.3, §6.3 (martians), §9.1.2 (loops, next hops); RFC 4724 §4.2 (stale routes).
 * One peer's routes across its sessions: import, withdrawal, and the walks over the whole share of the table
 * (flush, re-import, re-decide), which are cut into slices.
 */
import { TransformCache } from "../attributes/transform-cache.ts";
import type { Family } from "../config.ts";
import { SLICE_PREFIXES } from "../constants.ts";
import { type Core, FAMILIES } from "../core.ts";
import type { Policy, RouteSource } from "../policy.ts";
import { PolicyProgram, REJECTED } from "../policy-program.ts";
import type { LocRib, PeerPaths } from "./loc-rib.ts";
import { isMartian } from "./martian.ts";

/** What a walk does to each path; several may be wanted at once. */
const Walk = { DROP_STALE: 1, REIMPORT: 2, REDECIDE: 4 } as const;

export class AdjRibIn {
  readonly #core: Core;
  readonly #source: RouteSource;
  readonly #shares: Readonly<Record<Family, PeerPaths>>;
  readonly #cache: TransformCache;
  #policy: PolicyProgram;
  /** The walk under way in each family: a new one joins it, and it starts over. */
  readonly #walks: Map<Family, number> = new Map();

  constructor(core: Core, peer: number, source: RouteSource, policy: Policy | undefined) {
    this.#core = core;
    this.#source = source;
    this.#shares = {
      "ipv4-unicast": core.ribs["ipv4-unicast"].addPeer(peer),
      "ipv6-unicast": core.ribs["ipv6-unicast"].addPeer(peer),
    };
    this.#policy = new PolicyProgram(policy);
    this.#cache = new TransformCache(core.attributes);
    core.attributes.addDependent(this.#cache);
  }

  /** Routes of the present session. */
  get fresh(): number {
    return this.#shares["ipv4-unicast"].fresh + this.#shares["ipv6-unicast"].fresh;
  }

  get held(): number {
    return this.#shares["ipv4-unicast"].count + this.#shares["ipv6-unicast"].count;
  }

  share(family: Family): PeerPaths {
    return this.#shares[family];
  }

  /** Well-formed NLRI in bytes[start..end), all with the received set. */
  announce(family: Family, bytes: Uint8Array, start: number, end: number, set: number): void {
    const rib = this.#core.ribs[family];
    const share = this.#shares[family];
    const usable = this.#usableSet(set);
    const plain = !usable || this.#policy.trivial;
    const used = usable ? set : 0;
    for (let at = start; at < end; ) {
      const bits = bytes[at]!;
      const prefix = rib.table.internWire(bytes, at + 1, bits);
      at += 1 + ((bits + 7) >> 3);
      const martian = isMartian(rib.table, prefix);
      rib.announce(prefix, share, set, martian ? 0 : plain ? used : this.#import(rib, prefix, set));
    }
  }

  withdraw(family: Family, bytes: Uint8Array, start: number, end: number): void {
    const rib = this.#core.ribs[family];
    const share = this.#shares[family];
    for (let at = start; at < end; ) {
      const bits = bytes[at]!;
      const prefix = rib.table.findWire(bytes, at + 1, bits);
      at += 1 + ((bits + 7) >> 3);
      if (prefix !== 0) rib.withdraw(prefix, share);
    }
  }

  /** The set after import, or 0 when the route is kept without being used. */
  #import(rib: LocRib, prefix: number, set: number): number {
    const attributes = this.#core.attributes.get(set);
    const outcome = this.#policy.evaluate(rib.table, prefix, attributes, this.#source, "");
    if (outcome === REJECTED) return 0;
    if (outcome === 0) return set;
    const known = this.#cache.get(set, outcome);
    if (known !== 0) return known;
    const changed = this.#policy.apply(outcome, attributes.values, this.#core.config.asn);
    const id = this.#core.attributes.addLocal(changed);
    this.#cache.put(set, outcome, id);
    return id;
  }

  /** What holds for every prefix with this set. */
  #usableSet(set: number): boolean {
    return this.unusable(set) === undefined;
  }

  /** Why a set makes a route not eligible, whatever its prefix. */
  unusable(set: number): string | undefined {
    const a = this.#core.attributes.get(set);
    if (a.looped) return "own AS in the path";
    if (a.nextHop4 >= 0 ? this.#core.isOwnIpv4(a.nextHop4) : this.#core.isOwnAddress(a.nextHop))
      return "next hop is our own address";
    if (a.originatorId === this.#core.routerId) return "originated by this speaker";
    return undefined;
  }

  /** In words, for `why`: undefined when import policy accepts the route. */
  refusedBy(family: Family, prefix: number, set: number): string | undefined {
    const problem = this.unusable(set);
    if (problem !== undefined) return problem;
    const table = this.#core.ribs[family].table;
    if (isMartian(table, prefix)) return "no unicast destination";
    const attributes = this.#core.attributes.get(set);
    const outcome = this.#policy.evaluate(table, prefix, attributes, this.#source, "");
    return outcome === REJECTED ? `policy: ${this.#policy.decidedBy}` : undefined;
  }

  replacePolicy(policy: Policy | undefined): void {
    this.#policy = new PolicyProgram(policy);
    this.#cache.clear();
    for (const family of FAMILIES) this.#walk(family, Walk.REIMPORT);
  }

  /** The peer's tunnel went up or down. */
  redecide(): void {
    for (const family of FAMILIES) this.#walk(family, Walk.REDECIDE);
  }

  /** RFC 4724 §4.2: routes stay in use until they are announced again or `dropStale`. */
  markStale(family: Family): void {
    this.#core.ribs[family].markStale(this.#shares[family]);
  }

  dropStale(family: Family): void {
    this.#walk(family, Walk.DROP_STALE);
  }

  /** Everything the peer ever said in the family is gone. */
  flush(family: Family): void {
    this.markStale(family);
    this.dropStale(family);
  }

  /** The peer itself is gone; call once its routes are. */
  close(): void {
    this.#core.attributes.removeDependent(this.#cache);
    this.#cache.clear();
  }

  #walk(family: Family, what: number): void {
    const share = this.#shares[family];
    const running = this.#walks.get(family);
    this.#walks.set(family, (running ?? 0) | what);
    share.cursor = share.head;
    if (running !== undefined) return;
    this.#core.schedule({
      step: () => {
        const rib = this.#core.ribs[family];
        const kinds = this.#walks.get(family)!;
        for (let n = 0; n < SLICE_PREFIXES && share.cursor !== 0; n++) {
          const path = share.cursor;
          share.cursor = rib.paths.peerNext[path]!;
          this.#visit(kinds, rib, path, share);
        }
        if (share.cursor !== 0) return false;
        this.#walks.delete(family);
        return true;
      },
    });
  }

  #visit(kinds: number, rib: LocRib, path: number, from: PeerPaths): void {
    if ((kinds & Walk.DROP_STALE) !== 0 && rib.isStale(path, from)) {
      rib.remove(path, from);
      return;
    }
    if ((kinds & Walk.REIMPORT) !== 0) {
      const set = rib.paths.received[path]!;
      const prefix = rib.paths.prefix[path]!;
      const usable = this.#usableSet(set) && !isMartian(rib.table, prefix);
      rib.reimport(path, usable ? this.#import(rib, prefix, set) : 0);
    }
    if ((kinds & Walk.REDECIDE) !== 0) rib.redecide(path);
  }
}
