/**
 * Reading list: RFC 4271 §3.2, §9.1. The routes of one family: every path that peers sent (Adj-RIB-In), the best
 * path of each prefix (Loc-RIB), and the order in which bests changed. One change costs what its own prefix costs.
 */
import type { AttributeTable } from "../attributes/attribute-table.ts";
import type { Family } from "../config.ts";
import { ChangeList } from "./change-list.ts";
import { type Candidates, Decision, type DecisionOptions, type PeerFacts } from "./decision.ts";
import { growInt32, growUint8 } from "./growable.ts";
import { PathStore } from "./path-store.ts";
import { PrefixTable } from "./prefix-table.ts";

/** One peer's share of the table. */
export interface PeerPaths {
  readonly peer: number;
  head: number;
  /** All its paths, stale ones included. */
  count: number;
  /** Those of the present session. */
  fresh: number;
  /** Paths of another generation are stale. */
  generation: number;
  /** Where a walk over the list stands; moved on when its path goes away. */
  cursor: number;
}

export class LocRib {
  readonly family: Family;
  readonly table: PrefixTable;
  readonly paths: PathStore = new PathStore();
  readonly changes: ChangeList = new ChangeList();
  readonly decision: Decision;
  readonly #attributes: AttributeTable;
  /** A change of the equal-cost set is news even when the best path stays. */
  readonly #multipath: boolean;
  #head: Int32Array;
  #best: Int32Array;
  readonly #peers: (PeerPaths | undefined)[] = [];
  /** Prefixes without paths, which go when every reader has seen that; a flag keeps each in the queue once. */
  #dead: number[] = [];
  #deadFrom = 0;
  #isDead: Uint8Array;
  /** Prefixes that have a best path. */
  reachable = 0;

  constructor(
    family: Family,
    attributes: AttributeTable,
    peers: readonly (PeerFacts | undefined)[],
    options: DecisionOptions & { readonly multipath: boolean },
  ) {
    this.family = family;
    this.table = new PrefixTable(family === "ipv6-unicast");
    this.#attributes = attributes;
    this.#multipath = options.multipath;
    this.decision = new Decision(this.paths, attributes, peers, options);
    this.#head = new Int32Array(this.table.capacity);
    this.#best = new Int32Array(this.table.capacity);
    this.#isDead = new Uint8Array(this.table.capacity);
  }

  addPeer(peer: number): PeerPaths {
    const state: PeerPaths = { peer, head: 0, count: 0, fresh: 0, generation: 0, cursor: 0 };
    this.#peers[peer] = state;
    return state;
  }

  removePeer(peer: number): void {
    this.#peers[peer] = undefined;
  }

  /** The best path of a prefix id, or 0. */
  best(prefix: number): number {
    return prefix < this.#best.length ? this.#best[prefix]! : 0;
  }

  head(prefix: number): number {
    return this.#head[prefix]!;
  }

