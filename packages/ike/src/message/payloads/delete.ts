/** Delete payload (RFC 7296 §3.11). */
import { bytesToHex, concatBytes, hexToBytes } from "@tandem/crypto";
import { type Malformed, malformed, readU16, u16 } from "../octets.ts";

export interface DeletePayload {
  readonly kind: "D";
  readonly protocol: number;
  /** Hexadecimal; empty for the IKE SA, which is known from the header. */
  readonly spis: readonly string[];
}

export function decodeDelete(body: Uint8Array): DeletePayload | Malformed {
  if (body.length < 4) return malformed("D payload cut short");
  const spiLength = body[1]!;
  const count = readU16(body, 2);
  if (spiLength !== 0 && spiLength !== 4) return malformed(`D payload with SPIs of ${spiLength} octets`);
  if (body.length !== 4 + spiLength * count)
    return malformed(`D payload of ${body.length} octets for ${count} SPIs`);
  const spis: string[] = [];
  for (let i = 0; spiLength > 0 && i < count; i++)
    spis.push(bytesToHex(body.subarray(4 + i * spiLength, 4 + (i + 1) * spiLength)));
  return { kind: "D", protocol: body[0]!, spis };
}

export function encodeDelete(payload: DeletePayload): Uint8Array {
  return concatBytes(
    Uint8Array.of(payload.protocol, payload.spis.length === 0 ? 0 : 4),
    u16(payload.spis.length),
    ...payload.spis.map(hexToBytes),
  );
}
