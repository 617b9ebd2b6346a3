/**
 * Rekeying the IKE SA (RFC 7296 §1.3.2, §2.8, §2.8.2, §2.18, §2.25.2).
 *
 *      HDR, SK {SA(spi), Ni, KEi}  ──▶        ◀──  HDR, SK {SA(spi), Nr, KEr}
 *      then the old one is deleted by whoever began; the new one has inherited every Child SA.
 */
import { oursIsRedundant, REKEY_IKE_RULINGS, type Ruling, takesNewSas } from "../collision.ts";
import { NONCE_LENGTH, REDUNDANT_WAIT, TEMPORARY_FAILURE_WAIT } from "../constants.ts";
import type { IkeSuite } from "../exported-ike-sa.ts";
import { ExchangeType, groupId, NotifyType } from "../iana.ts";
import type { IkeSa } from "../ike-sa.ts";
import { deriveIkeKeys, type Nonces, rekeySkeyseed } from "../keymat.ts";
import { find, findError, findNotify, type IkeMessage } from "../message/message.ts";
import { readU16, u16 } from "../message/octets.ts";
import { notify } from "../message/payloads/notify.ts";
import {
  acceptIkeAnswer,
  chooseIkeProposal,
  ikeAnswer,
  ikeSuiteLabel,
  ikeWireProposals,
  isIkeGroupOffered,
  proposalLabel,
} from "../proposal.ts";
import { SkChannel } from "../sk-channel.ts";
import { explainPeerError } from "../transcript/peer-error.ts";
import { keyPairJob } from "./child-negotiation.ts";
import type { Response } from "./respond.ts";
import { compute, DONE, exchange, type Outcome, type Procedure } from "./task.ts";

export function* rekeyIkeSa(sa: IkeSa): Procedure<Outcome> {
  const connection = sa.connection!;
  const spi = sa.host.newIkeSpi();
  const proposals = ikeWireProposals(connection.ike.offer, spi);
  let group = sa.channel!.suite.group;
  if (isIkeGroupOffered(connection.ike.offer, groupId(group)) === undefined)
    group = connection.ike.offer[0]!.groups[0]!;
  for (let round = 0; round < 3; round++) {
    const pair = yield* compute(keyPairJob(sa, group));
    if (pair.kind === "failed") return failedRekey(sa, pair.reason);
    const nonce = sa.host.random.bytes(NONCE_LENGTH);
    const response = yield* exchange(ExchangeType.CREATE_CHILD_SA, [
      { kind: "SA", proposals },
      { kind: "Nonce", data: nonce },
      { kind: "KE", group: groupId(group), data: pair.publicValue },
    ]);
    const wrong = findNotify(response, NotifyType.INVALID_KE_PAYLOAD);
    const other =
      wrong?.data.length === 2 ? isIkeGroupOffered(connection.ike.offer, readU16(wrong.data, 0)) : undefined;
    if (other !== undefined && other !== group) {
      group = other;
      continue;
    }
    const error = findError(response);
    if (error !== undefined) {
      const lines = explainPeerError(error.type, "IKE SA rekey", proposals.map(proposalLabel));
      sa.note(error.type === NotifyType.TEMPORARY_FAILURE ? "note" : "failed", lines);
      return failedRekey(sa, undefined);
    }
    const answer = find(response, "SA");
    const ke = find(response, "KE");
    const suite = answer === undefined ? undefined : acceptIkeAnswer(answer.proposals, proposals);
    const peerSpi = answer?.proposals[0]?.spi ?? "";
    if (
      suite === undefined ||
      ke === undefined ||
      suite.group !== group ||
      ke.group !== groupId(group) ||
      peerSpi.length !== 16
    )
      return failedRekey(sa, "the peer's answer does not fit what was offered");
    sa.rekeyAnswered = true;
    const shared = yield* compute({
      kind: "shared-secret",
      group,
      privateKey: pair.privateKey,
      peerPublic: ke.data,
    });
    sa.rekeyAnswered = false;
    if (shared.kind === "failed") return failedRekey(sa, shared.reason);
    const nonces = { initiator: nonce, responder: find(response, "Nonce")!.data };
    settle(sa, successor(sa, suite, nonces, shared.secret, true, spi, peerSpi), nonces);
    return DONE;
  }
  return failedRekey(sa, "the peer keeps asking for other groups");
}

function failedRekey(sa: IkeSa, reason: string | undefined): Outcome {
  if (reason !== undefined) sa.note("failed", [`IKE SA rekey failed: ${reason}`]);
  if (sa.peerRekey !== undefined) {
    sa.peerRekey.sa.inheritFrom(sa);
    sa.state = "replaced";
    return DONE;
  }
  sa.retryLater({ kind: "rekey-ike" }, TEMPORARY_FAILURE_WAIT);
  return DONE;
}

