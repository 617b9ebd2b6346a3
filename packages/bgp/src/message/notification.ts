/** Reading list: RFC 4271 §4.5, §6.4; RFC 9003 (shutdown communication). */
import { HEADER_LENGTH, MAXIMUM_COMMUNICATION_BYTES } from "../constants.ts";
import { type BgpError, bgpError } from "../errors.ts";
import { Cease, ErrorCode, errorName, MessageType } from "../iana.ts";
import { encodeMessage } from "./header.ts";

export function encodeNotification(error: BgpError): Uint8Array {
  const body = new Uint8Array(2 + error.data.length);
  body[0] = error.code;
  body[1] = error.subcode;
  body.set(error.data, 2);
  return encodeMessage(MessageType.NOTIFICATION, body);
}

/** `start` is the header's. Any content is accepted: an error in a NOTIFICATION has no answer (§6.4). */
export function decodeNotification(bytes: Uint8Array, start: number, end: number): BgpError {
  const code = bytes[start + HEADER_LENGTH]!;
  const subcode = bytes[start + HEADER_LENGTH + 1]!;
  const data = bytes.slice(start + HEADER_LENGTH + 2, end);
  return bgpError(code, subcode, communication(code, subcode, data), data);
}

/** The words of RFC 9003 in a Cease, with everything but printable ASCII replaced. */
function communication(code: number, subcode: number, data: Uint8Array): string {
  if (code !== ErrorCode.CEASE) return "";
  if (subcode !== Cease.ADMINISTRATIVE_SHUTDOWN && subcode !== Cease.ADMINISTRATIVE_RESET) return "";
  const length = data[0] ?? 0;
  if (length === 0 || length > data.length - 1) return "";
  let text = "";
  for (const b of data.subarray(1, 1 + length)) text += b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : "?";
  return text;
}

/** Cease with a shutdown communication; only ASCII is sent, cut at 255 bytes. */
export function ceaseWith(subcode: number, words: string): BgpError {
  if (words === "") return bgpError(ErrorCode.CEASE, subcode, "");
  const text = words.slice(0, MAXIMUM_COMMUNICATION_BYTES);
  const data = new Uint8Array(1 + text.length);
  data[0] = text.length;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    data[i + 1] = c < 0x80 ? c : 0x3f;
  }
  return bgpError(ErrorCode.CEASE, subcode, words, data);
}

export const describeNotification = (e: BgpError): string =>
  e.detail === "" ? errorName(e.code, e.subcode) : `${errorName(e.code, e.subcode)} (${e.detail})`;
