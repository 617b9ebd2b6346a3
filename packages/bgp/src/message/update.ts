/**
 * Reading list: RFC 4271 §4.3, §6.3; RFC 7606 §3, §5.
 *
 *      withdrawn length(2) withdrawn routes  attributes length(2) attributes  NLRI
 */
import { HEADER_LENGTH } from "../constants.ts";
import { type BgpError, bgpError } from "../errors.ts";
import { ErrorCode, UpdateError } from "../iana.ts";

/** Where the sections of one UPDATE are; one object is used again and again. */
export interface UpdateSections {
  withdrawnStart: number;
  withdrawnEnd: number;
  attributesStart: number;
  attributesEnd: number;
  nlriStart: number;
  nlriEnd: number;
}

export const newUpdateSections = (): UpdateSections => ({
  withdrawnStart: 0,
  withdrawnEnd: 0,
  attributesStart: 0,
  attributesEnd: 0,
  nlriStart: 0,
  nlriEnd: 0,
});

/** Fills `into`; an error is one that no softer treatment is left for: the prefixes cannot be found. */
export function decodeUpdate(
  bytes: Uint8Array,
  start: number,
  end: number,
  into: UpdateSections,
): BgpError | undefined {
  const body = start + HEADER_LENGTH;
  into.withdrawnStart = body + 2;
  into.withdrawnEnd = body + 2 + ((bytes[body]! << 8) | bytes[body + 1]!);
  if (into.withdrawnEnd + 2 > end) return malformed("withdrawn routes overrun the message");
  const at = into.withdrawnEnd;
  into.attributesStart = at + 2;
  into.attributesEnd = at + 2 + ((bytes[at]! << 8) | bytes[at + 1]!);
  if (into.attributesEnd > end) return malformed("path attributes overrun the message");
  into.nlriStart = into.attributesEnd;
  into.nlriEnd = end;
  if (!isNlri(bytes, into.withdrawnStart, into.withdrawnEnd, 32)) return invalidNetwork("withdrawn routes");
  if (!isNlri(bytes, into.nlriStart, into.nlriEnd, 32)) return invalidNetwork("NLRI");
  return undefined;
}

/** RFC 7606 §5.3: every length within bounds, and the last prefix ends where the field ends. */
export function isNlri(bytes: Uint8Array, start: number, end: number, maximumBits: number): boolean {
  let at = start;
  while (at < end) {
    const bits = bytes[at]!;
    if (bits > maximumBits) return false;
    at += 1 + ((bits + 7) >> 3);
  }
  return at === end;
}

const malformed = (detail: string): BgpError =>
  bgpError(ErrorCode.UPDATE_MESSAGE, UpdateError.MALFORMED_ATTRIBUTE_LIST, detail);

const invalidNetwork = (field: string): BgpError =>
  bgpError(ErrorCode.UPDATE_MESSAGE, UpdateError.INVALID_NETWORK_FIELD, `${field} cannot be parsed`);
