/**
 * CREATE_CHILD_SA for Child SAs, new ones and rekeys (RFC 7296 §1.3.1, §1.3.3, §2.8, §2.25.1).
 *
 *      HDR, SK {[N(REKEY_SA),] SA, Ni, [KEi,] TSi, TSr}  ──▶
 *                                 ◀──  HDR, SK {SA, Nr, [KEr,] TSi, TSr}
 */
import type { GroupName } from "@tandem/crypto";
import { type ChildSa, spiText } from "../child-sa.ts";
import {
  CREATE_CHILD_RULINGS,
  oursIsRedundant,
  REKEY_CHILD_RULINGS,
  type Ruling,
  takesNewSas,
} from "../collision.ts";
import type { ChildPolicy } from "../config.ts";
import { NONCE_LENGTH, TEMPORARY_FAILURE_WAIT } from "../constants.ts";
import { ExchangeType, groupId, groupName, NotifyType, ProtocolId } from "../iana.ts";
import type { IkeSa } from "../ike-sa.ts";
import type { Nonces } from "../keymat.ts";
import { find, findError, findNotify, type IkeMessage } from "../message/message.ts";
import { readU16 } from "../message/octets.ts";
import type { Payload } from "../message/payload.ts";
import { notify } from "../message/payloads/notify.ts";
import { proposalLabel } from "../proposal.ts";
import { explainPeerError } from "../transcript/peer-error.ts";
import {
  acceptChildAnswer,
  chooseChild,
  DEFAULT_POLICY,
  keyPairJob,
  makeChild,
  offerChild,
} from "./child-negotiation.ts";
import type { Response } from "./respond.ts";
import { compute, DONE, exchange, type JobFailed, type Outcome, type Procedure, type Task } from "./task.ts";

/** Asks for a Child SA and derives its keys. The caller installs it. */
type Made =
  | { readonly ok: true; readonly child: ChildSa; readonly nonces: Nonces }
  | { readonly ok: false; readonly error: number | undefined; readonly reason: string };

function* requestChild(sa: IkeSa, policy: ChildPolicy, old: ChildSa | undefined): Procedure<Made> {
  sa.deletedMeanwhile.clear();
  const offer = offerChild(sa, policy, true);
  const offered = sa.connection!.esp.offer.flatMap((p) => p.groups);
  let group: GroupName | undefined = offered.find(
    (g) => g !== "none" && !sa.connection!.esp.offer[0]!.groups.includes("none"),
  ) as GroupName | undefined;
  for (let round = 0; round < 3; round++) {
    const pair = group === undefined ? undefined : yield* compute(keyPairJob(sa, group));
    if (pair?.kind === "failed") return { ok: false, error: undefined, reason: pair.reason };
    const nonce = sa.host.random.bytes(NONCE_LENGTH);
    const response = yield* exchange(ExchangeType.CREATE_CHILD_SA, [
      ...(old === undefined ? [] : [rekeyNotify(old)]),
      offer.payloads[0]!,
      { kind: "Nonce", data: nonce },
      ...(pair === undefined
        ? []
        : [{ kind: "KE", group: groupId(group!), data: pair.publicValue } as const]),
      ...offer.payloads.slice(1),
    ]);
    const wrong = findNotify(response, NotifyType.INVALID_KE_PAYLOAD);
    if (wrong?.data.length === 2) {
      const other = groupName(readU16(wrong.data, 0));
      if (other === undefined || other === group || !offered.includes(other))
        return { ok: false, error: wrong.type, reason: "the peer asks for a PFS group that was not offered" };
      sa.note("note", [`the peer wants PFS group ${other}: asking again with it`]);
      group = other;
      continue;
    }
    const error = findError(response);
    if (error !== undefined) {
      const what = old === undefined ? "Child SA" : "Child SA rekey";
      const lines = explainPeerError(error.type, what, offer.proposals.map(proposalLabel));
      sa.note(error.type === NotifyType.TEMPORARY_FAILURE ? "note" : "failed", lines);
      return { ok: false, error: error.type, reason: lines[0]! };
    }
    const answer = acceptChildAnswer(offer, response);
    if (!answer.ok) return { ok: false, error: undefined, reason: answer.reason };
    if (sa.deletedMeanwhile.has(answer.child.spiOut))
      return { ok: false, error: NotifyType.CHILD_SA_NOT_FOUND, reason: "the peer has deleted it already" };
    const shared = yield* agree(answer.child.suite.group, group, pair?.privateKey, response);
    if (shared?.kind === "failed") return { ok: false, error: undefined, reason: shared.reason };
    const nonces = { initiator: nonce, responder: find(response, "Nonce")!.data };
    return { ok: true, nonces, child: makeChild(sa, answer.child, nonces, shared?.secret, true) };
  }
  return { ok: false, error: undefined, reason: "the peer keeps asking for other PFS groups" };
}

