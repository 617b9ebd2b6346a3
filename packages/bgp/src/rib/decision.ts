/**
 * Reading list: RFC 4271 §9.1.1-9.1.2, RFC 4456 §9, RFC 6286.
 *
 * Phase 2 as a table of numbered steps. Each removes the candidates that are worse than the best of the rest; what
 * survives the last step is the best path. Our departures:
 *   - step 1 and 2 stand before LOCAL_PREF: what we originate ourselves wins, and, where the seat is told so, iBGP is
 *     of last resort (DESIGN §3);
 *   - the interior cost of §9.1.2.2 (e) is absent: every next hop lies behind a tunnel, and all tunnels cost the same;
 *   - paths that survive step 7 are equal enough to be used at once (azure-vpn-gateway §3.2).
 */
import type { AttributeSet } from "../attributes/attribute-set.ts";
import { type AttributeTable, DEFAULT_LOCAL_PREF } from "../attributes/attribute-table.ts";
import type { RouteSource } from "../policy.ts";
import type { PathStore } from "./path-store.ts";

/** What the decision asks of the peer that a path came from. Index 0 is ourselves. */
export interface PeerFacts {
  readonly source: RouteSource;
  /** Paths count only while the peer's tunnel is up. */
  usable: boolean;
  /** BGP identifier from its OPEN. */
  routerId: number;
  readonly address: Uint8Array;
}

export interface DecisionOptions {
  readonly ibgpLastResort: boolean;
  readonly alwaysCompareMed: boolean;
}

export interface Candidates {
  /** Path ids; only the first `count` count. */
  readonly paths: number[];
  count: number;
}

interface Step {
  readonly number: number;
  readonly name: string;
  /** Smaller is better. */
  readonly key: (a: AttributeSet, peer: PeerFacts, options: DecisionOptions) => number;
}

const SOURCE_RANK: Readonly<Record<RouteSource, number>> = { network: 0, ebgp: 1, ibgp: 2 };

/** Step 6 is not a key: MED is compared within one neighbouring AS only. */
const BEFORE_MED: readonly Step[] = [
  {
    number: 1,
    name: "originated here",
    key: (_a, peer) => (peer.source === "network" ? 0 : 1),
  },
  {
    number: 2,
    name: "eBGP before iBGP of last resort",
    key: (_a, peer, options) => (options.ibgpLastResort && peer.source === "ibgp" ? 1 : 0),
  },
  // §9.1.1: the degree of preference.
  { number: 3, name: "highest LOCAL_PREF", key: (a) => -(a.localPref ?? DEFAULT_LOCAL_PREF) },
  // §9.1.2.2 (a)
  { number: 4, name: "shortest AS path", key: (a) => a.pathLength },
  // §9.1.2.2 (b)
  { number: 5, name: "lowest ORIGIN", key: (a) => a.origin },
];
const MED_STEP = "6 lowest MED from the same AS";
const AFTER_MED: readonly Step[] = [
  // §9.1.2.2 (d)
  { number: 7, name: "eBGP before iBGP", key: (_a, peer) => SOURCE_RANK[peer.source] },
];
const TIE_BREAK: readonly Step[] = [
  // §9.1.2.2 (f), with RFC 4456 §9: a reflected route counts under its originator.
  { number: 8, name: "lowest BGP identifier", key: (a, peer) => a.originatorId ?? peer.routerId },
  { number: 9, name: "shortest CLUSTER_LIST", key: (a) => a.clusterLength },
];
// §9.1.2.2 (g)
const ADDRESS_STEP = "10 lowest peer address";

/** Told of each path that a step removes. */
export type Loser = (path: number, step: string) => void;

export class Decision {
  readonly #paths: PathStore;
  readonly #attributes: AttributeTable;
  readonly #peers: readonly (PeerFacts | undefined)[];
  readonly #options: DecisionOptions;
  readonly #candidates: Candidates = { paths: [], count: 0 };
  readonly #scratch: number[] = [];

  constructor(
    paths: PathStore,
    attributes: AttributeTable,
    peers: readonly (PeerFacts | undefined)[],
    options: DecisionOptions,
  ) {
    this.#paths = paths;
    this.#attributes = attributes;
    this.#peers = peers;
    this.#options = options;
  }

