/**
 * IKE_AUTH (RFC 7296 §1.2, §2.15, §2.16 without EAP, §2.19, §2.21.2; RFC 6023 childless; RFC 6311 §5 for the notify).
 *
 *      HDR, SK {IDi, [CERT,] [CERTREQ,] [IDr,] AUTH, [CP,] SAi2, TSi, TSr}  ──▶
 *                                 ◀──  HDR, SK {IDr, [CERT,] AUTH, [CP,] SAr2, TSi, TSr}
 */
import { checkAuth, makeAuth } from "../auth/authenticator.ts";
import { certificateRequest } from "../auth/signature.ts";
import type { IkeConnection } from "../config.ts";
import { ExchangeType, NotifyType } from "../iana.ts";
import {
  identityMatches,
  identityText,
  isAnyIdentity,
  parseIdentity,
  type WireIdentity,
} from "../identity.ts";
import type { IkeSa } from "../ike-sa.ts";
import { find, findError, findNotify, type IkeMessage } from "../message/message.ts";
import type { Payload } from "../message/payload.ts";
import { notify } from "../message/payloads/notify.ts";
import { proposalLabel } from "../proposal.ts";
import { selectorsText } from "../traffic-selector.ts";
import { explainPeerError } from "../transcript/peer-error.ts";
import {
  acceptChildAnswer,
  type ChildChoice,
  type ChildOffer,
  chooseChild,
  DEFAULT_POLICY,
  makeChild,
  offerChild,
} from "./child-negotiation.ts";
import { addressReply, addressRequest, assignAddresses, readAddresses } from "./configuration.ts";
import { makeChannel } from "./ike-sa-init.ts";
import type { Response } from "./respond.ts";
import { DONE, exchange, failed, type Outcome, type Procedure } from "./task.ts";
import { verdictLine } from "./verdict-line.ts";

function ownIdentity(sa: IkeSa, connection: IkeConnection): WireIdentity {
  return parseIdentity(connection.localId) ?? parseIdentity(sa.path.local)!;
}

export function* initiateIkeAuth(sa: IkeSa): Procedure<Outcome> {
  const connection = sa.connection!;
  const keyed = yield* makeChannel(sa);
  if (!keyed.ok) return keyed;
  const id = ownIdentity(sa, connection);
  const made = yield* makeAuth(sa, connection, id);
  if (!made.ok) {
    sa.note("failed", [made.reason]);
    return failed("authentication-failed", made.reason);
  }
  const offer = firstOffer(sa, connection);
  const response = yield* exchange(ExchangeType.IKE_AUTH, [
    { kind: "IDi", ...id },
    ...made.certificates,
    ...certificateRequest(connection.authentication),
    ...remoteIdentity(connection),
    made.auth,
    ...addressRequest(connection),
    ...(offer?.payloads ?? []),
    ...(sa.host.isOnlyContact(sa) ? [notify(NotifyType.INITIAL_CONTACT)] : []),
    notify(NotifyType.IKEV2_MESSAGE_ID_SYNC_SUPPORTED),
  ]);
  return yield* finishAsInitiator(sa, connection, response, offer);
}

const remoteIdentity = (connection: IkeConnection): Payload[] => {
  const id = isAnyIdentity(connection.remoteId) ? undefined : parseIdentity(connection.remoteId);
  return id === undefined ? [] : [{ kind: "IDr", ...id }];
};

/** No offer at all when nothing is configured and the peer can do without (RFC 6023). */
function firstOffer(sa: IkeSa, connection: IkeConnection): ChildOffer | undefined {
  const [first] = connection.children;
  if (first === undefined && sa.peerSupports.childless) return undefined;
  return offerChild(sa, first ?? DEFAULT_POLICY, false);
}

