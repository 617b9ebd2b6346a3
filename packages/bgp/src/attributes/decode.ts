/**
 * Reading list: RFC 4271 §4.3, §6.3; RFC 7606 §3-5, §7; RFC 4760 §3-4, §7; RFC 6793 §4-6; RFC 7607 §2; RFC 8092 §3.
 * Path attributes of one UPDATE from the wire. Nothing throws; of several errors the strongest treatment wins
 * (RFC 7606 §3 h). NLRI inside MP attributes is located here and checked by the caller.
 */
import type { Family } from "../config.ts";
import { type BgpError, bgpError } from "../errors.ts";
import { AttributeFlag, AttributeType, ErrorCode, UpdateError } from "../iana.ts";
import { familyOf } from "../message/capability.ts";
import { decodeAs4Path, decodeAsPath, EMPTY_AS_PATH, mergeAs4Path } from "./as-path.ts";
import { withoutRepeats } from "./community.ts";
import type { OpaqueAttribute, PathAttributes } from "./path-attributes.ts";
import { ATTRIBUTE_RULES } from "./rules.ts";

export interface AttributeContext {
  readonly external: boolean;
  readonly fourOctetAs: boolean;
}

/** Where the prefixes of an MP attribute are: offsets into the message's buffer. */
export interface NlriRange {
  /** Where the attribute begins; it ends with its prefixes. */
  readonly at: number;
  /** Undefined: a family that we do not speak; skipped. */
  readonly family: Family | undefined;
  readonly start: number;
  readonly end: number;
}

export interface DecodedAttributes {
  /** What a route in this message carries; absent when a mandatory attribute is missing or malformed. */
  readonly attributes: PathAttributes | undefined;
  readonly mpReach: (NlriRange & { readonly nextHop: Uint8Array }) | undefined;
  readonly mpUnreach: NlriRange | undefined;
  /** NEXT_HOP of the IPv4 routes outside MP_REACH_NLRI. */
  readonly nextHop: Uint8Array | undefined;
  /** Any attribute but the MP ones stood there. */
  readonly others: boolean;
  /** First reason to take the routes as withdrawn. */
  readonly withdraw: string | undefined;
  /** What is wrong with NEXT_HOP: it concerns IPv4 routes outside MP_REACH_NLRI alone (RFC 4760 §3). */
  readonly badNextHop: string | undefined;
  readonly discarded: readonly string[];
  readonly reset: BgpError | undefined;
}

const uint32 = (b: Uint8Array, at: number): number =>
  ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;

const resetWith = (subcode: number, detail: string, data?: Uint8Array): BgpError =>
  bgpError(ErrorCode.UPDATE_MESSAGE, subcode, detail, data);

/** Collects while the attributes are walked. */
class Collector {
  readonly values: Map<number, Uint8Array> = new Map();
  readonly opaque: OpaqueAttribute[] = [];
  readonly discarded: string[] = [];
  withdraw: string | undefined;
  badNextHop: string | undefined;
  /** Recognized optional transitive attributes that came with the Partial bit. */
  readonly partial: number[] = [];
  reset: BgpError | undefined;
  mpReach: (NlriRange & { readonly nextHop: Uint8Array }) | undefined;
  mpUnreach: NlriRange | undefined;
  others = false;

  malformed(reason: string): void {
    this.withdraw ??= reason;
  }
}

