/**
 * The IKE header (RFC 7296 §3.1).
 *
 *    0                   1                   2                   3
 *   +---------------------------------------------------------------+
 *   |                    IKE SA Initiator's SPI (8)                 |
 *   |                    IKE SA Responder's SPI (8)                 |
 *   | Next Payload  | MjVer | MnVer | Exchange Type |     Flags     |
 *   |                          Message ID                           |
 *   |                            Length                             |
 *   +---------------------------------------------------------------+
 */
import { bytesToHex, hexToBytes } from "@tandem/crypto";
import { IKE_VERSION } from "../constants.ts";
import { type Malformed, malformed, readU32, writeU32 } from "./octets.ts";

export const IKE_HEADER_LENGTH = 28;
export const EXCHANGE_TYPE_OFFSET = 18;
export const ZERO_SPI = "0000000000000000";

const FLAG_INITIATOR = 0x08;
const FLAG_RESPONSE = 0x20;

export interface IkeHeader {
  /** 16 hexadecimal digits. */
  readonly initiatorSpi: string;
  readonly responderSpi: string;
  readonly nextPayload: number;
  readonly majorVersion: number;
  readonly minorVersion: number;
  readonly exchangeType: number;
  /** From the original initiator of the IKE SA. */
  readonly fromInitiator: boolean;
  readonly response: boolean;
  readonly messageId: number;
  readonly length: number;
}

export function decodeIkeHeader(bytes: Uint8Array): IkeHeader | Malformed {
  if (bytes.length < IKE_HEADER_LENGTH)
    return malformed(`${bytes.length} bytes are too short for an IKE header`);
  const flags = bytes[19]!;
  const length = readU32(bytes, 24);
  if (length !== bytes.length)
    return malformed(`the header's length field says ${length} bytes, the datagram has ${bytes.length}`);
  return {
    initiatorSpi: bytesToHex(bytes.subarray(0, 8)),
    responderSpi: bytesToHex(bytes.subarray(8, 16)),
    nextPayload: bytes[16]!,
    majorVersion: bytes[17]! >> 4,
    minorVersion: bytes[17]! & 0x0f,
    exchangeType: bytes[18]!,
    fromInitiator: (flags & FLAG_INITIATOR) !== 0,
    response: (flags & FLAG_RESPONSE) !== 0,
    messageId: readU32(bytes, 20),
    length,
  };
}

export type IkeHeaderFields = Pick<
  IkeHeader,
  | "initiatorSpi"
  | "responderSpi"
  | "nextPayload"
  | "exchangeType"
  | "fromInitiator"
  | "response"
  | "messageId"
>;

/** The version flag says that a higher major version is spoken; there is none (RFC 7296 §2.5), so it stays clear. */
export function encodeIkeHeader(fields: IkeHeaderFields, length: number): Uint8Array {
  const out = new Uint8Array(IKE_HEADER_LENGTH);
  out.set(hexToBytes(fields.initiatorSpi), 0);
  out.set(hexToBytes(fields.responderSpi), 8);
  out[16] = fields.nextPayload;
  out[17] = IKE_VERSION;
  out[18] = fields.exchangeType;
  out[19] = (fields.fromInitiator ? FLAG_INITIATOR : 0) | (fields.response ? FLAG_RESPONSE : 0);
  writeU32(out, 20, fields.messageId);
  writeU32(out, 24, length);
  return out;
}
