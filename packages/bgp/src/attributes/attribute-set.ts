/** One set of path attributes, with what the decision and the export ask again and again as plain fields. */

import type { ByteInterner } from "../rib/byte-interner.ts";
import { asPathContains, asPathLength, neighborAs } from "./as-path.ts";
import { listContains, parseCommunity } from "./community.ts";
import { decodeAttributes } from "./decode.ts";
import type { OpaqueAttribute, PathAttributes } from "./path-attributes.ts";
import type { PlainScan } from "./plain-scan.ts";

const NO_EXPORT = parseCommunity("no-export");
const NO_ADVERTISE = parseCommunity("no-advertise");
const NO_EXPORT_SUBCONFED = parseCommunity("no-export-subconfed");

export class AttributeSet implements PathAttributes {
  readonly origin: number;
  readonly med: number | undefined;
  readonly localPref: number | undefined;
  readonly originatorId: number | undefined;
  readonly clusterLength: number;
  readonly pathLength: number;
  readonly neighborAs: number;
  /** Our own AS is in the path (RFC 4271 §9.1.2). */
  readonly looped: boolean;
  /** RFC 1997: stays within the AS; stays here. */
  readonly noExport: boolean;
  readonly noAdvertise: boolean;
  /** Attributes that were dropped from the bytes this came in (RFC 7606 attribute-discard). */
  readonly discards: number;
  /** An IPv4 next hop as a number; -1 for any other. */
  readonly nextHop4: number;
  /** Where the bytes of a set are that `scanPlain` understood: all there is to it. */
  readonly #keys: ByteInterner | undefined;
  readonly #key: number;
  #decoded: PathAttributes | undefined;

  private constructor(
    keys: ByteInterner | undefined,
    key: number,
    decoded: PathAttributes | undefined,
    scan: PlainScan,
    originatorId: number | undefined,
    clusterLength: number,
    communities: Uint8Array | undefined,
    discards: number,
  ) {
    this.#keys = keys;
    this.#key = key;
    this.#decoded = decoded;
    this.origin = scan.origin;
    this.med = scan.med < 0 ? undefined : scan.med;
    this.localPref = scan.localPref < 0 ? undefined : scan.localPref;
    this.originatorId = originatorId;
    this.clusterLength = clusterLength;
    this.pathLength = scan.pathLength;
    this.neighborAs = scan.neighborAs;
    this.looped = scan.looped;
    this.noExport =
      communities !== undefined &&
      (listContains(communities, NO_EXPORT) || listContains(communities, NO_EXPORT_SUBCONFED));
    this.noAdvertise = communities !== undefined && listContains(communities, NO_ADVERTISE);
    this.discards = discards;
    this.nextHop4 = scan.nextHop;
  }

  /** `key` names the attributes that were scanned, for as long as the set is held. */
  static fromPlain(keys: ByteInterner, key: number, scan: PlainScan): AttributeSet {
    const communities =
      scan.communities === 0
        ? undefined
        : keys.key(key).subarray(scan.communities, scan.communities + scan.communitiesLength);
    return new AttributeSet(keys, key, undefined, scan, undefined, 0, communities, 0);
  }

  static fromDecoded(a: PathAttributes, asn: number, discards: number): AttributeSet {
    const hop = a.nextHop;
    const scan: PlainScan = {
      origin: a.origin,
      pathLength: asPathLength(a.asPath),
      neighborAs: neighborAs(a.asPath),
      looped: asPathContains(a.asPath, asn),
      nextHop: hop.length === 4 ? ((hop[0]! << 24) | (hop[1]! << 16) | (hop[2]! << 8) | hop[3]!) >>> 0 : -1,
      med: a.med ?? -1,
      localPref: a.localPref ?? -1,
      communities: 0,
      communitiesLength: 0,
    };
    const clusters = a.clusterList?.length ?? 0;
    return new AttributeSet(undefined, 0, a, scan, a.originatorId, clusters, a.communities, discards);
  }

  /** The bytes of a set that `scanPlain` understood. */
  get plain(): Uint8Array | undefined {
    return this.#keys?.key(this.#key);
  }

  get asPath(): Uint8Array {
    return this.#full().asPath;
  }

  get nextHop(): Uint8Array {
    return this.#full().nextHop;
  }

  get atomicAggregate(): boolean {
    return this.#full().atomicAggregate;
  }

  get aggregator(): Uint8Array | undefined {
    return this.#full().aggregator;
  }

  get communities(): Uint8Array | undefined {
    return this.#full().communities;
  }

  get largeCommunities(): Uint8Array | undefined {
    return this.#full().largeCommunities;
  }

  get clusterList(): Uint8Array | undefined {
    return this.#full().clusterList;
  }

  get partial(): readonly number[] {
    return this.#full().partial ?? [];
  }

  get opaque(): readonly OpaqueAttribute[] {
    return this.#full().opaque;
  }

  /** All of it as a value. */
  get values(): PathAttributes {
    return this.#full();
  }

  /** Decoded when somebody asks for it: most sets only pass through. */
  #full(): PathAttributes {
    if (this.#decoded === undefined) {
      const bytes = this.plain!;
      const d = decodeAttributes(bytes, 0, bytes.length, { external: false, fourOctetAs: true });
      if (d.attributes === undefined) throw new Error("a plain set of attributes does not decode");
      this.#decoded = d.attributes;
    }
    return this.#decoded;
  }
}
