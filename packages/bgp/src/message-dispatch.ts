/** Reading list: RFC 4271 §6, §8.1.5. Turns each message of a connection into an event of its state machine. */
import type { Instant } from "@tandem/sansio";
import type { PeerConfig } from "./config.ts";
import { HEADER_LENGTH } from "./constants.ts";
import type { Core } from "./core.ts";
import type { BgpError } from "./errors.ts";
import type { Fsm } from "./fsm/fsm.ts";
import { FsmEvent } from "./fsm/fsm-table.ts";
import { ErrorCode, MessageType, OpenError } from "./iana.ts";
import { decodeNotification, describeNotification } from "./message/notification.ts";
import { decodeOpen, type Open } from "./message/open.ts";
import { openProblem } from "./open-exchange.ts";
import type { Session } from "./session.ts";

/** What the messages of a peer need of it. */
export interface MessageOwner {
  readonly core: Core;
  readonly config: PeerConfig;
  readonly session: Session | undefined;
  /** Where `UpdateReceived` finds its message. */
  readonly update: { bytes: Uint8Array; start: number; end: number };
  bareOpen: boolean;
  /** False when the connection that has just sent its OPEN had to go. */
  resolveCollision(fsm: Fsm, open: Open, now: Instant): boolean;
}

/** One whole message, header included. */
export function dispatchMessage(
  owner: MessageOwner,
  fsm: Fsm,
  bytes: Uint8Array,
  start: number,
  end: number,
  now: Instant,
): void {
  switch (bytes[start + HEADER_LENGTH - 1]) {
    case MessageType.UPDATE:
      owner.update.bytes = bytes;
      owner.update.start = start;
      owner.update.end = end;
      fsm.fire(FsmEvent.UpdateReceived, now);
      return;
    case MessageType.KEEPALIVE:
      fsm.fire(FsmEvent.KeepaliveReceived, now);
      return;
    case MessageType.OPEN:
      dispatchOpen(owner, fsm, bytes, start, end, now);
      return;
    case MessageType.NOTIFICATION:
      dispatchNotification(owner, fsm, decodeNotification(bytes, start, end), now);
      return;
    default:
      dispatchRefresh(owner, fsm, bytes, start, end, now);
  }
}

function dispatchRefresh(
  owner: MessageOwner,
  fsm: Fsm,
  bytes: Uint8Array,
  start: number,
  end: number,
  now: Instant,
): void {
  if (fsm.state !== "Established" || owner.session === undefined) {
    // As little business outside a session as an UPDATE has.
    fsm.fire(FsmEvent.UpdateReceived, now);
    return;
  }
  const error = owner.session.receiveRefresh(bytes, start, end);
  if (error !== undefined) fsm.fire(FsmEvent.UpdateError, now, { error });
}

function dispatchOpen(
  owner: MessageOwner,
  fsm: Fsm,
  bytes: Uint8Array,
  start: number,
  end: number,
  now: Instant,
): void {
  const event = fsm.delayingOpen ? FsmEvent.OpenReceivedWhileDelaying : FsmEvent.OpenReceived;
  if (fsm.state !== "OpenSent" && !fsm.delayingOpen) {
    fsm.fire(event, now);
    return;
  }
  const decoded = decodeOpen(bytes, start, end);
  const error = decoded.ok ? openProblem(owner.core, owner.config, decoded.value) : decoded.error;
  if (!decoded.ok || error !== undefined) {
    if (error !== undefined) fsm.fire(FsmEvent.OpenError, now, { error });
    return;
  }
  fsm.connection!.open = decoded.value;
  if (!owner.resolveCollision(fsm, decoded.value, now)) return;
  fsm.fire(event, now);
}

function dispatchNotification(owner: MessageOwner, fsm: Fsm, error: BgpError, now: Instant): void {
  const aboutOpen = error.code === ErrorCode.OPEN_MESSAGE;
  owner.bareOpen = aboutOpen && error.subcode === OpenError.UNSUPPORTED_OPTIONAL_PARAMETER;
  const version = aboutOpen && error.subcode === OpenError.UNSUPPORTED_VERSION;
  const reason = `received NOTIFICATION ${describeNotification(error)}`;
  fsm.fire(version ? FsmEvent.NotificationVersionError : FsmEvent.NotificationReceived, now, { reason });
}
