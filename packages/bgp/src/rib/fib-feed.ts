/**
 * Turns changes of the Loc-RIB into FIB entries: the best path and those equal to it, as (next hop, peer).
 * A reader like a peer: it is told the latest state once, however often a prefix changed. Entries are compared by
 * their interned next-hop group, so a change that leaves the next hops alone is no news.
 */
import { type AttributeTable, nextHopText } from "../attributes/attribute-table.ts";
import { FIB_BATCH } from "../constants.ts";
import type { BgpEffect, FibNextHop, FibRoute } from "../events.ts";
import type { ChangeReader } from "./change-list.ts";
import type { PeerFacts } from "./decision.ts";
import { growInt32 } from "./growable.ts";
import type { LocRib } from "./loc-rib.ts";

interface Group {
  readonly key: string;
  readonly nextHops: readonly FibNextHop[];
  readonly source: "ebgp" | "ibgp";
  references: number;
}

export class FibFeed {
  readonly #rib: LocRib;
  readonly #attributes: AttributeTable;
  readonly #peers: readonly (PeerFacts | undefined)[];
  readonly #nameOf: (peer: number) => string;
  readonly #maximumPaths: number;
  readonly #reader: ChangeReader;
  /** Group by prefix; 0: not in the FIB. */
  #installed: Int32Array = new Int32Array(0);
  readonly #groups: (Group | undefined)[] = [undefined];
  readonly #groupOf: Map<string, number> = new Map();
  readonly #free: number[] = [];

  constructor(
    rib: LocRib,
    attributes: AttributeTable,
    peers: readonly (PeerFacts | undefined)[],
    nameOf: (peer: number) => string,
    maximumPaths: number,
  ) {
    this.#rib = rib;
    this.#attributes = attributes;
    this.#peers = peers;
    this.#nameOf = nameOf;
    this.#maximumPaths = maximumPaths;
    this.#reader = rib.changes.join();
  }

  get pending(): boolean {
    return this.#rib.changes.hasNews(this.#reader);
  }

  /** One batch of news; undefined when a look at up to `FIB_BATCH` changed prefixes found none. */
  next(): BgpEffect | undefined {
    const set: FibRoute[] = [];
    const remove: string[] = [];
    const rib = this.#rib;
    if (this.#installed.length < rib.table.capacity) {
      this.#installed = growInt32(this.#installed, rib.table.capacity);
    }
    for (let looked = 0; looked < FIB_BATCH; looked++) {
      const prefix = rib.changes.advance(this.#reader);
      if (prefix === 0) break;
      const wanted = this.#wanted(prefix);
      const had = this.#installed[prefix]!;
      if (wanted === had) continue;
      this.#installed[prefix] = wanted;
      if (wanted !== 0) {
        const group = this.#groups[wanted]!;
        group.references++;
        set.push({ prefix: rib.table.text(prefix), nextHops: group.nextHops, source: group.source });
      } else remove.push(rib.table.text(prefix));
      if (had !== 0) this.#release(had);
    }
    return set.length + remove.length === 0 ? undefined : { kind: "routes-changed", set, remove };
  }

  #wanted(prefix: number): number {
    const best = this.#rib.best(prefix);
    if (best === 0) return 0;
    const paths = this.#rib.paths;
    const source = this.#peers[paths.peer[best]!]!.source;
    if (source === "network") return 0;
    const head = this.#rib.head(prefix);
    if (this.#maximumPaths === 1 || paths.next[head] === 0) {
      return this.#group(this.#keyOf(best), source, [best]);
    }
    const equal = this.#rib.equals(prefix);
    const chosen = equal.paths.slice(0, Math.min(equal.count, this.#maximumPaths));
    // The order of arrival must not show: equal sets in another order are the same entry.
    const sorted = chosen.toSorted((a, b) => paths.peer[a]! - paths.peer[b]!);
    return this.#group(sorted.map((p) => this.#keyOf(p)).join(" "), source, sorted);
  }

  #keyOf(path: number): string {
    const paths = this.#rib.paths;
    return `${paths.peer[path]}|${nextHopText(this.#attributes.get(paths.used[path]!))}`;
  }

  #group(key: string, source: "ebgp" | "ibgp", members: readonly number[]): number {
    const found = this.#groupOf.get(key);
    if (found !== undefined) return found;
    const paths = this.#rib.paths;
    const nextHops = members.map((p) => ({
      address: nextHopText(this.#attributes.get(paths.used[p]!)),
      peer: this.#nameOf(paths.peer[p]!),
    }));
    const id = this.#free.pop() ?? this.#groups.length;
    this.#groups[id] = { key, nextHops, source, references: 0 };
    this.#groupOf.set(key, id);
    return id;
  }

  #release(id: number): void {
    const group = this.#groups[id]!;
    group.references--;
    if (group.references > 0) return;
    this.#groupOf.delete(group.key);
    this.#groups[id] = undefined;
    this.#free.push(id);
  }
}