export function decodeAttributes(
  bytes: Uint8Array,
  start: number,
  end: number,
  context: AttributeContext,
): DecodedAttributes {
  const c = new Collector();
  const seen = new Set<number>();
  let at = start;
  while (at < end && c.reset === undefined) {
    const flags = bytes[at]!;
    const header = (flags & AttributeFlag.EXTENDED_LENGTH) !== 0 ? 4 : 3;
    if (end - at < header) {
      // RFC 7606 §4: too few bytes for an attribute: the routes are still found by the total length.
      c.malformed("attribute header cut off");
      break;
    }
    const type = bytes[at + 1]!;
    const length = header === 4 ? (bytes[at + 2]! << 8) | bytes[at + 3]! : bytes[at + 2]!;
    if (length > end - at - header) {
      c.malformed(`attribute ${type} overruns the attribute list`);
      break;
    }
    const valueStart = at + header;
    const valueEnd = valueStart + length;
    if (seen.has(type)) duplicate(type, c);
    else {
      seen.add(type);
      one(bytes, at, valueStart, valueEnd, context, c);
    }
    at = valueEnd;
  }
  const nextHop = c.values.get(AttributeType.NEXT_HOP);
  return {
    attributes: c.reset === undefined && c.withdraw === undefined ? assemble(c, context) : undefined,
    mpReach: c.mpReach,
    mpUnreach: c.mpUnreach,
    nextHop,
    others: c.others,
    withdraw: c.withdraw,
    badNextHop: c.badNextHop,
    discarded: c.discarded,
    reset: c.reset,
  };
}

/** RFC 7606 §3 g. */
function duplicate(type: number, c: Collector): void {
  if (type === AttributeType.MP_REACH_NLRI || type === AttributeType.MP_UNREACH_NLRI) {
    c.reset = resetWith(UpdateError.MALFORMED_ATTRIBUTE_LIST, `attribute ${type} twice`);
  } else {
    c.discarded.push(`second attribute ${type}`);
  }
}

function one(
  bytes: Uint8Array,
  at: number,
  start: number,
  end: number,
  context: AttributeContext,
  c: Collector,
): void {
  const flags = bytes[at]!;
  const type = bytes[at + 1]!;
  const rule = ATTRIBUTE_RULES.get(type);
  if (type !== AttributeType.MP_REACH_NLRI && type !== AttributeType.MP_UNREACH_NLRI) c.others = true;
  if (rule === undefined) {
    unknown(bytes, at, start, end, c);
    return;
  }
  if (rule.internalOnly && context.external) {
    c.discarded.push(`${rule.name} from an external peer`);
    return;
  }
  if (rule.twoOctetOnly && context.fourOctetAs) {
    c.discarded.push(`${rule.name} from a 4-octet speaker`);
    return;
  }
  const kindBits = AttributeFlag.OPTIONAL | AttributeFlag.TRANSITIVE;
  if ((flags & kindBits) !== rule.flags) {
    const problem = `${rule.name} with flags ${flags.toString(16)}`;
    // RFC 7606 §3 c; for the MP attributes §5.3, and §3 j: their prefixes count as lost.
    if (rule.malformed === "session-reset") c.reset = optionalAttributeError(bytes, at, end, problem);
    else if (type === AttributeType.NEXT_HOP) c.badNextHop = problem;
    else c.malformed(problem);
    return;
  }
  if (type === AttributeType.MP_REACH_NLRI) {
    mpReach(bytes, at, start, end, c);
    return;
  }
  if (type === AttributeType.MP_UNREACH_NLRI) {
    mpUnreach(bytes, at, start, end, c);
    return;
  }
  const problem = rule.length(end - start, context.fourOctetAs)
    ? valueProblem(type, bytes, start, end)
    : `of length ${end - start}`;
  if (problem === undefined) {
    keep(type, flags, bytes.slice(start, end), c);
  } else if (rule.malformed === "attribute-discard") {
    c.discarded.push(`${rule.name} ${problem}`);
  } else if (type === AttributeType.NEXT_HOP) {
    c.badNextHop = `${rule.name} ${problem}`;
  } else {
    c.malformed(`${rule.name} ${problem}`);
  }
}

