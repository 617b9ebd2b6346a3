/** Reading list: RFC 2918 §3-4; RFC 7313 §5 (error of a wrong length). */
import { HEADER_LENGTH } from "../constants.ts";
import { bgpError, type Decoded } from "../errors.ts";
import { ErrorCode, MessageType } from "../iana.ts";
import { encodeMessage } from "./header.ts";

export interface RouteRefresh {
  readonly afi: number;
  /** Reserved by RFC 2918; the message subtype of RFC 7313, which is not offered here. */
  readonly subtype: number;
  readonly safi: number;
}

export const encodeRouteRefresh = (afi: number, safi: number): Uint8Array =>
  encodeMessage(MessageType.ROUTE_REFRESH, Uint8Array.of(afi >>> 8, afi & 0xff, 0, safi));

export function decodeRouteRefresh(bytes: Uint8Array, start: number, end: number): Decoded<RouteRefresh> {
  if (end - start !== HEADER_LENGTH + 4) {
    return {
      ok: false,
      error: bgpError(
        ErrorCode.ROUTE_REFRESH,
        1,
        `ROUTE-REFRESH of ${end - start} bytes`,
        bytes.slice(start, end),
      ),
    };
  }
  const at = start + HEADER_LENGTH;
  return {
    ok: true,
    value: { afi: (bytes[at]! << 8) | bytes[at + 1]!, subtype: bytes[at + 2]!, safi: bytes[at + 3]! },
  };
}
