/**
 * Which payloads may be in which message: RFC 7296 §1.2 to §1.4, §2.25, §3 and RFC 6023 §3, as a table.
 * Notify, Vendor ID and unknown non-critical payloads may be anywhere and are not listed.
 * A response that carries an error notify need not have the rest (§2.21).
 */
import { ExchangeType, FIRST_STATUS_NOTIFY, NotifyType } from "../iana.ts";
import type { Payload, PayloadKind } from "./payload.ts";

type Count = readonly [min: number, max: number];
type Rules = Partial<Record<PayloadKind, Count>>;

const CHILD: Rules = { SA: [0, 1], TSi: [0, 1], TSr: [0, 1] };
const CERTIFICATES: Rules = { CERT: [0, 16], CERTREQ: [0, 16] };

export const MESSAGE_RULES: Readonly<Record<number, { readonly request: Rules; readonly response: Rules }>> =
  {
    [ExchangeType.IKE_SA_INIT]: {
      request: { SA: [1, 1], KE: [1, 1], Nonce: [1, 1] },
      response: { SA: [1, 1], KE: [1, 1], Nonce: [1, 1], CERTREQ: [0, 16] },
    },
    [ExchangeType.IKE_AUTH]: {
      request: { IDi: [1, 1], IDr: [0, 1], AUTH: [0, 1], CP: [0, 1], ...CERTIFICATES, ...CHILD },
      response: { IDr: [1, 1], AUTH: [1, 1], CP: [0, 1], ...CERTIFICATES, ...CHILD },
    },
    [ExchangeType.CREATE_CHILD_SA]: {
      request: { SA: [1, 1], Nonce: [1, 1], KE: [0, 1], TSi: [0, 1], TSr: [0, 1], CP: [0, 1] },
      response: { SA: [1, 1], Nonce: [1, 1], KE: [0, 1], TSi: [0, 1], TSr: [0, 1], CP: [0, 1] },
    },
    [ExchangeType.INFORMATIONAL]: {
      request: { D: [0, 16], CP: [0, 1] },
      response: { D: [0, 16], CP: [0, 1] },
    },
  };

/** What the message lacks or has too much of, in words, or undefined when it is legal. */
export function illegalContents(
  exchangeType: number,
  response: boolean,
  payloads: readonly Payload[],
): string | undefined {
  const table = MESSAGE_RULES[exchangeType];
  if (table === undefined) return `exchange type ${exchangeType} is not known`;
  const error = payloads.find((p) => p.kind === "N" && p.type < FIRST_STATUS_NOTIFY);
  if (response && error !== undefined) return undefined;
  // A responder may ask for a cookie in place of everything else (RFC 7296 §2.6).
  if (response && exchangeType === ExchangeType.IKE_SA_INIT && payloads.some(isCookie)) return undefined;
  const rules = response ? table.response : table.request;
  const counts = new Map<PayloadKind, number>();
  for (const { kind } of payloads) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  for (const [kind, count] of counts) {
    if (kind === "N" || kind === "V" || kind === "unknown") continue;
    const rule = rules[kind];
    if (rule === undefined) return `${kind} payload does not belong here`;
    if (count > rule[1]) return `${count} ${kind} payloads`;
  }
  for (const [kind, [min]] of Object.entries(rules) as [PayloadKind, Count][])
    if ((counts.get(kind) ?? 0) < min) return `${kind} payload is missing`;
  const has = (kind: PayloadKind): boolean => counts.has(kind);
  if (has("TSi") !== has("TSr")) return `${has("TSi") ? "TSr" : "TSi"} payload is missing`;
  if (exchangeType === ExchangeType.IKE_AUTH && has("SA") !== has("TSi"))
    return `${has("SA") ? "TSi and TSr payloads are" : "SA payload is"} missing`;
  return undefined;
}

const isCookie = (p: Payload): boolean => p.kind === "N" && p.type === NotifyType.COOKIE;
