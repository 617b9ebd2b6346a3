/** Identification payloads IDi and IDr (RFC 7296 §3.5). */
import { concatBytes } from "@tandem/crypto";
import { type Malformed, malformed } from "../octets.ts";

export interface IdPayload {
  readonly kind: "IDi" | "IDr";
  readonly idType: number;
  readonly data: Uint8Array;
}

export function decodeId(kind: "IDi" | "IDr", body: Uint8Array): IdPayload | Malformed {
  if (body.length < 4) return malformed(`${kind} payload cut short`);
  return { kind, idType: body[0]!, data: body.slice(4) };
}

/** Also what enters the AUTH computation: the payload without its generic header (RFC 7296 §2.15). */
export function encodeId(payload: Pick<IdPayload, "idType" | "data">): Uint8Array {
  return concatBytes(Uint8Array.of(payload.idType, 0, 0, 0), payload.data);
}