/** g^ir of the chosen group; undefined without PFS. */
function* agree(
  chosen: GroupName | "none",
  ours: GroupName | undefined,
  privateKey: Uint8Array | undefined,
  message: IkeMessage,
): Procedure<{ readonly kind: "shared-secret"; readonly secret: Uint8Array } | JobFailed | undefined> {
  if (chosen === "none") return undefined;
  const ke = find(message, "KE");
  const refuse = (reason: string): JobFailed => ({ kind: "failed", job: "shared-secret", reason });
  if (ke === undefined || privateKey === undefined)
    return refuse("PFS was agreed on but a KE payload is missing");
  if (chosen !== ours || ke.group !== groupId(chosen))
    return refuse("the KE payload is for another group than the proposal");
  return yield* compute({ kind: "shared-secret", group: chosen, privateKey, peerPublic: ke.data });
}

const rekeyNotify = (old: ChildSa): Payload => ({
  kind: "N",
  protocol: ProtocolId.ESP,
  spi: spiText(old.install.spiIn),
  type: NotifyType.REKEY_SA,
  data: new Uint8Array(0),
});

export function* createChildSa(sa: IkeSa, task: Extract<Task, { kind: "create-child" }>): Procedure<Outcome> {
  const connection = sa.connection!;
  const policy = connection.children.find((p) => p.name === task.policy) ?? DEFAULT_POLICY;
  if (
    [...sa.children].some(
      (c) => c.policy === policy.name && (c.state === "installed" || c.state === "rekeying"),
    )
  )
    return DONE;
  const made = yield* requestChild(sa, policy, undefined);
  if (made.ok) {
    sa.childFailure = undefined;
    sa.children.add(made.child, undefined, "now");
    sa.host.changed(sa);
    return DONE;
  }
  if (made.error === NotifyType.TEMPORARY_FAILURE) sa.retryLater(task, TEMPORARY_FAILURE_WAIT);
  else {
    sa.childFailure = made.reason;
    sa.retryLater(task, 10_000);
  }
  return DONE;
}

export function* rekeyChildSa(sa: IkeSa, task: Extract<Task, { kind: "rekey-child" }>): Procedure<Outcome> {
  const old = sa.children.bySpiIn(task.spiIn);
  if (old === undefined || old.state !== "installed") return DONE;
  old.state = "rekeying";
  const { install } = old;
  const policy = sa.connection!.children.find((p) => p.name === old.policy);
  // RFC 7296 §2.9.2: a rekey proposes at least what is in use.
  const wide =
    policy !== undefined && old.initiator
      ? policy
      : { name: old.policy, local: install.localSelectors, remote: install.remoteSelectors };
  const made = yield* requestChild(sa, wide, old);
  const gone = sa.children.bySpiIn(task.spiIn) === undefined;
  if (!made.ok) {
    rekeyFailed(sa, task, old, gone, made.error, made.reason);
    return DONE;
  }
  const { peerRekey } = old;
  if (peerRekey !== undefined && oursIsRedundant(made.nonces, peerRekey.nonces)) {
    // §2.8.1: ours holds the lowest nonce: close it again; the peer deletes the old one.
    sa.note("note", [
      "both sides rekeyed at once: this side's nonce is the lowest, so its new Child SA is closed again",
    ]);
    if (!gone) old.state = "replaced";
    made.child.state = "deleting";
    sa.children.keep(made.child);
    sa.enqueue({
      kind: "delete-child",
      spiIn: made.child.install.spiIn,
      cause: "rekeyed",
      reason: "redundant after a simultaneous rekey",
    });
    return DONE;
  }
  sa.children.add(made.child, gone ? undefined : old, "now");
  old.successor = made.child.install.childSa;
  if (!gone) {
    old.state = "replaced";
    sa.enqueue({
      kind: "delete-child",
      spiIn: task.spiIn,
      cause: "rekeyed",
      reason: "replaced by its successor",
    });
  }
  sa.host.changed(sa);
  return DONE;
}

function rekeyFailed(
  sa: IkeSa,
  task: Task,
  old: ChildSa,
  gone: boolean,
  error: number | undefined,
  reason: string,
): void {
  // The peer's own rekey got through meanwhile, or the peer has deleted it.
  if (gone) {
    if (old.peerRekey === undefined && old.successor === undefined) sa.children.restore(old);
    return;
  }
  if (old.peerRekey !== undefined) {
    old.state = "replaced";
    return;
  }
  old.state = "installed";
  if (error === NotifyType.CHILD_SA_NOT_FOUND) {
    sa.children.remove(old, "peer-deleted", "the peer no longer has it");
    sa.children.restore(old);
    return;
  }
  if (error === NotifyType.NO_ADDITIONAL_SAS) {
    sa.host.reauthenticate(sa, sa.now);
    return;
  }
  if (error === undefined) sa.note("failed", [`Child SA rekey failed: ${reason}`]);
  const left = old.expiresAt - sa.now;
  sa.retryLater(task, Math.min(TEMPORARY_FAILURE_WAIT, Math.max(100, left / 4)));
}

