/**
 * From a datagram to a message that an IKE SA may believe: window, integrity, fragments, payloads, in that order.
 * Nothing before the integrity check changes any state, and every way to drop a datagram has a name.
 *
 *   datagram ─▶ direction ─▶ window ─▶ integrity ─▶ fragments ─▶ payloads ─▶ takeRequest / takeResponse
 */
import type { Instant } from "@tandem/sansio";
import { ExchangeType, NotifyType } from "./iana.ts";
import type { IkeSa } from "./ike-sa.ts";
import type { Path } from "./ike-sa-host.ts";
import { EXCHANGE_TYPE_OFFSET, IKE_HEADER_LENGTH, type IkeHeader } from "./message/header.ts";
import { findNotify, type IkeMessage, unknownCritical } from "./message/message.ts";
import { isMalformed } from "./message/octets.ts";
import { decodePayloadChain, type Payload, type PayloadChain } from "./message/payload.ts";
import { illegalContents } from "./message/rules.ts";

export type DropReason =
  | "short-header"
  | "bad-length"
  | "too-long"
  | "malformed"
  | "unknown-spi"
  | "wrong-version"
  | "wrong-direction"
  | "out-of-window"
  | "unexpected-response"
  | "not-encrypted"
  | "no-keys"
  | "integrity"
  | "bad-fragment"
  | "closed"
  | "half-open-limit"
  | "no-connection"
  | "cookie-wanted"
  | "unexpected-exchange";

export interface Incoming {
  readonly bytes: Uint8Array;
  readonly header: IkeHeader;
  readonly path: Path;
}

/** Returns why the datagram was dropped; undefined when it was used (a repetition answered from the cache counts). */
export function receive(sa: IkeSa, incoming: Incoming, now: Instant): DropReason | undefined {
  const { header, bytes } = incoming;
  if (header.fromInitiator === sa.initiator) return "wrong-direction";
  if (header.exchangeType === ExchangeType.IKE_SA_INIT) return receiveInit(sa, incoming);
  const chain = decodePayloadChain(header.nextPayload, bytes, IKE_HEADER_LENGTH);
  if (isMalformed(chain)) return "malformed";
  const part = chain.protectedPart;
  if (part === undefined) return "not-encrypted";
  if (header.response && !answersOutstanding(sa, header)) return "unexpected-response";
  const place = header.response ? "new" : classifyRequest(sa, header);
  if (place === "out-of-window") return "out-of-window";
  if (sa.channel === undefined) return "no-keys";
  const opened = sa.channel.open(bytes, part);
  if (!opened.ok && !opened.authentic) return "integrity";
  // From here on the peer is known to have the keys.
  if (place === "repeat" && !(opened.ok && isSynchronisation(sa, header, opened.first, opened.inner)))
    return repeatResponse(sa, incoming, opened.ok ? opened.fragment?.number : undefined);
  if (sa.state === "closed") return "closed";
  if (!opened.ok) return broken(sa, incoming, opened.reason);
  if (isFresh(sa, header)) sa.heard(now);
  if (opened.fragment === undefined) {
    sa.channel.reassembly(header.response).clear();
    return deliver(sa, incoming, opened.first, opened.inner, chain);
  }
  const whole = sa.channel
    .reassembly(header.response)
    .add(header.messageId, opened.fragment, opened.first, opened.inner, now);
  if (whole === undefined) return undefined;
  if ("refused" in whole) return "bad-fragment";
  return deliver(sa, incoming, whole.first, whole.inner, chain);
}

/** The same message ID and the same exchange as our request (RFC 7296 §2.2, §3.1). */
function answersOutstanding(sa: IkeSa, header: IkeHeader): boolean {
  const { outstanding } = sa.window;
  return (
    outstanding?.messageId === header.messageId &&
    outstanding.datagrams[0]?.[EXCHANGE_TYPE_OFFSET] === header.exchangeType
  );
}

/** Not a replay: the answer that is awaited, or the next request. Only such a message proves where and whether the peer is. */
const isFresh = (sa: IkeSa, header: IkeHeader): boolean =>
  header.response || sa.window.classify(header.messageId) === "new";

