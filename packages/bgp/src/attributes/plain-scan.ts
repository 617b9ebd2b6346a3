/**
 * Reading list: RFC 4271 §4.3; RFC 6793 §4.
 * The attributes of nearly every UPDATE: well formed, 4-octet ASNs, ascending types, short lengths, nothing unknown.
 * Such a set is understood in one pass without a copy, and stays what it is: bytes. Everything else, including
 * everything that is wrong, goes to `decodeAttributes`, which alone judges.
 */
import { AttributeFlag, AttributeType, SegmentType } from "../iana.ts";

const WELL_KNOWN: number = AttributeFlag.TRANSITIVE;
const OPTIONAL: number = AttributeFlag.OPTIONAL;
const OPTIONAL_TRANSITIVE: number = AttributeFlag.OPTIONAL | AttributeFlag.TRANSITIVE;

/** What one scan found; one object is used again and again. */
export interface PlainScan {
  origin: number;
  pathLength: number;
  neighborAs: number;
  looped: boolean;
  /** As a number. */
  nextHop: number;
  /** -1: absent. */
  med: number;
  localPref: number;
  /** Offset from the start of the attributes; 0: absent. */
  communities: number;
  communitiesLength: number;
}

export const newPlainScan = (): PlainScan => ({
  origin: 0,
  pathLength: 0,
  neighborAs: 0,
  looped: false,
  nextHop: 0,
  med: -1,
  localPref: -1,
  communities: 0,
  communitiesLength: 0,
});

/** False when the attributes are anything but plain; `into` means nothing then. */
export function scanPlain(
  bytes: Uint8Array,
  start: number,
  end: number,
  external: boolean,
  asn: number,
  into: PlainScan,
): boolean {
  into.med = -1;
  into.localPref = -1;
  into.communities = 0;
  into.communitiesLength = 0;
  let last = 0;
  let at = start;
  while (at < end) {
    if (end - at < 3) return false;
    const flags = bytes[at]!;
    const type = bytes[at + 1]!;
    const length = bytes[at + 2]!;
    const value = at + 3;
    if (type <= last || length > end - value) return false;
    // ORIGIN, AS_PATH and NEXT_HOP have to be there, so they come first and one after the other.
    if (type !== last + 1 && last < AttributeType.NEXT_HOP) return false;
    last = type;
    at = value + length;
    switch (type) {
      case AttributeType.ORIGIN:
        if (flags !== WELL_KNOWN || length !== 1 || bytes[value]! > 2) return false;
        into.origin = bytes[value]!;
        break;
      case AttributeType.AS_PATH:
        if (flags !== WELL_KNOWN || !scanPath(bytes, value, at, asn, into)) return false;
        break;
      case AttributeType.NEXT_HOP:
        if (flags !== WELL_KNOWN || length !== 4 || bytes[value] === 0 || bytes[value]! >= 224) return false;
        into.nextHop = uint32(bytes, value);
        break;
      case AttributeType.MULTI_EXIT_DISC:
        if (flags !== OPTIONAL || length !== 4) return false;
        into.med = uint32(bytes, value);
        break;
      case AttributeType.LOCAL_PREF:
        if (flags !== WELL_KNOWN || length !== 4 || external) return false;
        into.localPref = uint32(bytes, value);
        break;
      case AttributeType.COMMUNITIES:
        if (flags !== OPTIONAL_TRANSITIVE || length === 0 || length % 4 !== 0) return false;
        into.communities = value - start;
        into.communitiesLength = length;
        break;
      case AttributeType.LARGE_COMMUNITIES:
        // Several may be repeats, which have to go (RFC 8092 §3).
        if (flags !== OPTIONAL_TRANSITIVE || length !== 12) return false;
        break;
      default:
        return false;
    }
  }
  return last >= AttributeType.NEXT_HOP;
}

function scanPath(bytes: Uint8Array, start: number, end: number, asn: number, into: PlainScan): boolean {
  into.pathLength = 0;
  into.neighborAs = 0;
  into.looped = false;
  let at = start;
  while (at < end) {
    if (end - at < 6) return false;
    const type = bytes[at]!;
    const count = bytes[at + 1]!;
    const next = at + 2 + count * 4;
    if (count === 0 || next > end) return false;
    if (type === SegmentType.AS_SEQUENCE) {
      if (at === start) into.neighborAs = uint32(bytes, at + 2);
      into.pathLength += count;
    } else if (type === SegmentType.AS_SET) into.pathLength++;
    else return false;
    for (let i = at + 2; i < next; i += 4) {
      const as = uint32(bytes, i);
      if (as === 0) return false;
      if (as === asn) into.looped = true;
    }
    at = next;
  }
  return true;
}

const uint32 = (b: Uint8Array, at: number): number =>
  ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;

/**
 * RFC 4271 §5.1 for a plain set that leaves the AS unchanged by policy: our AS in front, our next hop, no MED, no
 * LOCAL_PREF. Writes to `out` and returns the length; 0 when the path's first segment has no room.
 */
export function rewritePlain(raw: Uint8Array, asn: number, nextHop: Uint8Array, out: Uint8Array): number {
  let end = 0;
  for (let at = 0; at < raw.length; ) {
    const type = raw[at + 1]!;
    const next = at + 3 + raw[at + 2]!;
    if (type === AttributeType.AS_PATH) {
      end = rewritePath(raw, at, next, asn, out, end);
      if (end === 0) return 0;
    } else if (type === AttributeType.NEXT_HOP) {
      out[end] = WELL_KNOWN;
      out[end + 1] = type;
      out[end + 2] = 4;
      for (let i = 0; i < 4; i++) out[end + 3 + i] = nextHop[i]!;
      end += 7;
    } else if (type !== AttributeType.MULTI_EXIT_DISC && type !== AttributeType.LOCAL_PREF) {
      for (let i = at; i < next; i++) out[end++] = raw[i]!;
    }
    at = next;
  }
  return end;
}

/** A copy of a plain set: ORIGIN and AS_PATH stand before its NEXT_HOP. */
export function withoutNextHop(raw: Uint8Array): Uint8Array {
  const path = 4;
  const hop = path + 3 + raw[path + 2]!;
  const out = new Uint8Array(raw.length - 7);
  out.set(raw.subarray(0, hop));
  out.set(raw.subarray(hop + 7), hop);
  return out;
}

function rewritePath(
  raw: Uint8Array,
  at: number,
  next: number,
  asn: number,
  out: Uint8Array,
  end: number,
): number {
  const length = next - at - 3;
  const value = at + 3;
  const joins = length > 0 && raw[value] === SegmentType.AS_SEQUENCE;
  // 255 ASNs, or a length that needs two octets: rare enough for the general way.
  if ((joins && raw[value + 1] === 255) || length + 6 > 255) return 0;
  let to = end;
  out[to++] = WELL_KNOWN;
  out[to++] = AttributeType.AS_PATH;
  out[to++] = length + (joins ? 4 : 6);
  out[to++] = SegmentType.AS_SEQUENCE;
  out[to++] = joins ? raw[value + 1]! + 1 : 1;
  out[to++] = asn >>> 24;
  out[to++] = asn >>> 16;
  out[to++] = asn >>> 8;
  out[to++] = asn;
  for (let i = value + (joins ? 2 : 0); i < next; i++) out[to++] = raw[i]!;
  return to;
}
