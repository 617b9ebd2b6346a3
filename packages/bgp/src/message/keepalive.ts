/** Reading list: RFC 4271 §4.4. */
import { MessageType } from "../iana.ts";
import { encodeMessage } from "./header.ts";

export const encodeKeepalive = (): Uint8Array => encodeMessage(MessageType.KEEPALIVE, new Uint8Array(0));
