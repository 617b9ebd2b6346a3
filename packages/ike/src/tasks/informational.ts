/** INFORMATIONAL as responder (RFC 7296 §1.4, §1.4.1): deletes, errors, liveness (an empty one), RFC 6311. */

import { spiText } from "../child-sa.ts";
import { CHILDREN_PER_IKE_SA_MAX } from "../constants.ts";
import type { DownCause } from "../events.ts";
import { NotifyType, notifyTypeName, ProtocolId } from "../iana.ts";
import type { IkeSa } from "../ike-sa.ts";
import { findAll, findError, findNotify, type IkeMessage } from "../message/message.ts";
import { readU32 } from "../message/octets.ts";
import type { Payload } from "../message/payload.ts";
import { respondMessageIdSync } from "./message-id-sync.ts";
import type { Response } from "./respond.ts";

export function respondInformational(sa: IkeSa, message: IkeMessage): Response | undefined {
  if (findNotify(message, NotifyType.IKEV2_MESSAGE_ID_SYNC) !== undefined)
    return respondMessageIdSync(sa, message);
  const deletes = findAll(message, "D");
  if (deletes.some((d) => d.protocol === ProtocolId.IKE)) return deleteIkeSa(sa);
  const fatal = findError(message);
  if (fatal?.type === NotifyType.AUTHENTICATION_FAILED || fatal?.type === NotifyType.INVALID_SYNTAX) {
    const name = notifyTypeName(fatal.type);
    sa.note("failed", [
      `the peer ended the IKE SA with ${name}`,
      ...(fatal.type === NotifyType.AUTHENTICATION_FAILED
        ? [
            "cause: the peer does not accept this side's key, certificate or identity; cure: compare them on both sides",
          ]
        : []),
    ]);
    const cause =
      fatal.type === NotifyType.AUTHENTICATION_FAILED ? "authentication-failed" : "protocol-error";
    return { payloads: [], after: () => sa.close(cause, `the peer ended the IKE SA: ${name}`) };
  }
  lostByPeer(sa, message);
  const answers: string[] = [];
  for (const { protocol, spis } of deletes) {
    if (protocol !== ProtocolId.ESP) continue;
    for (const spi of spis) {
      const own = deleteChildSa(sa, Number.parseInt(spi, 16));
      if (own !== undefined) answers.push(spiText(own));
    }
  }
  const payloads: Payload[] =
    answers.length === 0 ? [] : [{ kind: "D", protocol: ProtocolId.ESP, spis: answers }];
  return { payloads };
}

/** INVALID_SPI inside the IKE SA: the peer has lost that Child SA, so it is of no use here either. */
function lostByPeer(sa: IkeSa, message: IkeMessage): void {
  const data = findNotify(message, NotifyType.INVALID_SPI)?.data;
  const child = data?.length === 4 ? sa.children.bySpiOut(readU32(data, 0)) : undefined;
  if (child === undefined || child.state !== "installed") return;
  const reason = `the peer has no Child SA ${spiText(child.install.spiOut)} any more (INVALID_SPI)`;
  sa.note("failed", [reason, "it is deleted and made again"]);
  sa.enqueue({ kind: "delete-child", spiIn: child.install.spiIn, cause: "protocol-error", reason });
  sa.children.restore(child);
}

/** RFC 7296 §1.4.1: the peer names the SPIs on which it receives; ours of the same pair go back. */
function deleteChildSa(sa: IkeSa, spiOut: number): number | undefined {
  const child = sa.children.bySpiOut(spiOut);
  if (child === undefined) {
    if (sa.deletedMeanwhile.size < CHILDREN_PER_IKE_SA_MAX) sa.deletedMeanwhile.add(spiOut);
    return undefined;
  }
  const { spiIn } = child.install;
  // §2.25.1: we are closing it ourselves, so the answer to our own request does that.
  if (child.state === "deleting" && sa.task?.kind === "delete-child" && sa.task.spiIn === spiIn) {
    return undefined;
  }
  sa.drop((t) => (t.kind === "rekey-child" || t.kind === "delete-child") && t.spiIn === spiIn);
  const rekeyed = child.state === "replaced" || child.successor !== undefined;
  sa.children.remove(
    child,
    rekeyed ? "rekeyed" : "peer-deleted",
    rekeyed ? "replaced by its successor" : "deleted by the peer",
  );
  if (!rekeyed && child.state !== "rekeying") sa.children.restore(child);
  return spiIn;
}

function deleteIkeSa(sa: IkeSa): Response {
  const { peerRekey } = sa;
  if (sa.rekeyAnswered) {
    // The peer has its half of the IKE SA that our rekey makes, and waits for us to use it or to close it (§2.8.2).
    sa.deletedByPeer = true;
    return { payloads: [] };
  }
  if (sa.task?.kind === "rekey-ike") {
    // §2.25.2: reply as usual and forget our own rekey. What the peer's rekey made stands.
    sa.abandonTask();
    if (peerRekey !== undefined) {
      peerRekey.sa.inheritFrom(sa);
      return { payloads: [], after: () => sa.close("rekeyed", "replaced by its successor") };
    }
  }
  const { cause, reason } = whyDeleted(sa);
  return { payloads: [], after: () => sa.close(cause, reason) };
}

export function whyDeleted(sa: IkeSa): { readonly cause: DownCause; readonly reason: string } {
  if (sa.state === "replaced") return { cause: "rekeyed", reason: "replaced by its successor" };
  // A reauthentication: the new IKE SA stands, so the Child SAs of the old one get the grace of replaced ones.
  if (sa.host.hasSibling(sa))
    return { cause: "replaced", reason: "another IKE SA of the same tunnel took its place" };
  return { cause: "peer-deleted", reason: "the peer deleted the IKE SA" };
}
