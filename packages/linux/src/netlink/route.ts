/**
 * Routes: RTM_NEWROUTE and friends (rtnetlink(7)).
 *
 *      rtmsg      family, destination length, source length, tos, table, protocol, scope, type u8; flags u32
 *      rtnexthop  length u16, flags u8, weight - 1 u8, ifindex i32, attributes
 */
import { formatAddress, type Prefix, parseAddress, parsePrefix } from "@tandem/wire";
import { AF_INET, AF_INET6 } from "../message.ts";
import {
  type Attribute,
  attribute,
  attributeU32,
  decodeAttributes,
  encodeAttributes,
  NetlinkFlag,
  type NetlinkRequest,
  readU32,
} from "./message.ts";

const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_MULTIPATH = 9;
const RTA_TABLE = 15;
const RTA_VIA = 18;
const RTA_NH_ID = 30;

export const RouteKind = { unicast: 1, local: 2, blackhole: 6, unreachable: 7, prohibit: 8 } as const;
export type RouteKindName = keyof typeof RouteKind;

/** Main table of the kernel. */
export const MAIN_TABLE = 254;
export const LOCAL_TABLE = 255;

/** Marks our routes in `ip route` (proto 84), so that they can be told from others and removed together. */
export const ROUTE_PROTOCOL = 84;
const SCOPE_LINK = 253;
const SCOPE_HOST = 254;

export interface Hop {
  /** A gateway's address, of either family; none for what is on the link itself. */
  readonly via?: string;
  readonly interfaceIndex?: number;
  /** 1 to 256, default 1. */
  readonly weight?: number;
}

export interface Route {
  /** "10.0.0.0/8", "::/0". */
  readonly prefix: string;
  readonly table?: number;
  readonly metric?: number;
  /** Source address that this host prefers for it. */
  readonly source?: string;
  readonly kind?: RouteKindName;
  /** One hop, or several for equal cost. Empty or absent with a kind that drops, or with `nexthopId`. */
  readonly hops?: readonly Hop[];
  /** A nexthop object or group, see nexthop.ts. */
  readonly nexthopId?: number;
}

/** Adds it, or replaces the route of the same prefix, table and metric in one step: no packet meets a gap. */
export const routeReplace = (route: Route): NetlinkRequest =>
  request(RTM_NEWROUTE, NetlinkFlag.create | NetlinkFlag.replace, route);

/** Adds it; refused with EEXIST when the prefix has one of this table and metric. */
export const routeAdd = (route: Route): NetlinkRequest =>
  request(RTM_NEWROUTE, NetlinkFlag.create | NetlinkFlag.exclusive, route);

/** Refused with ESRCH when there is none. */
export const routeDelete = (route: Route): NetlinkRequest => request(RTM_DELROUTE, 0, route);

export const routeDump = (family: 4 | 6): NetlinkRequest => {
  const fixed = new Uint8Array(12);
  fixed[0] = family === 6 ? AF_INET6 : AF_INET;
  return { type: RTM_GETROUTE, flags: 0, fixed, attributes: [], what: "routes" };
};

function request(type: number, flags: number, route: Route): NetlinkRequest {
  const prefix = parsePrefix(route.prefix);
  if (prefix === undefined) throw new RangeError(`"${route.prefix}" is no prefix`);
  const kind = route.kind ?? "unicast";
  const hops = route.hops ?? [];
  const table = route.table ?? MAIN_TABLE;
  const onLink = hops.length > 0 && hops.every((hop) => hop.via === undefined);
  const fixed = new Uint8Array(12);
  fixed[0] = prefix.family === 6 ? AF_INET6 : AF_INET;
  fixed[1] = prefix.length;
  fixed[4] = table < 256 ? table : 0;
  fixed[5] = ROUTE_PROTOCOL;
  fixed[6] = kind === "local" ? SCOPE_HOST : kind === "unicast" && onLink ? SCOPE_LINK : 0;
  fixed[7] = RouteKind[kind];
  if (type === RTM_DELROUTE) {
    fixed[5] = 0; // whoever made it
    fixed[6] = 255; // RT_SCOPE_NOWHERE: any scope
    if (route.kind === undefined) fixed[7] = 0;
  }
  const attributes: Attribute[] = [attributeU32(RTA_TABLE, table)];
  if (prefix.length > 0) attributes.push(attribute(RTA_DST, prefix.bytes));
  if (route.metric !== undefined) attributes.push(attributeU32(RTA_PRIORITY, route.metric));
  if (route.source !== undefined) attributes.push(attribute(RTA_PREFSRC, required(route.source)));
  if (route.nexthopId !== undefined) attributes.push(attributeU32(RTA_NH_ID, route.nexthopId));
  if (hops.length === 1) attributes.push(...hopAttributes(hops[0]!, prefix));
  else if (hops.length > 1) attributes.push(attribute(RTA_MULTIPATH, encodeHops(hops, prefix)));
  return { type, flags, fixed, attributes, what: `route ${prefix.text}` };
}

