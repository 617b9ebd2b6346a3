/**
 * Reading list: RFC 4271 §3.2, §9.1.3, §9.2; RFC 1997; RFC 4760; RFC 4724 §4.1 (End-of-RIB).
 * What one peer has been told of one family: a column of encoded attribute sets, and a reader of the Loc-RIB's
 * changes that brings it up to date. A prefix that changed ten times while the peer did not read is sent once.
 *
 * Departure: MinRouteAdvertisementIntervalTimer (§9.2.1.1) is 0. The same damping comes from the reader: while a
 * peer is busy, changes gather.
 */
import { prependAs } from "../attributes/as-path.ts";
import type { AttributeSet } from "../attributes/attribute-set.ts";
import { type AttributeTable, DEFAULT_LOCAL_PREF } from "../attributes/attribute-table.ts";
import { encodeAttributes } from "../attributes/encode.ts";
import type { PathAttributes } from "../attributes/path-attributes.ts";
import { rewritePlain } from "../attributes/plain-scan.ts";
import { TransformCache } from "../attributes/transform-cache.ts";
import { MAXIMUM_MESSAGE_LENGTH, SLICE_PREFIXES, WRITE_BYTES } from "../constants.ts";
import type { Job } from "../core.ts";
import { type PolicyProgram, REJECTED } from "../policy-program.ts";
import { Batch } from "./batch.ts";
import type { ByteInterner } from "./byte-interner.ts";
import type { ChangeReader } from "./change-list.ts";
import type { PeerFacts } from "./decision.ts";
import { growInt32 } from "./growable.ts";
import type { LocRib } from "./loc-rib.ts";
import { MAXIMUM_ATTRIBUTES, type UpdateEncoder } from "./update-encoder.ts";

/** What the session and the configuration say about sending to the peer. */
export interface ExportContext {
  readonly peer: number;
  readonly external: boolean;
  readonly localAsn: number;
  readonly fourOctetAs: boolean;
  /** 4 or 16 bytes, by family. */
  readonly nextHop: Uint8Array;
  readonly nextHopSelf: boolean;
}

const IPV4_SALT = 4;
const IPV6_SALT = 6;
/** Where a rewritten set stands until it is interned: longer than any message. */
const REWRITTEN: Uint8Array = new Uint8Array(2 * MAXIMUM_MESSAGE_LENGTH);

/** Why a prefix is not sent; for `why`. */
export type Withheld = string;

/** Filled and emptied within one `produce`, so one serves all. */
const BATCH: Batch = new Batch();

export class AdjRibOut {
  readonly #rib: LocRib;
  readonly #attributes: AttributeTable;
  readonly #encoded: ByteInterner;
  readonly #context: ExportContext;
  readonly #peers: readonly (PeerFacts | undefined)[];
  readonly #tagOf: (prefix: number) => string;
  readonly #cache: TransformCache;
  readonly #reader: ChangeReader;
  #policy: PolicyProgram;
  /** Encoded set by prefix; 0: not advertised. */
  #sent: Int32Array = new Int32Array(0);
  /** Changes up to this stamp are sent even when the peer was told the same before (route refresh). */
  #repeatUpTo = 0;
  #endOfRibDue = true;
  advertised = 0;

