/**
 * Simultaneous exchanges as a table (RFC 7296 §2.25, §2.8.1, §2.8.2): what to answer to the peer's request, given what
 * this side is doing with the same SA at that moment.
 */
import type { ChildSaState } from "./child-sa.ts";
import type { IkeSaState } from "./ike-sa.ts";
import type { Nonces } from "./keymat.ts";
import type { Task } from "./tasks/task.ts";

export type Ruling =
  | "proceed"
  /** Proceed, and settle by nonces which of the two new SAs is closed again. */
  | "proceed-and-compare"
  | "temporary-failure"
  | "child-sa-not-found";

/** §2.25.1: the peer wants to rekey a Child SA; by the state in which we have it (undefined: we do not have it). */
export const REKEY_CHILD_RULINGS: Readonly<Record<ChildSaState | "unknown", Ruling>> = {
  installed: "proceed",
  rekeying: "proceed-and-compare",
  // It has been rekeyed and waits to be deleted: by us, or by the peer that now asks again.
  replaced: "temporary-failure",
  deleting: "temporary-failure",
  unknown: "child-sa-not-found",
};

/** §2.25.2: the peer wants to rekey the IKE SA; by what we are doing with it. */
export const REKEY_IKE_RULINGS: Readonly<Record<Task["kind"] | "idle", Ruling>> = {
  idle: "proceed",
  liveness: "proceed",
  "invalid-spi": "proceed",
  "message-id-sync": "proceed",
  "rekey-ike": "proceed-and-compare",
  "create-child": "temporary-failure",
  "rekey-child": "temporary-failure",
  "delete-child": "temporary-failure",
  "delete-ike": "temporary-failure",
  initiate: "temporary-failure",
};

/** §2.25.2: the peer wants to make or rekey a Child SA; by what we are doing with the IKE SA. */
export const CREATE_CHILD_RULINGS: Readonly<Record<Task["kind"] | "idle", Ruling>> = {
  idle: "proceed",
  liveness: "proceed",
  "invalid-spi": "proceed",
  "message-id-sync": "proceed",
  "create-child": "proceed",
  "rekey-child": "proceed",
  "delete-child": "proceed",
  "rekey-ike": "temporary-failure",
  "delete-ike": "temporary-failure",
  initiate: "temporary-failure",
};

/** A successor stands already, or we are on our way out: nothing new is made in this IKE SA. */
export const takesNewSas = (state: IkeSaState): boolean => state === "established";

function compare(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

const lowest = (n: Nonces): Uint8Array =>
  compare(n.initiator, n.responder) <= 0 ? n.initiator : n.responder;

/** §2.8.1: the SA made in the exchange with the lowest of the four nonces is closed, by the side that initiated it. */
export const oursIsRedundant = (ours: Nonces, peers: Nonces): boolean =>
  compare(lowest(ours), lowest(peers)) < 0;
