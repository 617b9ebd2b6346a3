/** A decrypted (or never encrypted) message with typed access to its payloads. */
import type { NotifyType } from "../iana.ts";
import { FIRST_STATUS_NOTIFY } from "../iana.ts";
import type { IkeHeader } from "./header.ts";
import type { Payload, PayloadKind, PayloadOf } from "./payload.ts";
import type { NotifyPayload } from "./payloads/notify.ts";

export interface IkeMessage {
  readonly header: IkeHeader;
  readonly payloads: readonly Payload[];
  /** The datagram as it came (the last one of a fragmented message): AUTH signs the raw IKE_SA_INIT. */
  readonly raw: Uint8Array;
}

export function find<K extends PayloadKind>(message: IkeMessage, kind: K): PayloadOf<K> | undefined {
  return message.payloads.find((p): p is PayloadOf<K> => p.kind === kind);
}

export function findAll<K extends PayloadKind>(message: IkeMessage, kind: K): PayloadOf<K>[] {
  return message.payloads.filter((p): p is PayloadOf<K> => p.kind === kind);
}

export function findNotify(message: IkeMessage, type: NotifyType): NotifyPayload | undefined {
  return message.payloads.find((p): p is NotifyPayload => p.kind === "N" && p.type === type);
}

/** The first error notification (types below 16384, known or not: RFC 7296 §3.10.1). */
export function findError(message: IkeMessage): NotifyPayload | undefined {
  return message.payloads.find((p): p is NotifyPayload => p.kind === "N" && p.type < FIRST_STATUS_NOTIFY);
}

/** Type of the first unknown payload that is marked critical (RFC 7296 §2.5). */
export function unknownCritical(payloads: readonly Payload[]): number | undefined {
  for (const p of payloads) if (p.kind === "unknown" && p.critical) return p.type;
  return undefined;
}