  /** The best path of the list that starts at `head`, or 0. */
  best(head: number): number {
    const paths = this.#paths;
    let only = 0;
    let many = false;
    for (let p = head; p !== 0; p = paths.next[p]!) {
      if (!this.eligible(p)) continue;
      if (only !== 0) {
        many = true;
        break;
      }
      only = p;
    }
    if (!many) return only;
    const c = this.#collect(head);
    this.#narrow(c, undefined);
    this.#breakTies(c, undefined);
    return c.paths[0]!;
  }

  /** Every path that is as good as the best up to step 7, the best first. Valid until the next call. */
  equals(head: number, loser?: Loser): Candidates {
    const c = this.#collect(head);
    if (c.count < 2) return c;
    this.#narrow(c, loser);
    if (c.count < 2) return c;
    const all = c.paths.slice(0, c.count);
    this.#breakTies(c, undefined);
    const best = c.paths[0]!;
    c.paths[0] = best;
    let n = 1;
    for (const p of all) if (p !== best) c.paths[n++] = p;
    c.count = n;
    return c;
  }

  /** The name of the tie-break step that puts `winner` before `other`. */
  tieBreaker(winner: number, other: number): string {
    let step = ADDRESS_STEP;
    const c = { paths: [winner, other], count: 2 };
    this.#breakTies(c, (_path, name) => {
      step = name;
    });
    return step;
  }

  eligible(path: number): boolean {
    return this.#paths.used[path] !== 0 && this.#peers[this.#paths.peer[path]!]!.usable;
  }

  #collect(head: number): Candidates {
    const c = this.#candidates;
    c.count = 0;
    for (let p = head; p !== 0; p = this.#paths.next[p]!) if (this.eligible(p)) c.paths[c.count++] = p;
    return c;
  }

  #narrow(c: Candidates, loser: Loser | undefined): void {
    for (const step of BEFORE_MED) if (!this.#keep(c, step, loser)) return;
    if (!this.#keepLowestMed(c, loser)) return;
    for (const step of AFTER_MED) if (!this.#keep(c, step, loser)) return;
  }

  #breakTies(c: Candidates, loser: Loser | undefined): void {
    if (c.count < 2) return;
    for (const step of TIE_BREAK) if (!this.#keep(c, step, loser)) return;
    let best = c.paths[0]!;
    for (let i = 1; i < c.count; i++) {
      const p = c.paths[i]!;
      const order = compareBytes(this.#peer(p).address, this.#peer(best).address);
      loser?.(order < 0 ? best : p, ADDRESS_STEP);
      if (order < 0) best = p;
    }
    c.paths[0] = best;
    c.count = 1;
  }

  /** False when one candidate is left. */
  #keep(c: Candidates, step: Step, loser: Loser | undefined): boolean {
    let least = Infinity;
    for (let i = 0; i < c.count; i++) {
      const p = c.paths[i]!;
      const key = step.key(this.#set(p), this.#peer(p), this.#options);
      this.#scratch[i] = key;
      if (key < least) least = key;
    }
    let n = 0;
    for (let i = 0; i < c.count; i++) {
      const p = c.paths[i]!;
      if (this.#scratch[i] === least) c.paths[n++] = p;
      else loser?.(p, `${step.number} ${step.name}`);
    }
    c.count = n;
    return n > 1;
  }

  /**
   * §9.1.2.2 (c): a path goes when another of the same neighbouring AS has a lower MED; none counts as 0. An empty
   * path has the neighbour 0, so paths of our own AS are compared with each other.
   */
  #keepLowestMed(c: Candidates, loser: Loser | undefined): boolean {
    let n = 0;
    const all = c.paths.slice(0, c.count);
    for (const p of all) {
      const a = this.#set(p);
      const beaten = all.some((q) => {
        const b = this.#set(q);
        const comparable = this.#options.alwaysCompareMed || b.neighborAs === a.neighborAs;
        return comparable && (b.med ?? 0) < (a.med ?? 0);
      });
      if (!beaten) c.paths[n++] = p;
      else loser?.(p, MED_STEP);
    }
    c.count = n;
    return n > 1;
  }

  #set(path: number): AttributeSet {
    return this.#attributes.get(this.#paths.used[path]!);
  }

  #peer(path: number): PeerFacts {
    return this.#peers[this.#paths.peer[path]!]!;
  }
}

/** Shorter (IPv4) before longer, then in network order. */
function compareBytes(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return a.length - b.length;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}