function keep(type: number, flags: number, value: Uint8Array, c: Collector): void {
  if (type === AttributeType.EXTENDED_COMMUNITIES || type === AttributeType.IPV6_EXTENDED_COMMUNITIES) {
    c.opaque.push({ type, flags: flags & ~AttributeFlag.EXTENDED_LENGTH & 0xf0, value });
    return;
  }
  // RFC 4271 §5: once set by somebody, the Partial bit stays.
  if ((flags & AttributeFlag.PARTIAL) !== 0 && (flags & AttributeFlag.OPTIONAL) !== 0) c.partial.push(type);
  c.values.set(type, type === AttributeType.LARGE_COMMUNITIES ? withoutRepeats(value, 12) : value);
}

/** RFC 4271 §6.3: an unrecognized well-known attribute has no softer treatment in RFC 7606. */
function unknown(bytes: Uint8Array, at: number, start: number, end: number, c: Collector): void {
  const flags = bytes[at]!;
  const type = bytes[at + 1]!;
  if ((flags & AttributeFlag.OPTIONAL) === 0) {
    c.reset = resetWith(
      UpdateError.UNRECOGNIZED_WELL_KNOWN,
      `well-known attribute ${type}`,
      bytes.slice(at, end),
    );
  } else if ((flags & AttributeFlag.TRANSITIVE) !== 0) {
    // RFC 4271 §5: passed on with the Partial bit set.
    const kept = (flags | AttributeFlag.PARTIAL) & ~AttributeFlag.EXTENDED_LENGTH & 0xf0;
    c.opaque.push({ type, flags: kept, value: bytes.slice(start, end) });
  }
}

function valueProblem(type: number, bytes: Uint8Array, start: number, end: number): string | undefined {
  switch (type) {
    case AttributeType.ORIGIN:
      return bytes[start]! > 2 ? `of value ${bytes[start]}` : undefined;
    case AttributeType.NEXT_HOP:
      return isHostAddress(bytes[start]!) ? undefined : "is no host address";
    case AttributeType.AGGREGATOR:
    case AttributeType.AS4_AGGREGATOR:
      // The AS is what stands before the address.
      return bytes.subarray(start, end - 4).every((b) => b === 0) ? "of AS 0 (RFC 7607)" : undefined;
    default:
      return undefined;
  }
}

/** RFC 4271 §6.3, RFC 4760 §7: the data is the attribute itself: flags, type, length and value. */
function optionalAttributeError(bytes: Uint8Array, at: number, end: number, detail: string): BgpError {
  return resetWith(UpdateError.OPTIONAL_ATTRIBUTE, detail, bytes.slice(at, end));
}

/** RFC 4271 §6.3: a valid host address: not in 0/8, not multicast or beyond. */
const isHostAddress = (first: number): boolean => first !== 0 && first < 224;

/** afi(2) safi(1) length(1) next hop, reserved(1), NLRI. RFC 7606 §7.11: without a next hop's end, no NLRI is found. */
function mpReach(bytes: Uint8Array, at: number, start: number, end: number, c: Collector): void {
  const bad = (detail: string): void => {
    c.reset = optionalAttributeError(bytes, at, end, `MP_REACH_NLRI ${detail}`);
  };
  if (end - start < 5) {
    bad(`of length ${end - start}`);
    return;
  }
  const family = familyOf((bytes[start]! << 8) | bytes[start + 1]!, bytes[start + 2]!);
  const hop = bytes[start + 3]!;
  if (end - start - 5 < hop) {
    bad("cut off in its next hop");
    return;
  }
  const nlri = start + 4 + hop + 1;
  const expected = family === "ipv4-unicast" ? hop === 4 : hop === 16 || hop === 32;
  if (family !== undefined && !expected) {
    bad(`with a next hop of ${hop} bytes`);
    return;
  }
  const nextHop = bytes.slice(start + 4, start + 4 + (family === "ipv4-unicast" ? 4 : Math.min(hop, 16)));
  c.mpReach = { family, at, start: nlri, end, nextHop };
  const valid = family === "ipv4-unicast" ? isHostAddress(nextHop[0]!) : isHostAddress6(nextHop);
  if (family !== undefined && !valid) c.malformed("MP_REACH_NLRI's next hop is no host address");
}

