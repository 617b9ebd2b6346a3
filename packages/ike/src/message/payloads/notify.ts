/** Notify payload (RFC 7296 §3.10). */
import { bytesToHex, concatBytes, hexToBytes } from "@tandem/crypto";
import { type Malformed, malformed, readU16, u16 } from "../octets.ts";

export interface NotifyPayload {
  readonly kind: "N";
  readonly protocol: number;
  /** Hexadecimal, usually empty. */
  readonly spi: string;
  readonly type: number;
  readonly data: Uint8Array;
}

export function decodeNotify(body: Uint8Array): NotifyPayload | Malformed {
  if (body.length < 4) return malformed("N payload cut short");
  const spiLength = body[1]!;
  if (body.length < 4 + spiLength) return malformed("N payload's SPI cut short");
  return {
    kind: "N",
    protocol: body[0]!,
    spi: bytesToHex(body.subarray(4, 4 + spiLength)),
    type: readU16(body, 2),
    data: body.slice(4 + spiLength),
  };
}

export function encodeNotify(payload: NotifyPayload): Uint8Array {
  const spi = hexToBytes(payload.spi);
  return concatBytes(Uint8Array.of(payload.protocol, spi.length), u16(payload.type), spi, payload.data);
}

export function notify(type: number, data: Uint8Array = new Uint8Array(0)): NotifyPayload {
  return { kind: "N", protocol: 0, spi: "", type, data };
}