/** Our rekey is through: with the peer's own under way the nonces decide (§2.8.2, as §2.8.1). */
function settle(sa: IkeSa, made: IkeSa, nonces: Nonces): void {
  const { peerRekey } = sa;
  sa.host.register(made);
  if (peerRekey !== undefined && oursIsRedundant(nonces, peerRekey.nonces)) {
    sa.note("note", [
      "both sides rekeyed the IKE SA at once: this side's nonce is the lowest, so its new IKE SA is closed again",
    ]);
    made.redundant = true;
    peerRekey.sa.inheritFrom(sa);
    sa.state = "replaced";
    made.enqueue({ kind: "delete-ike", cause: "rekeyed", reason: "redundant after a simultaneous rekey" });
    return;
  }
  if (peerRekey !== undefined) {
    peerRekey.sa.redundant = true;
    // Its initiator is to close it. charon forgets it without a word when our DELETE of the old IKE SA overtakes our answer.
    const reason = "redundant after a simultaneous rekey, and not closed by its initiator";
    peerRekey.sa.retryLater({ kind: "delete-ike", cause: "rekeyed", reason }, REDUNDANT_WAIT);
  }
  made.inheritFrom(sa);
  sa.state = "replaced";
  sa.enqueue({ kind: "delete-ike", cause: "rekeyed", reason: "replaced by its successor" });
}

function successor(
  sa: IkeSa,
  suite: IkeSuite,
  nonces: Nonces,
  shared: Uint8Array,
  initiator: boolean,
  ownSpi: string,
  peerSpi: string,
): IkeSa {
  const initiatorSpi = initiator ? ownSpi : peerSpi;
  const responderSpi = initiator ? peerSpi : ownSpi;
  const old = sa.channel!;
  const skeyseed = rekeySkeyseed(old.suite.prf, old.keys.d, nonces, shared);
  const keys = deriveIkeKeys(suite, skeyseed, nonces, initiatorSpi, responderSpi);
  const made = sa.host.makeIkeSa({
    tunnel: sa.tunnel,
    template: sa.template,
    connection: sa.connection,
    initiator,
    initiatorSpi,
    responderSpi,
    path: sa.path,
    now: sa.now,
  });
  made.channel = new SkChannel(suite, keys, initiator, sa.host.random);
  made.nat = sa.nat;
  made.peerSupports = sa.peerSupports;
  made.localIdentity = sa.localIdentity;
  made.remoteIdentity = sa.remoteIdentity;
  made.virtualAddresses = sa.virtualAddresses;
  made.establish();
  sa.note("ok", [`IKE SA rekeyed: ${initiatorSpi}_i ${responderSpi}_r, ${ikeSuiteLabel(suite)}`]);
  return made;
}

export function* respondRekeyIkeSa(sa: IkeSa, message: IkeMessage): Procedure<Response | undefined> {
  const refuse = (type: NotifyType, line: string, data?: Uint8Array): Response => {
    sa.note("note", [line]);
    return { payloads: [notify(type, data)] };
  };
  const busy = (): Response =>
    refuse(
      NotifyType.TEMPORARY_FAILURE,
      "the IKE SA is busy or on its way out: answering TEMPORARY_FAILURE (RFC 7296 §2.25.2)",
    );
  if (ruleOnRekey(sa) === "temporary-failure") return busy();
  const offered = find(message, "SA")!.proposals;
  const ke = find(message, "KE");
  if (ke === undefined)
    return refuse(NotifyType.INVALID_SYNTAX, "IKE SA rekey without KE: answering INVALID_SYNTAX");
  const chosen = chooseIkeProposal(sa.connection!.ike.accept, offered, ke.group);
  const peerSpi = chosen?.offered.spi ?? "";
  if (chosen === undefined || peerSpi.length !== 16)
    return refuse(
      NotifyType.NO_PROPOSAL_CHOSEN,
      `IKE SA rekey: no proposal in common (peer offers ${offered.map(proposalLabel).join(", ")})`,
    );
  const { suite } = chosen;
  if (groupId(suite.group) !== ke.group)
    return refuse(
      NotifyType.INVALID_KE_PAYLOAD,
      `IKE SA rekey: asking for ${suite.group}`,
      u16(groupId(suite.group)),
    );
  const job = { ...keyPairJob(sa, suite.group), kind: "generate-and-agree", peerPublic: ke.data } as const;
  const pair = yield* compute(job);
  if (pair.kind === "failed")
    return refuse(NotifyType.INVALID_SYNTAX, `the peer's key exchange value is refused: ${pair.reason}`);
  // A task of our own may have begun while the keys were made.
  if (ruleOnRekey(sa) === "temporary-failure") return busy();
  const nonces = { initiator: find(message, "Nonce")!.data, responder: sa.host.random.bytes(NONCE_LENGTH) };
  const spi = sa.host.newIkeSpi();
  const made = successor(sa, suite, nonces, pair.secret, false, spi, peerSpi);
  sa.host.register(made);
  // Our own rekey may still be under way, or have begun while we computed.
  if (sa.task?.kind === "rekey-ike") sa.peerRekey = { sa: made, nonces };
  // Before the answer leaves, so that a partner that adopts has the Child SAs where the peer has them.
  else made.inheritFrom(sa);
  return {
    payloads: [
      { kind: "SA", proposals: [ikeAnswer(chosen, spi)] },
      { kind: "Nonce", data: nonces.responder },
      { kind: "KE", group: ke.group, data: pair.publicValue },
    ],
  };
}

function ruleOnRekey(sa: IkeSa): Ruling {
  if (!takesNewSas(sa.state) || sa.peerRekey !== undefined) return "temporary-failure";
  return REKEY_IKE_RULINGS[sa.task?.kind ?? "idle"];
}