function* finishAsInitiator(
  sa: IkeSa,
  connection: IkeConnection,
  response: IkeMessage,
  offer: ChildOffer | undefined,
): Procedure<Outcome> {
  const error = findError(response);
  const idr = find(response, "IDr");
  if (idr === undefined || (find(response, "AUTH") === undefined && error !== undefined)) {
    const lines =
      error === undefined
        ? ["the peer's IKE_AUTH response has no identity"]
        : explainPeerError(error.type, "IKE_AUTH", describeOwn(sa, connection));
    sa.note("failed", lines);
    const auth = error?.type === NotifyType.AUTHENTICATION_FAILED;
    return failed(auth ? "authentication-failed" : "negotiation-failed", lines.slice(0, 3).join("; "));
  }
  const remote = identityText(idr);
  if (!identityMatches(connection.remoteId, idr))
    return yield* refusePeer(sa, [
      `wrong identity: the peer says it is "${remote}", this connection expects "${connection.remoteId}"`,
      `cure: set the remote identity here to "${remote}", or the peer's own identity to "${connection.remoteId}"`,
    ]);
  const verdict = yield* checkAuth(sa, connection, response, idr);
  if (!verdict.ok) return yield* refusePeer(sa, verdict.lines);
  sa.localIdentity = identityText(ownIdentity(sa, connection));
  sa.remoteIdentity = remote;
  readPeerSupport(sa, response);
  const cp = readAddresses(response);
  if (cp.length > 0) sa.virtualAddresses = { local: cp, remote: [] };
  const nonces = sa.handshake!.nonces!;
  sa.establish();
  announce(sa, `authenticated ${remote} by ${verdict.how}`);
  if (offer !== undefined) {
    if (error !== undefined) childRefused(sa, offer, error.type);
    else {
      const answer = acceptChildAnswer(offer, response);
      if (answer.ok) {
        const child = makeChild(sa, answer.child, nonces, undefined, true);
        const old = predecessorChild(sa, child.policy);
        sa.children.add(child, old, "now");
      } else sa.note("failed", [`no Child SA: ${answer.reason}`]);
    }
  }
  sa.host.established(sa, sa.now, false);
  for (const policy of connection.children.slice(1))
    sa.enqueue({ kind: "create-child", policy: policy.name });
  return DONE;
}

/** The Child SA of a reauthentication's predecessor that the new one takes the place of. */
function predecessorChild(sa: IkeSa, policy: string) {
  for (const child of sa.predecessor?.children ?? []) if (child.policy === policy) return child;
  return undefined;
}

/** RFC 7296 §2.21.2: the initiator may say so in an INFORMATIONAL exchange; the SA ends either way. */
function* refusePeer(sa: IkeSa, lines: readonly string[]): Procedure<Outcome> {
  sa.note("failed", lines);
  yield* exchange(ExchangeType.INFORMATIONAL, [notify(NotifyType.AUTHENTICATION_FAILED)]);
  return failed("authentication-failed", lines.slice(0, 2).join("; "));
}

function childRefused(sa: IkeSa, offer: ChildOffer, type: number): void {
  const what =
    type === NotifyType.TS_UNACCEPTABLE
      ? [`${selectorsText(offer.policy.local)} === ${selectorsText(offer.policy.remote)}`]
      : offer.proposals.map(proposalLabel);
  const lines = explainPeerError(type, "Child SA", what);
  sa.note("failed", lines);
  sa.childFailure = lines.slice(0, 3).join("; ");
  sa.retryLater({ kind: "create-child", policy: offer.policy.name }, 10_000);
}

function describeOwn(sa: IkeSa, connection: IkeConnection): string[] {
  return [
    `identity "${identityText(ownIdentity(sa, connection))}"`,
    connection.authentication.method === "psk"
      ? `a pre-shared key of ${connection.authentication.secret.length} octets`
      : "a certificate",
  ];
}

function readPeerSupport(sa: IkeSa, message: IkeMessage): void {
  sa.peerSupports.messageIdSync =
    findNotify(message, NotifyType.IKEV2_MESSAGE_ID_SYNC_SUPPORTED) !== undefined;
}

function announce(sa: IkeSa, how: string): void {
  sa.note("ok", [`IKE SA established: ${how}`]);
  sa.announce(sa.predecessor?.id);
}

