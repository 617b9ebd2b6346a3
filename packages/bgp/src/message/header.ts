/**
 * Reading list: RFC 4271 §4.1 (header), §6.1 (its errors).
 *
 *      0                   16                  19
 *      +-------------------+---------+---------+------
 *      | marker: 16 x 0xff | length  | type(1) | body
 *      +-------------------+---------+---------+------
 */
import { HEADER_LENGTH, MAXIMUM_MESSAGE_LENGTH } from "../constants.ts";
import { type BgpError, bgpError } from "../errors.ts";
import { ErrorCode, HeaderError, MessageType } from "../iana.ts";

/** Shortest message of each type; a KEEPALIVE has exactly its length. */
const MINIMUM_LENGTH: readonly number[] = [0, 29, 23, 21, 19, 23];

/**
 * Checks the 19 bytes at `offset` and returns the message's length, or an error. The length is judged before the
 * type, as §6.1 orders them; lengths of a type are judged once the type is known to exist.
 */
export function decodeHeader(bytes: Uint8Array, offset: number): number | BgpError {
  for (let i = offset; i < offset + 16; i++) {
    if (bytes[i] !== 0xff) {
      return bgpError(ErrorCode.MESSAGE_HEADER, HeaderError.NOT_SYNCHRONIZED, "marker is not all ones");
    }
  }
  const length = (bytes[offset + 16]! << 8) | bytes[offset + 17]!;
  const type = bytes[offset + 18]!;
  if (length < HEADER_LENGTH || length > MAXIMUM_MESSAGE_LENGTH) return badLength(bytes, offset, length);
  const minimum = MINIMUM_LENGTH[type];
  if (type === 0 || minimum === undefined) {
    return bgpError(
      ErrorCode.MESSAGE_HEADER,
      HeaderError.BAD_TYPE,
      `message type ${type}`,
      Uint8Array.of(type),
    );
  }
  // RFC 7313 §5: a ROUTE-REFRESH of a wrong length has an error of its own, judged by its decoder.
  if (type === MessageType.ROUTE_REFRESH) return length;
  if (length < minimum || (type === MessageType.KEEPALIVE && length !== HEADER_LENGTH)) {
    return badLength(bytes, offset, length);
  }
  return length;
}

function badLength(bytes: Uint8Array, offset: number, length: number): BgpError {
  return bgpError(
    ErrorCode.MESSAGE_HEADER,
    HeaderError.BAD_LENGTH,
    `message length ${length}`,
    bytes.slice(offset + 16, offset + 18),
  );
}

/** Writes a header for a message of `length` bytes in all. */
export function encodeHeader(out: Uint8Array, offset: number, length: number, type: number): void {
  out.fill(0xff, offset, offset + 16);
  out[offset + 16] = length >>> 8;
  out[offset + 17] = length & 0xff;
  out[offset + 18] = type;
}

/** A whole message around `body`. */
export function encodeMessage(type: number, body: Uint8Array): Uint8Array {
  const out = new Uint8Array(HEADER_LENGTH + body.length);
  encodeHeader(out, 0, out.length, type);
  out.set(body, HEADER_LENGTH);
  return out;
}
