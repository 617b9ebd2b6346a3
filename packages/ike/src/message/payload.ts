/** The payload chain: generic headers (RFC 7296 §3.2) around the payloads of ./payloads. */
import { concatBytes } from "@tandem/crypto";
import { PAYLOADS_MAX } from "../constants.ts";
import { PayloadType } from "../iana.ts";
import { isMalformed, type Malformed, malformed, readU16, u16 } from "./octets.ts";
import { type AuthPayload, decodeAuth, encodeAuth } from "./payloads/auth.ts";
import {
  type CertPayload,
  type CertReqPayload,
  decodeCert,
  decodeCertReq,
  encodeCert,
  encodeCertReq,
} from "./payloads/cert.ts";
import { type CpPayload, decodeCp, encodeCp } from "./payloads/cp.ts";
import { type DeletePayload, decodeDelete, encodeDelete } from "./payloads/delete.ts";
import { decodeId, encodeId, type IdPayload } from "./payloads/id.ts";
import { decodeKe, encodeKe, type KePayload } from "./payloads/ke.ts";
import { decodeNonce, encodeNonce, type NoncePayload } from "./payloads/nonce.ts";
import { decodeNotify, encodeNotify, type NotifyPayload } from "./payloads/notify.ts";
import { decodeSa, encodeSa, type SaPayload } from "./payloads/sa.ts";
import { decodeTs, encodeTs, type TsPayload } from "./payloads/ts.ts";
import type { UnknownPayload } from "./payloads/unknown.ts";
import { decodeVendorId, encodeVendorId, type VendorIdPayload } from "./payloads/vendor-id.ts";

export type Payload =
  | SaPayload
  | KePayload
  | IdPayload
  | CertPayload
  | CertReqPayload
  | AuthPayload
  | NoncePayload
  | NotifyPayload
  | DeletePayload
  | VendorIdPayload
  | TsPayload
  | CpPayload
  | UnknownPayload;

export type PayloadKind = Payload["kind"];
/** Distributes over payloads whose kind is itself a union (IDi and IDr, TSi and TSr). */
export type PayloadOf<K extends PayloadKind, P = Payload> = P extends { readonly kind: infer Own }
  ? K extends Own
    ? P
    : never
  : never;

export const GENERIC_HEADER_LENGTH = 4;
const CRITICAL = 0x80;

export function decodePayloadBody(type: number, critical: boolean, body: Uint8Array): Payload | Malformed {
  switch (type) {
    case PayloadType.SA:
      return decodeSa(body);
    case PayloadType.KE:
      return decodeKe(body);
    case PayloadType.IDi:
      return decodeId("IDi", body);
    case PayloadType.IDr:
      return decodeId("IDr", body);
    case PayloadType.CERT:
      return decodeCert(body);
    case PayloadType.CERTREQ:
      return decodeCertReq(body);
    case PayloadType.AUTH:
      return decodeAuth(body);
    case PayloadType.Nonce:
      return decodeNonce(body);
    case PayloadType.N:
      return decodeNotify(body);
    case PayloadType.D:
      return decodeDelete(body);
    case PayloadType.V:
      return decodeVendorId(body);
    case PayloadType.TSi:
      return decodeTs("TSi", body);
    case PayloadType.TSr:
      return decodeTs("TSr", body);
    case PayloadType.CP:
      return decodeCp(body);
    default:
      return { kind: "unknown", type, critical, data: body.slice() };
  }
}

/** Payloads up to the end; `protectedPart` is set when the chain ends in SK or SKF, which must be last (RFC 7296 §3.14). */
export interface PayloadChain {
  readonly payloads: readonly Payload[];
  readonly protectedPart?: {
    readonly type: number;
    /** Type of the first payload inside; zero in later fragments. */
    readonly nextPayload: number;
    /** Offset of the SK payload's generic header, and of its body, in the bytes given. */
    readonly headerOffset: number;
    readonly bodyOffset: number;
  };
}

/** Reads a chain that starts at `offset`. Known payloads ignore their critical bit (RFC 7296 §2.5). */
export function decodePayloadChain(
  first: number,
  bytes: Uint8Array,
  offset: number,
): PayloadChain | Malformed {
  const payloads: Payload[] = [];
  let type = first;
  let at = offset;
  while (type !== PayloadType.NONE) {
    if (payloads.length >= PAYLOADS_MAX) return malformed(`more than ${PAYLOADS_MAX} payloads`);
    if (bytes.length - at < GENERIC_HEADER_LENGTH) return malformed("payload header cut short");
    const next = bytes[at]!;
    const length = readU16(bytes, at + 2);
    if (length < GENERIC_HEADER_LENGTH || length > bytes.length - at)
      return malformed(`payload length ${length} with ${bytes.length - at} octets left`);
    if (type === PayloadType.SK || type === PayloadType.SKF) {
      if (at + length !== bytes.length) return malformed("octets after the SK payload");
      return {
        payloads,
        protectedPart: {
          type,
          nextPayload: next,
          headerOffset: at,
          bodyOffset: at + GENERIC_HEADER_LENGTH,
        },
      };
    }
    const critical = (bytes[at + 1]! & CRITICAL) !== 0;
    const payload = decodePayloadBody(
      type,
      critical,
      bytes.subarray(at + GENERIC_HEADER_LENGTH, at + length),
    );
    if (isMalformed(payload)) return payload;
    payloads.push(payload);
    type = next;
    at += length;
  }
  if (at !== bytes.length) return malformed("octets after the last payload");
  return { payloads };
}

export function payloadType(payload: Payload): number {
  return payload.kind === "unknown" ? payload.type : PayloadType[payload.kind];
}

function encodePayloadBody(payload: Payload): Uint8Array {
  switch (payload.kind) {
    case "SA":
      return encodeSa(payload);
    case "KE":
      return encodeKe(payload);
    case "IDi":
    case "IDr":
      return encodeId(payload);
    case "CERT":
      return encodeCert(payload);
    case "CERTREQ":
      return encodeCertReq(payload);
    case "AUTH":
      return encodeAuth(payload);
    case "Nonce":
      return encodeNonce(payload);
    case "N":
      return encodeNotify(payload);
    case "D":
      return encodeDelete(payload);
    case "V":
      return encodeVendorId(payload);
    case "TSi":
    case "TSr":
      return encodeTs(payload);
    case "CP":
      return encodeCp(payload);
    case "unknown":
      return payload.data;
  }
}

/** The chain with generic headers; `first` goes into the header in front of it (0 when there are none). */
export function encodePayloadChain(payloads: readonly Payload[]): { first: number; bytes: Uint8Array } {
  const parts: Uint8Array[] = [];
  payloads.forEach((payload, i) => {
    const body = encodePayloadBody(payload);
    const next = payloads[i + 1];
    const critical = payload.kind === "unknown" && payload.critical ? CRITICAL : 0;
    parts.push(
      Uint8Array.of(next === undefined ? PayloadType.NONE : payloadType(next), critical),
      u16(GENERIC_HEADER_LENGTH + body.length),
      body,
    );
  });
  return {
    first: payloads[0] === undefined ? PayloadType.NONE : payloadType(payloads[0]),
    bytes: concatBytes(...parts),
  };
}
