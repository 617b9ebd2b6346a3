/**
 * IKE_SA_INIT (RFC 7296 §1.2, §2.6, §2.7, §2.14, §2.23; RFC 7383 §2.3, RFC 7427 §4, RFC 6023 §3 for the notifies).
 *
 *      HDR, SAi1, KEi, Ni, N(..)  ──▶
 *                                 ◀──  HDR, N(COOKIE)                    again with the cookie
 *                                 ◀──  HDR, N(INVALID_KE_PAYLOAD)        again with the other group
 *                                 ◀──  HDR, SAr1, KEr, Nr, N(..)
 */
import { concatBytes, type GroupName } from "@tandem/crypto";
import { certificateRequest, OWN_SIGNATURE_HASHES } from "../auth/signature.ts";
import type { IkeConnection } from "../config.ts";
import { COOKIE_MAX_LENGTH, INIT_ROUNDS_MAX, NAT_T_PORT, NONCE_LENGTH } from "../constants.ts";
import { ExchangeType, groupId, NotifyType } from "../iana.ts";
import type { Handshake, IkeSa } from "../ike-sa.ts";
import type { Nonces } from "../keymat.ts";
import { deriveIkeKeys, initialSkeyseed } from "../keymat.ts";
import { ZERO_SPI } from "../message/header.ts";
import { find, findError, findNotify, type IkeMessage } from "../message/message.ts";
import { readU16, u16 } from "../message/octets.ts";
import type { Payload } from "../message/payload.ts";
import { notify } from "../message/payloads/notify.ts";
import { detectNat, natDetectionNotifies } from "../nat-detection.ts";
import {
  acceptIkeAnswer,
  chooseIkeProposal,
  explainMismatch,
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
import { compute, DONE, exchange, failed, type JobFailed, type Outcome, type Procedure } from "./task.ts";
import { verdictLine } from "./verdict-line.ts";

/** Notifies that both sides' IKE_SA_INIT carry. */
function capabilities(sa: IkeSa, connection: IkeConnection): Payload[] {
  return [
    ...natDetectionNotifies(sa.initiatorSpi, sa.responderSpi, sa.path, connection.forceEncapsulation),
    ...(connection.fragmentation === false ? [] : [notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED)]),
    notify(NotifyType.SIGNATURE_HASH_ALGORITHMS, concatBytes(...OWN_SIGNATURE_HASHES.map(u16))),
  ];
}

function readCapabilities(sa: IkeSa, message: IkeMessage): void {
  const hashes = findNotify(message, NotifyType.SIGNATURE_HASH_ALGORITHMS)?.data;
  sa.peerSupports.fragmentation = findNotify(message, NotifyType.IKEV2_FRAGMENTATION_SUPPORTED) !== undefined;
  sa.peerSupports.childless = findNotify(message, NotifyType.CHILDLESS_IKEV2_SUPPORTED) !== undefined;
  if (hashes !== undefined)
    sa.peerSupports.signatureHashes = Array.from({ length: Math.min(16, hashes.length >> 1) }, (_, i) =>
      readU16(hashes, 2 * i),
    );
  sa.nat = detectNat(message.payloads, message.header.initiatorSpi, message.header.responderSpi, sa.path);
  const force = sa.connection?.forceEncapsulation === true;
  const who = [sa.nat.local ? "this side" : "", sa.nat.remote ? "the peer" : ""].filter((s) => s !== "");
  if (!sa.nat.supported)
    sa.note("note", [
      "the peer does not do NAT detection: ESP travels as IP protocol 50, which a NAT in the way would drop",
    ]);
  else if (who.length > 0)
    sa.note("note", [
      `NAT in the way: ${who.join(" and ")} ${who.length > 1 ? "are" : "is"} behind one (or forces encapsulation); going on in UDP ${NAT_T_PORT}`,
    ]);
  else if (force)
    sa.note("note", [`no NAT in the way; encapsulation in UDP ${NAT_T_PORT} is forced by configuration`]);
}

