/**
 * A message in RFC 7296's notation (§1.2): who says what in which exchange.
 *
 *      IKE_SA_INIT 0   HDR, SAi1, KEi, Ni, N(NAT_DETECTION_SOURCE_IP) -->
 *         SA #1 AES_CBC-256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/ECP_256
 */
import { bytesToHex } from "@tandem/crypto";
import {
  authMethodName,
  CertEncoding,
  cfgAttributeName,
  ExchangeType,
  exchangeTypeName,
  notifyTypeName,
} from "../iana.ts";
import { identityText } from "../identity.ts";
import type { Payload } from "../message/payload.ts";
import { proposalLabel } from "../proposal.ts";
import { selectorsText } from "../traffic-selector.ts";

const PROTOCOL: Readonly<Record<number, string>> = { 1: "IKE", 2: "AH", 3: "ESP" };
const CFG: Readonly<Record<number, string>> = {
  1: "CFG_REQUEST",
  2: "CFG_REPLY",
  3: "CFG_SET",
  4: "CFG_ACK",
};

/** One payload as the RFC writes it: SAi1, KEr, N(COOKIE), … `response` tells i from r. */
function notation(payload: Payload, exchangeType: number, response: boolean): string {
  const side = response ? "r" : "i";
  switch (payload.kind) {
    case "SA":
      if (exchangeType === ExchangeType.CREATE_CHILD_SA) return "SA";
      return `SA${side}${exchangeType === ExchangeType.IKE_SA_INIT ? 1 : 2}`;
    case "KE":
      return `KE${side}`;
    case "Nonce":
      return `N${side}`;
    case "N":
      return `N(${notifyTypeName(payload.type)}${payload.spi === "" ? "" : ` ${payload.spi}`})`;
    case "D":
      return `D(${PROTOCOL[payload.protocol] ?? payload.protocol}${payload.spis.length === 0 ? "" : ` ${payload.spis.join(" ")}`})`;
    case "CP":
      return `CP(${CFG[payload.cfgType] ?? payload.cfgType})`;
    case "unknown":
      return `PAYLOAD_${payload.type}${payload.critical ? "!" : ""}`;
    default:
      return payload.kind;
  }
}

/** What deserves a line of its own below the notation. */
function detail(payload: Payload): string[] {
  switch (payload.kind) {
    case "SA":
      return payload.proposals.map(
        (p) =>
          `SA #${p.number} ${PROTOCOL[p.protocol] ?? p.protocol} ${proposalLabel(p)}${p.spi === "" ? "" : ` spi ${p.spi}`}`,
      );
    case "TSi":
    case "TSr":
      return [
        `${payload.kind} ${selectorsText(payload.selectors)}${payload.unknown > 0 ? ` and ${payload.unknown} of unknown type` : ""}`,
      ];
    case "IDi":
    case "IDr":
      return [`${payload.kind} ${identityText(payload)}`];
    case "AUTH":
      return [`AUTH ${authMethodName(payload.method)}`];
    case "CERT":
      return payload.encoding === CertEncoding.X509_SIGNATURE ? [] : [`CERT encoding ${payload.encoding}`];
    case "CP":
      return [`CP ${payload.attributes.map((a) => cfgAttributeName(a.type)).join(", ")}`];
    case "V":
      return [`V ${bytesToHex(payload.data.subarray(0, 16))}`];
    default:
      return [];
  }
}

/** This side stands on the left: `-->` is what it sent. (The RFC puts the initiator there, but that changes with every rekey.) */
export function renderMessage(
  kind: "sent" | "received",
  exchangeType: number,
  messageId: number,
  response: boolean,
  payloads: readonly Payload[],
  datagrams: number,
): string[] {
  const inner = payloads.map((p) => notation(p, exchangeType, response)).join(", ");
  const body = exchangeType === ExchangeType.IKE_SA_INIT ? inner : `SK {${inner}}`;
  const text = body === "" ? "HDR" : `HDR, ${body}`;
  const fragments = datagrams > 1 ? ` (${datagrams} fragments)` : "";
  const head = `${exchangeTypeName(exchangeType)} ${messageId}`;
  return [
    kind === "sent" ? `${head}  ${text}${fragments}  -->` : `${head}  <--  ${text}${fragments}`,
    ...payloads.flatMap(detail),
  ];
}
