/**
 * Message ID synchronisation after a failover (RFC 6311 §5): whoever adopted an IKE SA tells the peer from which
 * message IDs to go on, in an INFORMATIONAL exchange with message ID 0. Both roles.
 *
 *      HDR, SK {N(IKEV2_MESSAGE_ID_SYNC, nonce, M1 = next we send, M2 = next we expect)}  ──▶
 *      ◀──  HDR, SK {N(IKEV2_MESSAGE_ID_SYNC, nonce, P1, P2)}
 */
import { bytesToHex, concatBytes } from "@tandem/crypto";
import { ExchangeType, NotifyType } from "../iana.ts";
import type { IkeSa } from "../ike-sa.ts";
import { takeBackFromSuccessor } from "../ike-sa-failover.ts";
import { findNotify, type IkeMessage } from "../message/message.ts";
import { readU32, u32 } from "../message/octets.ts";
import { notify } from "../message/payloads/notify.ts";
import type { Response } from "./respond.ts";
import { DONE, type Outcome, type Procedure } from "./task.ts";

const NONCE_LENGTH = 4;
const DATA_LENGTH = NONCE_LENGTH + 8;

export function* synchroniseMessageIds(sa: IkeSa): Procedure<Outcome> {
  const nonce = sa.host.random.bytes(NONCE_LENGTH);
  const data = concatBytes(nonce, u32(sa.window.nextSend), u32(sa.window.nextReceive));
  const response = (yield {
    kind: "exchange",
    exchangeType: ExchangeType.INFORMATIONAL,
    payloads: [notify(NotifyType.IKEV2_MESSAGE_ID_SYNC, data)],
    synchronises: true,
  }) as IkeMessage;
  const answer = findNotify(response, NotifyType.IKEV2_MESSAGE_ID_SYNC)?.data;
  if (answer?.length !== DATA_LENGTH || bytesToHex(answer.subarray(0, NONCE_LENGTH)) !== bytesToHex(nonce)) {
    sa.note("note", [
      "the peer did not synchronise message IDs (RFC 6311): going on with the replicated ones",
    ]);
    return DONE;
  }
  // §5.1: each side takes the higher of what it knows and what the other says.
  sa.window.synchronise(
    Math.max(sa.window.nextSend, readU32(answer, 8)),
    Math.max(sa.window.nextReceive, readU32(answer, 4)),
  );
  sa.note("ok", [
    `message IDs synchronised: next sent ${sa.window.nextSend}, next expected ${sa.window.nextReceive}`,
  ]);
  sa.host.changed(sa);
  return DONE;
}

/** The peer failed over: its numbers may have fallen behind ours, never ours behind its (§5.1). */
export function respondMessageIdSync(sa: IkeSa, message: IkeMessage): Response | undefined {
  const data = findNotify(message, NotifyType.IKEV2_MESSAGE_ID_SYNC)!.data;
  if (message.header.messageId !== 0 || data.length !== DATA_LENGTH || !sa.peerSupports.messageIdSync)
    return undefined;
  const m1 = readU32(data, 4);
  const m2 = readU32(data, 8);
  const p1 = Math.max(sa.window.nextSend, m2);
  const p2 = Math.max(sa.window.nextReceive, m1);
  sa.note("note", [
    `the peer failed over and synchronises message IDs (RFC 6311): next sent ${p1}, next expected ${p2}`,
  ]);
  return {
    payloads: [
      notify(NotifyType.IKEV2_MESSAGE_ID_SYNC, concatBytes(data.subarray(0, NONCE_LENGTH), u32(p1), u32(p2))),
    ],
    outsideWindow: true,
    // A replay of an old request changes nothing: numbers only grow.
    after: () => {
      takeBackFromSuccessor(sa);
      if (p1 !== sa.window.nextSend || p2 !== sa.window.nextReceive) sa.synchronised(p1, p2);
    },
  };
}
