/** Key Exchange payload (RFC 7296 §3.4). */
import { concatBytes } from "@tandem/crypto";
import { type Malformed, malformed, readU16, u16 } from "../octets.ts";

export interface KePayload {
  readonly kind: "KE";
  readonly group: number;
  readonly data: Uint8Array;
}

export function decodeKe(body: Uint8Array): KePayload | Malformed {
  if (body.length < 5) return malformed("KE payload without key exchange data");
  return { kind: "KE", group: readU16(body, 0), data: body.slice(4) };
}

export function encodeKe(payload: KePayload): Uint8Array {
  return concatBytes(u16(payload.group), u16(0), payload.data);
}