export function* initiateIkeSaInit(sa: IkeSa): Procedure<Outcome> {
  const connection = sa.connection!;
  const proposals = ikeWireProposals(connection.ike.offer);
  const nonce = sa.host.random.bytes(NONCE_LENGTH);
  let group = connection.ike.offer[0]!.groups[0]!;
  let pair = yield* compute(keyPairJob(sa, group));
  let cookie: Uint8Array | undefined;
  sa.handshake = {
    suite: undefined,
    nonces: undefined,
    realMessage1: new Uint8Array(0),
    realMessage2: new Uint8Array(0),
    privateKey: undefined,
    shared: undefined,
    peerPublic: undefined,
    peerAuthorities: undefined,
  };
  for (let round = 0; round < INIT_ROUNDS_MAX; round++) {
    if (pair.kind === "failed") return failed("protocol-error", pair.reason);
    const response = yield* exchange(ExchangeType.IKE_SA_INIT, [
      ...(cookie === undefined ? [] : [notify(NotifyType.COOKIE, cookie)]),
      { kind: "SA", proposals },
      { kind: "KE", group: groupId(group), data: pair.publicValue },
      { kind: "Nonce", data: nonce },
      ...capabilities(sa, connection),
    ]);
    const asked = findNotify(response, NotifyType.COOKIE);
    if (asked !== undefined && find(response, "SA") === undefined) {
      if (asked.data.length === 0 || asked.data.length > COOKIE_MAX_LENGTH)
        return failed("protocol-error", "the peer sent a cookie of illegal length");
      cookie = asked.data;
      sa.note("note", ["the peer is busy and wants its cookie back: asking again with it"]);
      continue;
    }
    const wrongGroup = findNotify(response, NotifyType.INVALID_KE_PAYLOAD);
    if (wrongGroup !== undefined && wrongGroup.data.length === 2) {
      const other = isIkeGroupOffered(connection.ike.offer, readU16(wrongGroup.data, 0));
      if (other === undefined || other === group)
        return failed("negotiation-failed", "the peer asks for a key exchange group that was not offered");
      sa.note("note", [`the peer wants ${other} instead of ${group}: asking again with it`]);
      group = other;
      pair = yield* compute(keyPairJob(sa, group));
      continue;
    }
    const error = findError(response);
    if (error !== undefined) {
      const lines = explainPeerError(error.type, "IKE_SA_INIT", proposals.map(proposalLabel));
      sa.note("failed", lines);
      return failed("negotiation-failed", lines.slice(0, 3).join("; "));
    }
    return finish(sa, response, proposals, nonce, pair.privateKey, groupId(group));
  }
  return failed("negotiation-failed", "the peer keeps asking for cookies or other groups");
}

function finish(
  sa: IkeSa,
  response: IkeMessage,
  proposals: ReturnType<typeof ikeWireProposals>,
  nonce: Uint8Array,
  privateKey: Uint8Array,
  group: number,
): Outcome {
  const ke = find(response, "KE")!;
  const suite = acceptIkeAnswer(find(response, "SA")!.proposals, proposals);
  if (suite === undefined || groupId(suite.group) !== group || ke.group !== group) {
    const chosen = find(response, "SA")!.proposals.map(proposalLabel).join(", ");
    sa.note("failed", [`the peer chose ${chosen}, which was not offered with this key exchange: giving up`]);
    return failed("negotiation-failed", `the peer chose a proposal that was not offered: ${chosen}`);
  }
  if (response.header.responderSpi === ZERO_SPI) return failed("protocol-error", "the peer's SPI is zero");
  sa.responderSpi = response.header.responderSpi;
  const handshake = sa.handshake!;
  handshake.realMessage2 = response.raw;
  handshake.nonces = { initiator: nonce, responder: find(response, "Nonce")!.data };
  handshake.privateKey = privateKey;
  handshake.peerPublic = ke.data;
  handshake.peerAuthorities = find(response, "CERTREQ")?.authorities;
  readCapabilities(sa, response);
  sa.note("ok", [`accepted ${ikeSuiteLabel(suite)}`]);
  handshake.suite = suite;
  if (sa.nat.supported && (sa.nat.local || sa.nat.remote || sa.connection!.forceEncapsulation))
    sa.path = { ...sa.path, localPort: NAT_T_PORT, remotePort: NAT_T_PORT };
  return DONE;
}

/** g^ir, SKEYSEED and SK_*: once, when the first protected message has to be made or read. */
export function* makeChannel(sa: IkeSa): Procedure<Outcome> {
  const handshake = sa.handshake!;
  const suite = handshake.suite!;
  const nonces: Nonces = handshake.nonces!;
  const shared = yield* sharedSecret(handshake, suite.group);
  if (shared.kind === "failed")
    return failed("protocol-error", `the peer's key exchange value is refused: ${shared.reason}`);
  const skeyseed = initialSkeyseed(suite.prf, nonces, shared.secret);
  const keys = deriveIkeKeys(suite, skeyseed, nonces, sa.initiatorSpi, sa.responderSpi);
  sa.channel = new SkChannel(suite, keys, sa.initiator, sa.host.random);
  handshake.privateKey = undefined;
  handshake.peerPublic = undefined;
  handshake.shared = undefined;
  return DONE;
}