export function* respondCreateChildSa(sa: IkeSa, message: IkeMessage): Procedure<Response | undefined> {
  const rekey = findNotify(message, NotifyType.REKEY_SA);
  const refuse = (type: NotifyType, ...lines: string[]): Response => {
    sa.note(type === NotifyType.TEMPORARY_FAILURE ? "note" : "failed", lines);
    return {
      payloads: [
        rekey !== undefined && type === NotifyType.CHILD_SA_NOT_FOUND ? { ...rekey, type } : notify(type),
      ],
    };
  };
  if (find(message, "TSi") === undefined)
    return refuse(NotifyType.INVALID_SYNTAX, "CREATE_CHILD_SA without selectors: answering INVALID_SYNTAX");
  const ruling = ruleOnChild(sa, sa.task?.kind ?? "idle");
  if (ruling === "temporary-failure")
    return refuse(
      NotifyType.TEMPORARY_FAILURE,
      "the IKE SA is being rekeyed or deleted: answering TEMPORARY_FAILURE (RFC 7296 §2.25.2)",
    );
  const old = rekey === undefined ? undefined : sa.children.bySpiOut(Number.parseInt(rekey.spi || "0", 16));
  let compare = false;
  if (rekey !== undefined) {
    if (old !== undefined) forgetUnanswered(sa, old);
    const verdict = REKEY_CHILD_RULINGS[old?.state ?? "unknown"];
    // It may be the very one whose making we have not heard the end of yet.
    const making = sa.task?.kind === "create-child" || sa.task?.kind === "rekey-child";
    if (verdict === "child-sa-not-found" && making)
      return refuse(
        NotifyType.TEMPORARY_FAILURE,
        `Child SA ${rekey.spi}_o may be the one being made: answering TEMPORARY_FAILURE`,
      );
    if (verdict === "child-sa-not-found")
      return refuse(
        NotifyType.CHILD_SA_NOT_FOUND,
        `no Child SA ${rekey.spi}_o to rekey: answering CHILD_SA_NOT_FOUND`,
      );
    if (verdict === "temporary-failure")
      return refuse(
        NotifyType.TEMPORARY_FAILURE,
        `Child SA ${rekey.spi}_o is on its way out: answering TEMPORARY_FAILURE`,
      );
    compare = verdict === "proceed-and-compare";
  } else if (sa.children.isFull)
    return refuse(NotifyType.NO_ADDITIONAL_SAS, "too many Child SAs: answering NO_ADDITIONAL_SAS");
  const choice = chooseChild(sa, message, true, sa.virtualAddresses?.remote ?? []);
  if (!choice.ok) {
    sa.note("failed", choice.lines);
    return { payloads: [choice.error] };
  }
  const ke = find(message, "KE");
  const { group } = choice.child.suite;
  let shared: Uint8Array | undefined;
  let publicValue: Uint8Array | undefined;
  if (group !== "none") {
    const job = { ...keyPairJob(sa, group), kind: "generate-and-agree", peerPublic: ke!.data } as const;
    const pair = yield* compute(job);
    if (pair.kind === "failed")
      return refuse(NotifyType.INVALID_SYNTAX, `the peer's key exchange value is refused: ${pair.reason}`);
    shared = pair.secret;
    publicValue = pair.publicValue;
    if (ruleOnChild(sa, sa.task?.kind ?? "idle") === "temporary-failure")
      return refuse(
        NotifyType.TEMPORARY_FAILURE,
        "the IKE SA was rekeyed or deleted while the keys were made: answering TEMPORARY_FAILURE (RFC 7296 §2.25.2)",
      );
  }
  const nonces = { initiator: find(message, "Nonce")!.data, responder: sa.host.random.bytes(NONCE_LENGTH) };
  const child = makeChild(sa, choice.child, nonces, shared, false);
  sa.children.add(child, old, old === undefined ? "now" : "deferred");
  if (old !== undefined) {
    if (compare) old.peerRekey = { childSa: child.install.childSa, nonces };
    else {
      old.state = "replaced";
      sa.drop((t) => t.kind === "rekey-child" && t.spiIn === old.install.spiIn);
    }
    old.successor = child.install.childSa;
  }
  return {
    payloads: [
      choice.payloads[0]!,
      { kind: "Nonce", data: nonces.responder },
      ...(publicValue === undefined
        ? []
        : [{ kind: "KE", group: groupId(group as GroupName), data: publicValue } as const]),
      ...choice.payloads.slice(1),
    ],
  };
}

/**
 * The peer asks again for what it has rekeyed already: it never got our answer and has failed over since, so the Child SA
 * of that answer exists here only. (A repetition of the same request would have been answered from the cache.)
 */
function forgetUnanswered(sa: IkeSa, old: ChildSa): void {
  const made = old.successor === undefined ? undefined : sa.children.byId(old.successor);
  if (old.state !== "replaced" || made === undefined || made.initiator || made.outboundReady) return;
  old.state = "installed";
  old.successor = undefined;
  sa.children.remove(made, "rekeyed", "the peer never took it into use and rekeys again");
}

function ruleOnChild(sa: IkeSa, doing: Task["kind"] | "idle"): Ruling {
  return takesNewSas(sa.state) ? CREATE_CHILD_RULINGS[doing] : "temporary-failure";
}