  constructor(
    rib: LocRib,
    attributes: AttributeTable,
    encoded: ByteInterner,
    peers: readonly (PeerFacts | undefined)[],
    policy: PolicyProgram,
    context: ExportContext,
    tagOf: (prefix: number) => string,
  ) {
    this.#rib = rib;
    this.#attributes = attributes;
    this.#encoded = encoded;
    this.#peers = peers;
    this.#policy = policy;
    this.#context = context;
    this.#tagOf = tagOf;
    this.#cache = new TransformCache({
      retain: (id) => encoded.retain(id),
      release: (id) => {
        encoded.release(id);
      },
    });
    attributes.addDependent(this.#cache);
    this.#reader = rib.changes.join();
  }

  get pending(): boolean {
    return this.#endOfRibDue || this.#rib.changes.hasNews(this.#reader);
  }

  /** Everything will be looked at again; only differences are sent. */
  replacePolicy(policy: PolicyProgram): void {
    this.#policy = policy;
    this.#cache.clear();
    this.#rib.changes.rewind(this.#reader);
  }

  /** RFC 2918 §4: the whole Adj-RIB-Out again. */
  refresh(): void {
    this.#repeatUpTo = this.#rib.changes.stamp;
    this.#endOfRibDue = true;
    this.#rib.changes.rewind(this.#reader);
  }

  /** The session is over. What was advertised is let go in the slices of the job that comes back. */
  close(): Job {
    this.#rib.changes.leave(this.#reader);
    let at = 0;
    return {
      step: () => {
        const end = Math.min(this.#sent.length, at + 4 * SLICE_PREFIXES);
        for (; at < end; at++) {
          const id = this.#sent[at]!;
          if (id !== 0) this.#encoded.release(id);
        }
        if (at < this.#sent.length || !this.#cache.clearSome(SLICE_PREFIXES)) return false;
        this.#attributes.removeDependent(this.#cache);
        return true;
      },
    };
  }

  /** Encodes one slice of news. Returns how many prefixes were looked at. */
  produce(encoder: UpdateEncoder): number {
    const rib = this.#rib;
    if (this.#sent.length < rib.table.capacity) this.#sent = growInt32(this.#sent, rib.table.capacity);
    const withdrawn: number[] = [];
    const batch = BATCH;
    let looked = 0;
    let size = 0;
    while (looked < SLICE_PREFIXES && size < WRITE_BYTES) {
      const prefix = rib.changes.advance(this.#reader);
      if (prefix === 0) break;
      looked++;
      const wanted = this.#wanted(prefix);
      const had = this.#sent[prefix]!;
      if (wanted === had && (wanted === 0 || rib.changes.stampOf(prefix) > this.#repeatUpTo)) continue;
      this.#exchange(prefix, had, wanted);
      if (wanted === 0) {
        withdrawn.push(prefix);
      } else {
        if (batch.add(wanted, prefix)) size += 64 + this.#encoded.keyLength(wanted);
      }
      size += 5;
    }
    this.#encode(encoder, withdrawn);
    if (this.#endOfRibDue && !rib.changes.hasNews(this.#reader)) {
      this.#endOfRibDue = false;
      encoder.endOfRib(rib.family);
    }
    return looked;
  }

  #encode(encoder: UpdateEncoder, withdrawn: readonly number[]): void {
    const rib = this.#rib;
    if (withdrawn.length > 0) encoder.withdraw(rib.family, rib.table, withdrawn, withdrawn.length);
    const hop = rib.table.wide ? 16 : 0;
    const batch = BATCH;
    for (let i = 0; i < batch.sets; i++) {
      const key = this.#encoded.key(batch.setAt(i));
      const attributes = hop === 0 ? key : key.subarray(hop);
      const count = batch.gather(i);
      encoder.announce(
        rib.family,
        rib.table,
        attributes,
        hop === 0 ? key : key.subarray(0, hop),
        batch.gathered,
        count,
      );
    }
    batch.clear();
  }

  #exchange(prefix: number, had: number, wanted: number): void {
    this.#sent[prefix] = wanted;
    if (had === wanted) return;
    if (wanted !== 0) this.#encoded.retain(wanted);
    if (had !== 0) this.#encoded.release(had);
    this.advertised += (wanted !== 0 ? 1 : 0) - (had !== 0 ? 1 : 0);
  }

  /** The encoded set that the peer should have for the prefix now, or 0. */
  #wanted(prefix: number): number {
    const path = this.#rib.best(prefix);
    if (path === 0) return 0;
    const set = this.#rib.paths.used[path]!;
    const outcome = this.#allowed(prefix, path, set);
    if (typeof outcome === "string") return 0;
    const known = this.#cache.get(set, outcome);
    if (known !== 0) return known;
    const id = this.#transform(set, outcome);
    if (id === 0) return 0;
    this.#cache.put(set, outcome, id);
    return id;
  }

  /** The policy's outcome, or in words why the route is not sent. */
  #allowed(prefix: number, path: number, set: number): number | Withheld {
    const from = this.#rib.paths.peer[path]!;
    if (from === this.#context.peer) return "learned from this peer";
    const source = this.#peers[from]!.source;
    // §9.2: no route reflection.
    if (source === "ibgp" && !this.#context.external) return "learned by iBGP";
    const attributes = this.#attributes.get(set);
    if (attributes.noAdvertise) return "community no-advertise";
    if (attributes.noExport && this.#context.external) return "community no-export";
    if (this.#policy.trivial) return 0;
    const tag = source === "network" ? this.#tagOf(prefix) : "";
    const outcome = this.#policy.evaluate(this.#rib.table, prefix, attributes, source, tag);
    return outcome === REJECTED ? `policy: ${this.#policy.decidedBy}` : outcome;
  }

  /** Undefined when the peer gets the prefix's best path. */
  withheld(prefix: number): Withheld | undefined {
    const path = this.#rib.best(prefix);
    if (path === 0) return "no best path";
    const outcome = this.#allowed(prefix, path, this.#rib.paths.used[path]!);
    if (typeof outcome === "string") return outcome;
    return this.#wanted(prefix) === 0 ? "attributes do not fit into a message" : undefined;
  }

  isAdvertised(prefix: number): boolean {
    return prefix < this.#sent.length && this.#sent[prefix] !== 0;
  }

  /** What the best path looks like when it is sent to the peer. */
  outgoing(prefix: number): PathAttributes | undefined {
    const path = this.#rib.best(prefix);
    if (path === 0) return undefined;
    const set = this.#rib.paths.used[path]!;
    const outcome = this.#allowed(prefix, path, set);
    return typeof outcome === "string" ? undefined : this.#rewrite(this.#attributes.get(set), outcome);
  }

  #transform(set: number, outcome: number): number {
    const plain = this.#attributes.get(set).plain;
    const { external, fourOctetAs, localAsn, nextHop } = this.#context;
    if (plain !== undefined && outcome === 0 && external && fourOctetAs && !this.#rib.table.wide) {
      const length = rewritePlain(plain, localAsn, nextHop, REWRITTEN);
      if (length > 0) return this.#encoded.intern(REWRITTEN, 0, length, IPV4_SALT);
    }
    const out = this.#rewrite(this.#attributes.get(set), outcome);
    const wide = this.#rib.table.wide;
    const wire = encodeAttributes(out, { fourOctetAs: this.#context.fourOctetAs, nextHop: !wide });
    if (wire.length > MAXIMUM_ATTRIBUTES) return 0;
    if (!wide) return this.#encoded.intern(wire, 0, wire.length, IPV4_SALT);
    const key = new Uint8Array(16 + wire.length);
    key.set(out.nextHop);
    key.set(wire, 16);
    return this.#encoded.intern(key, 0, key.length, IPV6_SALT);
  }

  /** §5.1: each attribute as it has to leave. */
  #rewrite(a: AttributeSet, outcome: number): PathAttributes {
    const c = this.#context;
    // MED of a neighbour goes no further (§5.1.4); policy may set a new one.
    const fromOutside = a.asPath.length > 0;
    const start: PathAttributes = c.external
      ? { ...a.values, med: fromOutside ? undefined : a.med }
      : a.values;
    const changed = outcome === 0 ? start : this.#policy.apply(outcome, start, c.localAsn);
    return {
      origin: changed.origin,
      asPath: c.external ? prependAs(changed.asPath, c.localAsn, 1) : changed.asPath,
      nextHop: c.external || c.nextHopSelf || a.nextHop.length !== c.nextHop.length ? c.nextHop : a.nextHop,
      med: changed.med,
      localPref: c.external ? undefined : (changed.localPref ?? DEFAULT_LOCAL_PREF),
      atomicAggregate: changed.atomicAggregate,
      aggregator: changed.aggregator,
      communities: changed.communities,
      largeCommunities: changed.largeCommunities,
      originatorId: c.external ? undefined : changed.originatorId,
      clusterList: c.external ? undefined : changed.clusterList,
      ...(changed.partial === undefined ? {} : { partial: changed.partial }),
      opaque: changed.opaque,
    };
  }
}
