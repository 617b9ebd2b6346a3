/**
 * Reading list: RFC 4271 §6.8; RFC 6286 §2.3 (equal identifiers); RFC 4724 §4.2 (a restarted peer's new connection).
 * Two connections with one peer: which of them stays.
 */

export interface CollisionSide {
  readonly incoming: boolean;
  readonly established: boolean;
}

export interface CollisionFacts {
  readonly localRouterId: number;
  readonly localAsn: number;
  readonly peerRouterId: number;
  readonly peerAsn: number;
  /** The peer announced graceful restart on its established session: a new connection means that it restarted. */
  readonly peerRestarts: boolean;
}

/** `fresh` is the connection whose OPEN has just come, `other` one in OpenConfirm or Established. */
export function survivor(fresh: CollisionSide, other: CollisionSide, f: CollisionFacts): "fresh" | "other" {
  if (other.established) return fresh.incoming && f.peerRestarts ? "fresh" : "other";
  // Both dialled by the same side: the older one can only be a leftover.
  if (fresh.incoming === other.incoming) return "fresh";
  const remoteWins =
    f.localRouterId !== f.peerRouterId ? f.peerRouterId > f.localRouterId : f.peerAsn > f.localAsn;
  // The connection that the higher identifier opened is kept.
  return fresh.incoming === remoteWins ? "fresh" : "other";
}
