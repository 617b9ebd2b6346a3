/** Prefixes that the speaker originates (RFC 4271 §9.4): paths of peer 0, which is the speaker itself. */
import { type Prefix, parsePrefix } from "@tandem/wire";
import { EMPTY_AS_PATH } from "./attributes/as-path.ts";
import type { AttributeTable } from "./attributes/attribute-table.ts";
import type { Family } from "./config.ts";
import { Origin } from "./iana.ts";
import type { LocRib, PeerPaths } from "./rib/loc-rib.ts";

export class Networks {
  readonly #ribs: Readonly<Record<Family, LocRib>>;
  readonly #attributes: AttributeTable;
  readonly #shares: Readonly<Record<Family, PeerPaths>>;
  readonly #tags: Readonly<Record<Family, Map<number, string>>> = {
    "ipv4-unicast": new Map(),
    "ipv6-unicast": new Map(),
  };

  constructor(ribs: Readonly<Record<Family, LocRib>>, attributes: AttributeTable) {
    this.#ribs = ribs;
    this.#attributes = attributes;
    this.#shares = {
      "ipv4-unicast": ribs["ipv4-unicast"].addPeer(0),
      "ipv6-unicast": ribs["ipv6-unicast"].addPeer(0),
    };
  }

  tag(family: Family, prefix: number): string {
    return this.#tags[family].get(prefix) ?? "";
  }

  /** False when the text is no prefix. */
  set(text: string, tag: string, med: number | undefined): boolean {
    const prefix = parsePrefix(text);
    if (prefix === undefined) return false;
    const family = familyOfPrefix(prefix);
    const rib = this.#ribs[family];
    const set = this.#attributes.addLocal({
      origin: Origin.IGP,
      asPath: EMPTY_AS_PATH,
      nextHop: new Uint8Array(0),
      med,
      localPref: undefined,
      atomicAggregate: false,
      aggregator: undefined,
      communities: undefined,
      largeCommunities: undefined,
      originatorId: undefined,
      clusterList: undefined,
      opaque: [],
    });
    const id = rib.table.intern(prefix);
    const retagged = this.#tags[family].get(id) !== tag;
    this.#tags[family].set(id, tag);
    this.#attributes.retain(set);
    rib.announce(id, this.#shares[family], set, set);
    this.#attributes.release(set);
    if (retagged) rib.changes.touch(id);
    return true;
  }

  remove(text: string): boolean {
    const prefix = parsePrefix(text);
    if (prefix === undefined) return false;
    const family = familyOfPrefix(prefix);
    const id = this.#ribs[family].table.find(prefix);
    if (id === 0 || !this.#tags[family].delete(id)) return false;
    this.#ribs[family].withdraw(id, this.#shares[family]);
    return true;
  }
}

export const familyOfPrefix = (prefix: Prefix): Family =>
  prefix.family === 4 ? "ipv4-unicast" : "ipv6-unicast";
