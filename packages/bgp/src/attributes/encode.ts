/**
 * Reading list: RFC 4271 §4.3, §5 (order by type); RFC 6793 §4.2.2 (towards 2-octet speakers).
 * Path attributes to the wire, without MP attributes: those are written around the prefixes by `update-encoder`.
 */
import { AS_TRANS, AttributeFlag, AttributeType } from "../iana.ts";
import { narrowAsPath } from "./as-path.ts";
import type { PathAttributes } from "./path-attributes.ts";

export interface EncodeContext {
  readonly fourOctetAs: boolean;
  /** Write NEXT_HOP: the routes are IPv4 and go outside MP_REACH_NLRI. */
  readonly nextHop: boolean;
}

const WELL_KNOWN = AttributeFlag.TRANSITIVE;
const OPTIONAL = AttributeFlag.OPTIONAL;
const OPTIONAL_TRANSITIVE = AttributeFlag.OPTIONAL | AttributeFlag.TRANSITIVE;

export function encodeAttributes(a: PathAttributes, context: EncodeContext): Uint8Array {
  const parts: { type: number; flags: number; value: Uint8Array }[] = [];
  const put = (type: number, flags: number, value: Uint8Array | undefined): void => {
    if (value === undefined) return;
    parts.push({ type, flags: a.partial?.includes(type) ? flags | AttributeFlag.PARTIAL : flags, value });
  };
  put(AttributeType.ORIGIN, WELL_KNOWN, Uint8Array.of(a.origin));
  const narrow = context.fourOctetAs ? undefined : narrowAsPath(a.asPath);
  put(AttributeType.AS_PATH, WELL_KNOWN, narrow?.bytes ?? a.asPath);
  if (context.nextHop) put(AttributeType.NEXT_HOP, WELL_KNOWN, a.nextHop);
  if (a.med !== undefined) put(AttributeType.MULTI_EXIT_DISC, OPTIONAL, octets(a.med));
  if (a.localPref !== undefined) put(AttributeType.LOCAL_PREF, WELL_KNOWN, octets(a.localPref));
  if (a.atomicAggregate) put(AttributeType.ATOMIC_AGGREGATE, WELL_KNOWN, new Uint8Array(0));
  const aggregatorFits = a.aggregator === undefined || (a.aggregator[0] === 0 && a.aggregator[1] === 0);
  put(AttributeType.AGGREGATOR, OPTIONAL_TRANSITIVE, aggregator(a.aggregator, context, aggregatorFits));
  put(AttributeType.COMMUNITIES, OPTIONAL_TRANSITIVE, a.communities);
  if (a.originatorId !== undefined) put(AttributeType.ORIGINATOR_ID, OPTIONAL, octets(a.originatorId));
  put(AttributeType.CLUSTER_LIST, OPTIONAL, a.clusterList);
  if (narrow?.lossy) put(AttributeType.AS4_PATH, OPTIONAL_TRANSITIVE, a.asPath);
  if (narrow !== undefined && !aggregatorFits) {
    put(AttributeType.AS4_AGGREGATOR, OPTIONAL_TRANSITIVE, a.aggregator);
  }
  put(AttributeType.LARGE_COMMUNITIES, OPTIONAL_TRANSITIVE, a.largeCommunities);
  for (const o of a.opaque) put(o.type, o.flags, o.value);
  parts.sort((x, y) => x.type - y.type);
  return join(parts);
}

function aggregator(
  value: Uint8Array | undefined,
  context: EncodeContext,
  fits: boolean,
): Uint8Array | undefined {
  if (value === undefined || context.fourOctetAs) return value;
  if (fits) return value.subarray(2);
  return Uint8Array.from([AS_TRANS >>> 8, AS_TRANS & 0xff, ...value.subarray(4)]);
}

const octets = (n: number): Uint8Array =>
  Uint8Array.of(n >>> 24, (n >>> 16) & 0xff, (n >>> 8) & 0xff, n & 0xff);

function join(
  parts: readonly { readonly type: number; readonly flags: number; readonly value: Uint8Array }[],
): Uint8Array {
  let length = 0;
  for (const p of parts) length += p.value.length + (p.value.length > 255 ? 4 : 3);
  const out = new Uint8Array(length);
  let at = 0;
  for (const p of parts) {
    const long = p.value.length > 255;
    out[at] = p.flags | (long ? AttributeFlag.EXTENDED_LENGTH : 0);
    out[at + 1] = p.type;
    if (long) out[at + 2] = p.value.length >>> 8;
    out[at + (long ? 3 : 2)] = p.value.length & 0xff;
    out.set(p.value, at + (long ? 4 : 3));
    at += p.value.length + (long ? 4 : 3);
  }
  return out;
}