function* sharedSecret(
  handshake: Handshake,
  group: GroupName,
): Procedure<{ readonly kind: "shared-secret"; readonly secret: Uint8Array } | JobFailed> {
  const { shared, privateKey, peerPublic } = handshake;
  if (shared !== undefined) return { kind: "shared-secret", secret: shared };
  return yield* compute({ kind: "shared-secret", group, privateKey: privateKey!, peerPublic: peerPublic! });
}

export function* respondIkeSaInit(sa: IkeSa, message: IkeMessage): Procedure<Response | undefined> {
  const offered = find(message, "SA")!.proposals;
  const ke = find(message, "KE")!;
  const candidates = sa.host.candidates(sa.path);
  const refuse = (type: NotifyType, lines: readonly string[], data?: Uint8Array): Response => {
    sa.note("failed", lines);
    const reason = verdictLine(lines);
    return {
      payloads: [notify(type, data)],
      withoutSpi: true,
      after: () => sa.forget("negotiation-failed", reason),
    };
  };
  // Which connection it is shows in IKE_AUTH only; the first whose proposals fit goes on.
  let chosen: ReturnType<typeof chooseIkeProposal>;
  for (const connection of candidates) {
    chosen = chooseIkeProposal(connection.ike.accept, offered, ke.group);
    if (chosen === undefined) continue;
    sa.connection = connection;
    break;
  }
  if (chosen === undefined || sa.connection === undefined) {
    const own = candidates.flatMap((c) => ikeWireProposals(c.ike.accept));
    return refuse(NotifyType.NO_PROPOSAL_CHOSEN, [
      "no IKE proposal in common: answering NO_PROPOSAL_CHOSEN",
      ...offered.map((p) => `peer offers ${proposalLabel(p)}`),
      ...own.map((p) => `here accepted ${proposalLabel(p)}`),
      ...explainMismatch(own, offered).map((line) => `closest pair differs in ${line}`),
      "cure: give both sides one IKE (phase 1) proposal in common",
    ]);
  }
  const { suite } = chosen;
  if (groupId(suite.group) !== ke.group)
    return refuse(
      NotifyType.INVALID_KE_PAYLOAD,
      [
        `the KE payload is for another group than the chosen ${suite.group}: asking for that (INVALID_KE_PAYLOAD)`,
      ],
      u16(groupId(suite.group)),
    );
  // In quiet times in one go, which is cheaper; in a flood g^ir waits until the peer has shown that it goes on.
  const job = keyPairJob(sa, suite.group);
  const pair = yield* compute(
    sa.host.underPressure ? job : { ...job, kind: "generate-and-agree", peerPublic: ke.data },
  );
  if (pair.kind === "failed")
    return refuse(NotifyType.INVALID_SYNTAX, [`the peer's key exchange value is refused: ${pair.reason}`]);
  const nonce = sa.host.random.bytes(NONCE_LENGTH);
  sa.handshake = {
    suite,
    nonces: { initiator: find(message, "Nonce")!.data, responder: nonce },
    realMessage1: message.raw,
    realMessage2: new Uint8Array(0),
    privateKey: pair.privateKey,
    shared: pair.kind === "generate-and-agree" ? pair.secret : undefined,
    peerPublic: ke.data,
    peerAuthorities: undefined,
  };
  readCapabilities(sa, message);
  sa.note("ok", [`chose ${ikeSuiteLabel(suite)}`]);
  return {
    payloads: [
      { kind: "SA", proposals: [ikeAnswer(chosen)] },
      { kind: "KE", group: ke.group, data: pair.publicValue },
      { kind: "Nonce", data: nonce },
      ...capabilities(sa, sa.connection),
      notify(NotifyType.CHILDLESS_IKEV2_SUPPORTED),
      ...certificateRequests(candidates),
    ],
  };
}

/** CERTREQ belongs into IKE_SA_INIT's response when we shall want a certificate (RFC 7296 §1.2). */
function certificateRequests(candidates: readonly IkeConnection[]): Payload[] {
  const found = candidates.find((c) => c.authentication.method === "certificate");
  return found === undefined ? [] : certificateRequest(found.authentication);
}