/** RFC 6311 §4: a synchronisation request has message ID 0 and stands outside of the window. */
const mayBeSynchronisation = (sa: IkeSa, header: IkeHeader): boolean =>
  header.messageId === 0 &&
  header.exchangeType === ExchangeType.INFORMATIONAL &&
  sa.peerSupports.messageIdSync;

function classifyRequest(sa: IkeSa, header: IkeHeader): "new" | "repeat" | "out-of-window" {
  const place = sa.window.classify(header.messageId);
  return place === "out-of-window" && mayBeSynchronisation(sa, header) ? "new" : place;
}

/** With message ID 0 answered last, only its contents tell a synchronisation from a repetition. */
function isSynchronisation(sa: IkeSa, header: IkeHeader, first: number, inner: Uint8Array): boolean {
  if (!mayBeSynchronisation(sa, header)) return false;
  const chain = decodePayloadChain(first, inner, 0);
  return (
    !isMalformed(chain) &&
    chain.payloads.some((p) => p.kind === "N" && p.type === NotifyType.IKEV2_MESSAGE_ID_SYNC)
  );
}

/** The initiator's IKE_SA_INIT response; the requests are the endpoint's business. */
function receiveInit(sa: IkeSa, incoming: Incoming): DropReason | undefined {
  const { header, bytes } = incoming;
  if (!header.response || sa.state !== "initiating") return "unexpected-exchange";
  if (sa.window.outstanding?.messageId !== header.messageId || sa.channel !== undefined)
    return "unexpected-response";
  const chain = decodePayloadChain(header.nextPayload, bytes, IKE_HEADER_LENGTH);
  if (isMalformed(chain)) return "malformed";
  if (chain.protectedPart !== undefined) return "unexpected-exchange";
  // An unauthenticated answer that breaks the rules is no reason to give up: the right one may still come (§2.21.1).
  if (illegalContents(header.exchangeType, true, chain.payloads) !== undefined) return "malformed";
  if (unknownCritical(chain.payloads) !== undefined) return "malformed";
  sa.takeResponse({ header, payloads: chain.payloads, raw: bytes });
  return undefined;
}

/** The same octets as before (RFC 7296 §2.1); of a fragmented request only the first fragment draws them (RFC 7383 §2.6.1). */
function repeatResponse(sa: IkeSa, incoming: Incoming, fragment: number | undefined): undefined {
  if (fragment === undefined || fragment === 1) sa.transmit(sa.window.lastResponse!.datagrams, incoming.path);
  return undefined;
}

function broken(sa: IkeSa, incoming: Incoming, reason: string): DropReason | undefined {
  if (!incoming.header.response) sa.refuseMalformed(incoming, reason, incoming.path);
  return "malformed";
}

function deliver(
  sa: IkeSa,
  incoming: Incoming,
  first: number,
  inner: Uint8Array,
  outer: PayloadChain,
): DropReason | undefined {
  const { header, bytes, path } = incoming;
  const chain = decodePayloadChain(first, inner, 0);
  if (isMalformed(chain)) return broken(sa, incoming, chain.malformed);
  if (chain.protectedPart !== undefined)
    return broken(sa, incoming, "an encrypted payload inside an encrypted payload");
  // What stood unencrypted in front of SK is covered by its ICV (AEAD) but belongs nowhere: only notifies and unknown ones pass.
  const payloads: Payload[] = [...outer.payloads.filter((p) => p.kind === "unknown"), ...chain.payloads];
  const message: IkeMessage = { header, payloads, raw: bytes };
  const fresh = isFresh(sa, header);
  if (fresh) sa.follow(path);
  if (!header.response) {
    if (!fresh && findNotify(message, NotifyType.IKEV2_MESSAGE_ID_SYNC) === undefined) return "out-of-window";
    sa.takeRequest(message, path);
    return undefined;
  }
  const illegal = illegalContents(header.exchangeType, true, payloads);
  if (illegal !== undefined || unknownCritical(payloads) !== undefined) {
    sa.note("failed", [`malformed response from the peer: ${illegal ?? "unknown critical payload"}`]);
    sa.close("protocol-error", `malformed response from the peer: ${illegal ?? "unknown critical payload"}`);
    return "malformed";
  }
  sa.takeResponse(message);
  return undefined;
}