function hopAttributes(hop: Hop, prefix: Prefix): Attribute[] {
  const attributes: Attribute[] = [];
  if (hop.via !== undefined) attributes.push(gateway(required(hop.via), prefix));
  if (hop.interfaceIndex !== undefined) attributes.push(attributeU32(RTA_OIF, hop.interfaceIndex));
  return attributes;
}

/** A gateway of the other family goes as RTA_VIA: family u16, address (RFC 5549 style next hops). */
function gateway(bytes: Uint8Array, prefix: Prefix): Attribute {
  if (bytes.length === prefix.bytes.length) return attribute(RTA_GATEWAY, bytes);
  return attribute(RTA_VIA, Uint8Array.of(bytes.length === 16 ? AF_INET6 : AF_INET, 0, ...bytes));
}

function encodeHops(hops: readonly Hop[], prefix: Prefix): Uint8Array {
  const parts = hops.map((hop) => {
    const attributes = encodeAttributes(hop.via === undefined ? [] : [gateway(required(hop.via), prefix)]);
    const bytes = new Uint8Array(8 + attributes.length);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, bytes.length, true);
    bytes[3] = (hop.weight ?? 1) - 1;
    view.setInt32(4, hop.interfaceIndex ?? 0, true);
    bytes.set(attributes, 8);
    return bytes;
  });
  return Buffer.concat(parts);
}

export interface DumpedRoute extends Route {
  readonly table: number;
  readonly protocol: number;
}

export function decodeRoute(payload: Uint8Array): DumpedRoute | undefined {
  if (payload.length < 12) return undefined;
  const attributes = decodeAttributes(payload.subarray(12));
  const family = payload[0]!;
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const destination = attributes.get(RTA_DST) ?? new Uint8Array(family === AF_INET6 ? 16 : 4);
  const kind = (Object.keys(RouteKind) as RouteKindName[]).find((name) => RouteKind[name] === payload[7]);
  if (kind === undefined) return undefined;
  const metric = readU32(attributes.get(RTA_PRIORITY));
  const nexthopId = readU32(attributes.get(RTA_NH_ID));
  const source = attributes.get(RTA_PREFSRC);
  const multipath = attributes.get(RTA_MULTIPATH);
  const single = decodeHop(attributes, readU32(attributes.get(RTA_OIF)) ?? 0);
  return {
    prefix: `${formatAddress(destination)}/${payload[1]}`,
    table: readU32(attributes.get(RTA_TABLE)) ?? payload[4]!,
    protocol: payload[5]!,
    kind,
    hops: multipath === undefined ? (single === undefined ? [] : [single]) : decodeHops(multipath),
    ...(metric === undefined ? {} : { metric }),
    ...(nexthopId === undefined ? {} : { nexthopId }),
    ...(source === undefined ? {} : { source: formatAddress(source) }),
  };
}

function decodeHop(attributes: Map<number, Uint8Array>, index: number, weight?: number): Hop | undefined {
  const via = attributes.get(RTA_GATEWAY) ?? attributes.get(RTA_VIA)?.subarray(2);
  if (via === undefined && index === 0) return undefined;
  return {
    ...(via === undefined ? {} : { via: formatAddress(via) }),
    ...(index === 0 ? {} : { interfaceIndex: index }),
    ...(weight === undefined ? {} : { weight }),
  };
}

function decodeHops(bytes: Uint8Array): Hop[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const hops: Hop[] = [];
  let at = 0;
  while (at + 8 <= bytes.length) {
    const length = view.getUint16(at, true);
    if (length < 8 || at + length > bytes.length) break;
    const attributes = decodeAttributes(bytes.subarray(at + 8, at + length));
    const hop = decodeHop(attributes, view.getInt32(at + 4, true), bytes[at + 3]! + 1);
    if (hop !== undefined) hops.push(hop);
    at += (length + 3) & ~3;
  }
  return hops;
}

function required(address: string): Uint8Array {
  const bytes = parseAddress(address);
  if (bytes === undefined) throw new RangeError(`"${address}" is no address`);
  return bytes;
}
