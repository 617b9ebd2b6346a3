/**
 * Nexthop objects and groups (Linux 5.3; resilient groups 5.13, Documentation/networking/nexthop-group-resilient.rst). Routes
 * that point at a group all follow when the group changes: one message moves every prefix of a seat. A resilient group keeps
 * the flows of surviving members where they are.
 *
 *      nhmsg         family, scope, protocol, reserved u8; flags u32
 *      nexthop_grp   id u32, weight - 1 u8, reserved 3
 */
import { parseAddress } from "@tandem/wire";
import { AF_INET, AF_INET6 } from "../message.ts";
import {
  attribute,
  attributeNested,
  attributeU16,
  attributeU32,
  NetlinkFlag,
  type NetlinkRequest,
} from "./message.ts";
import { ROUTE_PROTOCOL } from "./route.ts";

const RTM_NEWNEXTHOP = 104;
const RTM_DELNEXTHOP = 105;
const NHA_ID = 1;
const NHA_GROUP = 2;
const NHA_GROUP_TYPE = 3;
const NHA_BLACKHOLE = 4;
const NHA_OIF = 5;
const NHA_GATEWAY = 6;
const NHA_RES_GROUP = 12;
const NHA_RES_GROUP_BUCKETS = 1;
const NHA_RES_GROUP_IDLE_TIMER = 2;
const GROUP_RESILIENT = 1;

export interface Nexthop {
  /** Chosen by the caller, 1 and up. */
  readonly id: number;
  readonly interfaceIndex: number;
  readonly via: string;
}

export interface NexthopGroup {
  readonly id: number;
  readonly members: readonly { readonly id: number; readonly weight?: number }[];
  /** Buckets (a power of two is best) and, in seconds, how long a bucket must be idle before it may move. */
  readonly resilient?: { readonly buckets: number; readonly idleSeconds: number };
}

const flags = NetlinkFlag.create | NetlinkFlag.replace;

export function nexthopReplace(hop: Nexthop): NetlinkRequest {
  const bytes = parseAddress(hop.via);
  if (bytes === undefined) throw new RangeError(`"${hop.via}" is no address`);
  return {
    type: RTM_NEWNEXTHOP,
    flags,
    fixed: nhmsg(bytes.length === 16 ? AF_INET6 : AF_INET),
    attributes: [
      attributeU32(NHA_ID, hop.id),
      attributeU32(NHA_OIF, hop.interfaceIndex),
      attribute(NHA_GATEWAY, bytes),
    ],
    what: `nexthop ${hop.id} via ${hop.via}`,
  };
}

/** Packets of routes that use it are dropped: a seat without an owner. */
export const nexthopBlackhole = (id: number, family: 4 | 6): NetlinkRequest => ({
  type: RTM_NEWNEXTHOP,
  flags,
  fixed: nhmsg(family === 6 ? AF_INET6 : AF_INET),
  attributes: [attributeU32(NHA_ID, id), attribute(NHA_BLACKHOLE, new Uint8Array(0))],
  what: `nexthop ${id} blackhole`,
});

export function nexthopGroupReplace(group: NexthopGroup): NetlinkRequest {
  const members = new Uint8Array(8 * group.members.length);
  const view = new DataView(members.buffer);
  group.members.forEach((member, i) => {
    view.setUint32(8 * i, member.id, true);
    members[8 * i + 4] = (member.weight ?? 1) - 1;
  });
  return {
    type: RTM_NEWNEXTHOP,
    flags,
    fixed: nhmsg(0),
    attributes: [
      attributeU32(NHA_ID, group.id),
      attribute(NHA_GROUP, members),
      ...(group.resilient === undefined
        ? []
        : [
            attributeU16(NHA_GROUP_TYPE, GROUP_RESILIENT),
            attributeNested(NHA_RES_GROUP, [
              attributeU16(NHA_RES_GROUP_BUCKETS, group.resilient.buckets),
              attributeU32(NHA_RES_GROUP_IDLE_TIMER, group.resilient.idleSeconds * 100), // clock ticks
            ]),
          ]),
    ],
    what: `nexthop group ${group.id}`,
  };
}

/** Takes the routes that use it with it. */
export const nexthopDelete = (id: number): NetlinkRequest => ({
  type: RTM_DELNEXTHOP,
  flags: 0,
  fixed: nhmsg(0),
  attributes: [attributeU32(NHA_ID, id)],
  what: `nexthop ${id}`,
});

function nhmsg(family: number): Uint8Array {
  return Uint8Array.of(family, 0, family === 0 ? 0 : ROUTE_PROTOCOL, 0, 0, 0, 0, 0);
}