function isHostAddress6(b: Uint8Array): boolean {
  return b[0] !== 0xff && b.some((x) => x !== 0);
}

function mpUnreach(bytes: Uint8Array, at: number, start: number, end: number, c: Collector): void {
  if (end - start < 3) {
    c.reset = optionalAttributeError(bytes, at, end, `MP_UNREACH_NLRI of length ${end - start}`);
    return;
  }
  const family = familyOf((bytes[start]! << 8) | bytes[start + 1]!, bytes[start + 2]!);
  c.mpUnreach = { family, at, start: start + 3, end };
}

/** Turns well-formed values into a PathAttributes; malformed AS paths surface here. The next hop is filled in later. */
function assemble(c: Collector, context: AttributeContext): PathAttributes | undefined {
  const v = c.values;
  let asPath: Uint8Array = EMPTY_AS_PATH;
  const rawPath = v.get(AttributeType.AS_PATH);
  if (rawPath !== undefined) {
    const decoded = decodeAsPath(rawPath, context.fourOctetAs ? 4 : 2);
    if (typeof decoded === "string") {
      c.malformed(`AS_PATH: ${decoded}`);
      return undefined;
    }
    asPath = decoded;
  }
  const aggregator = mergeAggregator(v, context.fourOctetAs);
  if (!aggregator.ignoreAs4) asPath = withAs4Path(asPath, v.get(AttributeType.AS4_PATH), c);
  const origin = v.get(AttributeType.ORIGIN);
  if (origin === undefined || rawPath === undefined) return undefined;
  const number = (type: number): number | undefined => {
    const value = v.get(type);
    return value === undefined ? undefined : uint32(value, 0);
  };
  return {
    origin: origin[0]!,
    asPath,
    nextHop: v.get(AttributeType.NEXT_HOP) ?? new Uint8Array(0),
    med: number(AttributeType.MULTI_EXIT_DISC),
    localPref: number(AttributeType.LOCAL_PREF),
    atomicAggregate: v.has(AttributeType.ATOMIC_AGGREGATE),
    aggregator: aggregator.value,
    communities: v.get(AttributeType.COMMUNITIES),
    largeCommunities: v.get(AttributeType.LARGE_COMMUNITIES),
    originatorId: number(AttributeType.ORIGINATOR_ID),
    clusterList: v.get(AttributeType.CLUSTER_LIST),
    ...(c.partial.length > 0 ? { partial: c.partial } : {}),
    opaque: c.opaque.toSorted((a, b) => a.type - b.type),
  };
}

function withAs4Path(path: Uint8Array, raw: Uint8Array | undefined, c: Collector): Uint8Array {
  if (raw === undefined) return path;
  const as4 = decodeAs4Path(raw);
  if (typeof as4 === "string") {
    c.discarded.push(`AS4_PATH: ${as4}`);
    return path;
  }
  return mergeAs4Path(path, as4);
}

/** RFC 6793 §4.2.3: AS_TRANS in AGGREGATOR says that AS4_AGGREGATOR and AS4_PATH speak; any other AS that they are stale. */
function mergeAggregator(
  v: ReadonlyMap<number, Uint8Array>,
  fourOctetAs: boolean,
): { value: Uint8Array | undefined; ignoreAs4: boolean } {
  const raw = v.get(AttributeType.AGGREGATOR);
  if (raw === undefined || fourOctetAs) return { value: raw, ignoreAs4: false };
  const as4 = v.get(AttributeType.AS4_AGGREGATOR);
  const as2 = (raw[0]! << 8) | raw[1]!;
  if (as4 !== undefined && as2 === 23456) return { value: as4, ignoreAs4: false };
  return { value: Uint8Array.from([0, 0, ...raw]), ignoreAs4: as4 !== undefined };
}