export function* respondIkeAuth(sa: IkeSa, message: IkeMessage): Procedure<Response | undefined> {
  const idi = find(message, "IDi")!;
  const remote = identityText(idi);
  const wanted = find(message, "IDr");
  const connection = chooseConnection(sa, idi, wanted);
  if (connection === undefined)
    return refuseInitiator(sa, [
      `wrong identity: no connection for a peer that says it is "${remote}"${wanted === undefined ? "" : ` and asks for "${identityText(wanted)}"`}`,
      ...sa.host.candidates(sa.path).map((c) => `here expected "${c.remoteId}" asking for "${c.localId}"`),
      `cure: set the remote identity of the connection to "${remote}", or the peer's own identity to what is expected`,
    ]);
  sa.connection = connection;
  const verdict = yield* checkAuth(sa, connection, message, idi);
  if (!verdict.ok) return refuseInitiator(sa, verdict.lines);
  const id = ownIdentity(sa, connection);
  const made = yield* makeAuth(sa, connection, id);
  if (!made.ok) return refuseInitiator(sa, [made.reason]);
  sa.localIdentity = identityText(id);
  sa.remoteIdentity = remote;
  sa.tunnel = sa.host.tunnelName(connection, remote);
  if (sa.tunnel !== connection.tunnel) sa.template = connection.tunnel;
  readPeerSupport(sa, message);
  const assigned = assignAddresses(sa, connection, message, remote);
  if (assigned.length > 0) sa.virtualAddresses = { local: [], remote: assigned };
  const nonces = sa.handshake!.nonces!;
  let choice: ChildChoice | undefined;
  if (find(message, "SA") !== undefined)
    choice = addressProblem(connection, message, assigned) ?? chooseChild(sa, message, false, assigned);
  sa.establish();
  announce(sa, `authenticated ${remote} by ${verdict.how}`);
  let payloads: readonly Payload[] = [];
  if (choice?.ok === true) {
    const child = makeChild(sa, choice.child, nonces, undefined, false);
    const old = sa.host.livingChild(sa);
    sa.children.add(child, old, old === undefined ? "now" : "deferred");
    payloads = choice.payloads;
  } else if (choice?.ok === false) {
    sa.note("failed", choice.lines);
    sa.childFailure = verdictLine(choice.lines);
    payloads = [choice.error];
  }
  return {
    payloads: [
      { kind: "IDr", ...id },
      ...made.certificates,
      made.auth,
      ...addressReply(connection, message, assigned),
      ...payloads,
      notify(NotifyType.IKEV2_MESSAGE_ID_SYNC_SUPPORTED),
    ],
    after: () =>
      sa.host.established(sa, sa.now, findNotify(message, NotifyType.INITIAL_CONTACT) !== undefined),
  };
}

/** RFC 7296 §3.15.4, §2.19: a client without an address gets no Child SA. */
function addressProblem(
  connection: IkeConnection,
  message: IkeMessage,
  assigned: readonly string[],
): ChildChoice | undefined {
  if (connection.addressPool === undefined || assigned.length > 0) return undefined;
  return find(message, "CP") === undefined
    ? {
        ok: false,
        error: notify(NotifyType.FAILED_CP_REQUIRED),
        lines: ["the client did not ask for a virtual address: answering FAILED_CP_REQUIRED"],
      }
    : {
        ok: false,
        error: notify(NotifyType.INTERNAL_ADDRESS_FAILURE),
        lines: ["no virtual address for the client: answering INTERNAL_ADDRESS_FAILURE"],
      };
}

/** Among the connections for this address, the one for these identities whose policy allows what SA_INIT agreed on. */
function chooseConnection(
  sa: IkeSa,
  idi: WireIdentity,
  idr: WireIdentity | undefined,
): IkeConnection | undefined {
  const { suite } = sa.channel!;
  const fits = (c: IkeConnection): boolean =>
    identityMatches(c.remoteId, idi) &&
    (idr === undefined || isAnyIdentity(c.localId) || identityMatches(c.localId, idr)) &&
    c.ike.accept.some(
      (p) =>
        p.groups.includes(suite.group) &&
        p.prf.includes(suite.prf) &&
        p.encryption.some((e) => e.name === suite.encryption && e.keyBits === suite.keyBits) &&
        (suite.integrity === "none" || p.integrity.includes(suite.integrity)),
    );
  const fitting = sa.host.candidates(sa.path).filter(fits);
  return fitting.find((c) => !isAnyIdentity(c.remoteId)) ?? fitting[0];
}

/** The peer learns AUTHENTICATION_FAILED and nothing else (RFC 7296 §2.21.2). */
function refuseInitiator(sa: IkeSa, lines: readonly string[]): Response {
  sa.note("failed", [...lines, "answering AUTHENTICATION_FAILED"]);
  return {
    payloads: [notify(NotifyType.AUTHENTICATION_FAILED)],
    after: () => sa.close("authentication-failed", lines.slice(0, 2).join("; ")),
  };
}