  equals(prefix: number): Candidates {
    return this.decision.equals(this.#head[prefix]!);
  }

  pathOf(prefix: number, peer: number): number {
    let path = this.#head[prefix]!;
    while (path !== 0 && this.paths.peer[path] !== peer) path = this.paths.next[path]!;
    return path;
  }

  /** `prefix` must come from `table.intern*` just now. `used` 0: kept, but not eligible. */
  announce(prefix: number, from: PeerPaths, received: number, used: number): void {
    if (prefix >= this.#head.length) this.#grow();
    const paths = this.paths;
    let path = this.pathOf(prefix, from.peer);
    if (path === 0) {
      path = this.#insert(prefix, from);
      this.#attributes.retain(received);
      if (used !== 0) this.#attributes.retain(used);
    } else {
      const sameGeneration = paths.generation[path] === from.generation;
      if (!sameGeneration) {
        paths.generation[path] = from.generation;
        from.fresh++;
      }
      const oldReceived = paths.received[path]!;
      const oldUsed = paths.used[path]!;
      if (oldReceived === received && oldUsed === used) return;
      this.#attributes.retain(received);
      if (used !== 0) this.#attributes.retain(used);
      this.#attributes.release(oldReceived);
      if (oldUsed !== 0) this.#attributes.release(oldUsed);
    }
    paths.received[path] = received;
    paths.used[path] = used;
    this.#decide(prefix, path);
  }

  /** Takes back the peer's path to the prefix, if it has one. */
  withdraw(prefix: number, from: PeerPaths): void {
    const path = this.pathOf(prefix, from.peer);
    if (path !== 0) this.remove(path, from);
  }

  remove(path: number, from: PeerPaths): void {
    const paths = this.paths;
    const prefix = paths.prefix[path]!;
    if (this.#head[prefix] === path) this.#head[prefix] = paths.next[path]!;
    else {
      let before = this.#head[prefix]!;
      while (paths.next[before] !== path) before = paths.next[before]!;
      paths.next[before] = paths.next[path]!;
    }
    const previous = paths.peerPrevious[path]!;
    const next = paths.peerNext[path]!;
    if (previous === 0) from.head = next;
    else paths.peerNext[previous] = next;
    if (next !== 0) paths.peerPrevious[next] = previous;
    if (from.cursor === path) from.cursor = next;
    from.count--;
    if (paths.generation[path] === from.generation) from.fresh--;
    this.#attributes.release(paths.received[path]!);
    if (paths.used[path] !== 0) this.#attributes.release(paths.used[path]!);
    paths.used[path] = 0;
    paths.free(path);
    this.#decide(prefix, path);
    if (this.#head[prefix] === 0) this.#bury(prefix);
  }

  /** Marks every path of the peer stale at once. */
  markStale(from: PeerPaths): void {
    from.generation = (from.generation + 1) & 0xff;
    from.fresh = 0;
  }

  isStale(path: number, from: PeerPaths): boolean {
    return this.paths.generation[path] !== from.generation;
  }

  /** Replaces what import policy made of a path. */
  reimport(path: number, used: number): void {
    const old = this.paths.used[path]!;
    if (old === used) return;
    if (used !== 0) this.#attributes.retain(used);
    this.paths.used[path] = used;
    if (old !== 0) this.#attributes.release(old);
    this.#decide(this.paths.prefix[path]!, path);
  }

  /** Decides again because something outside the paths changed (a tunnel, a router id). */
  redecide(path: number): void {
    this.#decide(this.paths.prefix[path]!, path);
  }

  /** Frees prefixes that have no path left and that every reader knows to be gone. */
  collect(): void {
    if (this.#deadFrom === this.#dead.length) return;
    const read = this.changes.readByAll();
    while (this.#deadFrom < this.#dead.length) {
      const prefix = this.#dead[this.#deadFrom]!;
      if (this.#head[prefix] === 0 && this.changes.stampOf(prefix) > read) break;
      this.#deadFrom++;
      this.#isDead[prefix] = 0;
      if (this.#head[prefix] !== 0) continue;
      this.changes.drop(prefix);
      this.table.remove(prefix);
    }
    if (this.#deadFrom > 4096 && this.#deadFrom * 2 > this.#dead.length) {
      this.#dead = this.#dead.slice(this.#deadFrom);
      this.#deadFrom = 0;
    }
  }

  /** A prefix that was looked up with `intern` but got no path must be given back. */
  releaseIfUnused(prefix: number): void {
    if (prefix >= this.#head.length) this.#grow();
    if (this.#head[prefix] === 0 && this.#isDead[prefix] === 0) this.table.remove(prefix);
  }

  #bury(prefix: number): void {
    if (this.#isDead[prefix] === 1) return;
    this.#isDead[prefix] = 1;
    this.#dead.push(prefix);
  }

  #insert(prefix: number, from: PeerPaths): number {
    const path = this.paths.allocate();
    const paths = this.paths;
    paths.prefix[path] = prefix;
    paths.peer[path] = from.peer;
    paths.generation[path] = from.generation;
    paths.next[path] = this.#head[prefix]!;
    this.#head[prefix] = path;
    paths.peerNext[path] = from.head;
    paths.peerPrevious[path] = 0;
    if (from.head !== 0) paths.peerPrevious[from.head] = path;
    from.head = path;
    from.count++;
    from.fresh++;
    return path;
  }

  /** `changed` is the path that is new, different or gone. */
  #decide(prefix: number, changed: number): void {
    const head = this.#head[prefix]!;
    const old = this.#best[prefix]!;
    const single = head === 0 || this.paths.next[head] === 0;
    const best = single ? (head !== 0 && this.decision.eligible(head) ? head : 0) : this.decision.best(head);
    this.#best[prefix] = best;
    if (old === 0 && best !== 0) this.reachable++;
    else if (old !== 0 && best === 0) this.reachable--;
    if (best !== old || best === changed || (this.#multipath && best !== 0)) this.changes.touch(prefix);
  }

  #grow(): void {
    const length = this.table.capacity;
    this.#head = growInt32(this.#head, length);
    this.#best = growInt32(this.#best, length);
    this.#isDead = growUint8(this.#isDead, length);
  }
}
