/** A route's path attributes as values. One object stands for every route that carries the same bytes. */

/** An attribute that is not understood but is passed on (RFC 4271 §9: unrecognized, optional, transitive). */
export interface OpaqueAttribute {
  readonly type: number;
  readonly flags: number;
  readonly value: Uint8Array;
}

export interface PathAttributes {
  readonly origin: number;
  /** 4-octet wire form, AS4_PATH merged in. */
  readonly asPath: Uint8Array;
  /** 4 or 16 bytes. */
  readonly nextHop: Uint8Array;
  readonly med: number | undefined;
  readonly localPref: number | undefined;
  readonly atomicAggregate: boolean;
  /** AS (4 octets) and address. */
  readonly aggregator: Uint8Array | undefined;
  readonly communities: Uint8Array | undefined;
  readonly largeCommunities: Uint8Array | undefined;
  readonly originatorId: number | undefined;
  readonly clusterList: Uint8Array | undefined;
  /** Types of those above that came with the Partial bit, which stays (RFC 4271 §5). Absent: none did. */
  readonly partial?: readonly number[];
  /** Extended communities and everything unknown and transitive, by ascending type. */
  readonly opaque: readonly OpaqueAttribute[];
}
