/** What an IKE SA does when this process, or the peer's, has taken over from another one (DESIGN §3, RFC 6311). */
import type { ExportedIkeSa } from "./exported-ike-sa.ts";
import type { IkeSa } from "./ike-sa.ts";

const REPLACED = "replaced by its successor";

/** Taken over from the partner: agree on message IDs where the peer can, else on with the request under way. */
export function goOnAfterAdoption(sa: IkeSa, value: ExportedIkeSa, announce: boolean): void {
  if (value.replaced === true) {
    sa.state = "replaced";
    sa.enqueue({ kind: "delete-ike", cause: "rekeyed", reason: REPLACED });
    return;
  }
  sa.announce(undefined);
  const children = [...sa.children];
  if (!children.some((child) => child.outboundReady)) for (const child of children) sa.children.inUse(child);
  if (announce) for (const child of children) sa.children.announceAgain(child);
  if (sa.peerSupports.messageIdSync) sa.enqueue({ kind: "message-id-sync" });
  else if (value.outstanding !== undefined) sa.repeatForPredecessor(value.outstanding);
  else sa.enqueue({ kind: "liveness" });
  // Whoever made a successor deletes what it replaces; the process that did is gone.
  for (const child of children) {
    const made = child.successor === undefined ? undefined : sa.children.byId(child.successor);
    const { spiIn } = child.install;
    if (made?.initiator === true)
      sa.enqueue({ kind: "delete-child", spiIn, cause: "rekeyed", reason: REPLACED });
  }
}

/**
 * The peer failed over before it got our answer to its rekey: it knows nothing of the successor, so that one's Child SAs
 * come back. A successor that we began, or that the peer has used, is known to it.
 */
export function takeBackFromSuccessor(sa: IkeSa): void {
  const { successor } = sa;
  if (sa.state !== "replaced" || successor === undefined || successor.state === "closed") return;
  if (successor.initiator || successor.confirmed) return;
  sa.successor = undefined;
  sa.state = "established";
  sa.startLifetime();
  sa.children.inherit(successor.children);
  sa.announce(successor.id);
  successor.close("rekeyed", "the peer failed over and does not know it");
  sa.note("note", ["the rekeyed IKE SA is given up: the peer failed over before it knew of it"]);
  sa.host.changed(sa);
}
