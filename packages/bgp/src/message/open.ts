/**
 * Reading list: RFC 4271 §4.2, §6.2; RFC 5492 §4; RFC 6793 §4 (4-octet AS); RFC 6286 (identifier); RFC 7607 (AS 0);
 * RFC 9072 (extended optional parameters length).
 *
 *      version(1) my AS(2) hold time(2) identifier(4) opt len(1) parameters...
 */
import { BGP_VERSION, HEADER_LENGTH } from "../constants.ts";
import { type BgpError, bgpError, type Decoded } from "../errors.ts";
import { AS_TRANS, ErrorCode, MessageType, OpenError } from "../iana.ts";
import { type Capabilities, decodeCapabilities, encodeCapabilities, NO_CAPABILITIES } from "./capability.ts";
import { encodeMessage } from "./header.ts";

export interface Open {
  /** The real AS number: the capability's when it was sent. */
  readonly asn: number;
  readonly holdTime: number;
  /** 32-bit number. */
  readonly routerId: number;
  readonly capabilities: Capabilities;
}

const CAPABILITIES_PARAMETER = 2;

export function encodeOpen(open: Open): Uint8Array {
  const capabilities = encodeCapabilities(open.capabilities);
  const as2 = open.asn > 0xffff ? AS_TRANS : open.asn;
  const body = new Uint8Array(10 + (capabilities.length > 0 ? 2 + capabilities.length : 0));
  body.set([BGP_VERSION, as2 >>> 8, as2 & 0xff, open.holdTime >>> 8, open.holdTime & 0xff]);
  body.set(
    [open.routerId >>> 24, (open.routerId >>> 16) & 0xff, (open.routerId >>> 8) & 0xff, open.routerId & 0xff],
    5,
  );
  if (capabilities.length > 0) {
    body[9] = 2 + capabilities.length;
    body[10] = CAPABILITIES_PARAMETER;
    body[11] = capabilities.length;
    body.set(capabilities, 12);
  }
  return encodeMessage(MessageType.OPEN, body);
}

const failed = (subcode: number, detail: string, data?: Uint8Array): { ok: false; error: BgpError } => ({
  ok: false,
  error: bgpError(ErrorCode.OPEN_MESSAGE, subcode, detail, data),
});

/** Form only; whether the values suit a peer is for `checkOpen`. `start` is the header's; at least 29 bytes. */
export function decodeOpen(bytes: Uint8Array, start: number, end: number): Decoded<Open> {
  const at = start + HEADER_LENGTH;
  if (bytes[at] !== BGP_VERSION) {
    // §6.2: the data is the largest version that we speak.
    return failed(
      OpenError.UNSUPPORTED_VERSION,
      `version ${bytes[at]}`,
      Uint8Array.of(BGP_VERSION >>> 8, BGP_VERSION),
    );
  }
  const as2 = (bytes[at + 1]! << 8) | bytes[at + 2]!;
  // RFC 7607 §2, whatever a capability says.
  if (as2 === 0) return failed(OpenError.BAD_PEER_AS, "AS 0");
  const holdTime = (bytes[at + 3]! << 8) | bytes[at + 4]!;
  const routerId =
    ((bytes[at + 5]! << 24) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 8) | bytes[at + 8]!) >>> 0;
  const parameters = decodeParameters(bytes, at + 9, end);
  if (!parameters.ok) return parameters;
  const capabilities = parameters.value;
  return { ok: true, value: { asn: capabilities.fourOctetAs ?? as2, holdTime, routerId, capabilities } };
}

function decodeParameters(bytes: Uint8Array, lengthAt: number, end: number): Decoded<Capabilities> {
  let at = lengthAt + 1;
  let length = bytes[lengthAt]!;
  let lengthOctets = 1;
  // RFC 9072 §2: (255, 255, two octets of length), each parameter with two octets of length too.
  if (length !== 0 && bytes[at] === 255 && at < end) {
    if (end - at < 3) return failed(OpenError.UNSPECIFIC, "extended parameters cut off");
    length = (bytes[at + 1]! << 8) | bytes[at + 2]!;
    lengthOctets = 2;
    at += 3;
  }
  if (length !== end - at)
    return failed(OpenError.UNSPECIFIC, `optional parameters of ${length} in ${end - at}`);
  let capabilities: Capabilities = NO_CAPABILITIES;
  while (at < end) {
    if (end - at < 1 + lengthOctets) return failed(OpenError.UNSPECIFIC, "parameter cut off");
    const type = bytes[at]!;
    const size = lengthOctets === 1 ? bytes[at + 1]! : (bytes[at + 1]! << 8) | bytes[at + 2]!;
    at += 1 + lengthOctets;
    if (end - at < size) return failed(OpenError.UNSPECIFIC, "parameter overruns the message");
    if (type !== CAPABILITIES_PARAMETER) {
      return failed(OpenError.UNSUPPORTED_OPTIONAL_PARAMETER, `optional parameter ${type}`);
    }
    const more = decodeCapabilities(bytes.subarray(at, at + size), capabilities);
    if (more === undefined) return failed(OpenError.UNSPECIFIC, "capability overruns its parameter");
    capabilities = more;
    at += size;
  }
  return { ok: true, value: capabilities };
}

export interface OpenExpectation {
  readonly localAsn: number;
  readonly localRouterId: number;
  readonly peerAsn: number;
}

/** RFC 4271 §6.2 in its order, with RFC 6286 §2.2 and RFC 7607 §2. */
export function checkOpen(open: Open, expected: OpenExpectation): BgpError | undefined {
  const error = (subcode: number, detail: string, data?: Uint8Array): BgpError =>
    bgpError(ErrorCode.OPEN_MESSAGE, subcode, detail, data);
  if (open.asn === 0 || open.asn !== expected.peerAsn) {
    return error(OpenError.BAD_PEER_AS, `AS ${open.asn}, expected ${expected.peerAsn}`);
  }
  if (open.holdTime === 1 || open.holdTime === 2) {
    return error(OpenError.UNACCEPTABLE_HOLD_TIME, `hold time ${open.holdTime}`);
  }
  const internal = expected.localAsn === expected.peerAsn;
  if (open.routerId === 0 || (internal && open.routerId === expected.localRouterId)) {
    return error(OpenError.BAD_BGP_IDENTIFIER, "identifier is zero or our own");
  }
  return undefined;
}
