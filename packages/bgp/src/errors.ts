import { errorName } from "./iana.ts";

/** A protocol error: what goes into a NOTIFICATION (RFC 4271 §4.5). */
export interface BgpError {
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
  /** What was wrong, for the log. */
  readonly detail: string;
}

const NO_DATA = new Uint8Array(0);

export function bgpError(
  code: number,
  subcode: number,
  detail: string,
  data: Uint8Array = NO_DATA,
): BgpError {
  return { code, subcode, data, detail };
}

export const describeError = (e: BgpError): string =>
  `${errorName(e.code, e.subcode)}${e.detail === "" ? "" : `: ${e.detail}`}`;

/** What a decoder of a whole message returns. */
export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: BgpError };
