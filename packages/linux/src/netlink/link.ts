/** Links: RTM_NEWLINK and friends (rtnetlink(7); struct ifinfomsg: family u8, pad, type u16, index i32, flags u32, change u32). */
import {
  type Attribute,
  attributeU32,
  decodeAttributes,
  type NetlinkRequest,
  readText,
  readU32,
} from "./message.ts";

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_MASTER = 10;
const IFLA_TXQLEN = 13;
const IFLA_NET_NS_PID = 19;
const IFLA_STATS64 = 23;
const IFLA_NET_NS_FD = 28;
const IFF_UP = 1;
const IFF_LOWER_UP = 0x10000;

export interface Link {
  readonly index: number;
  readonly name: string;
  readonly mtu: number;
  readonly up: boolean;
  /** Has a carrier. */
  readonly running: boolean;
  /** Packets that were to leave here and did not; of a TUN, because its queue was full. */
  readonly sendDropped: number;
}

export interface LinkChange {
  readonly up?: boolean;
  /** Bytes. */
  readonly mtu?: number;
  /** Packets that may wait for who reads the device. */
  readonly queueLength?: number;
  /** Index of a bridge or VRF, 0 to leave it. */
  readonly master?: number;
  /** Moves the link to the network namespace of a process, or of an open descriptor. */
  readonly netnsPid?: number;
  readonly netnsFd?: number;
}

export function linkChange(index: number, name: string, change: LinkChange): NetlinkRequest {
  const attributes: Attribute[] = [];
  if (change.mtu !== undefined) attributes.push(attributeU32(IFLA_MTU, change.mtu));
  if (change.queueLength !== undefined) attributes.push(attributeU32(IFLA_TXQLEN, change.queueLength));
  if (change.master !== undefined) attributes.push(attributeU32(IFLA_MASTER, change.master));
  if (change.netnsPid !== undefined) attributes.push(attributeU32(IFLA_NET_NS_PID, change.netnsPid));
  if (change.netnsFd !== undefined) attributes.push(attributeU32(IFLA_NET_NS_FD, change.netnsFd));
  const flags = change.up === true ? IFF_UP : 0;
  const mask = change.up === undefined ? 0 : IFF_UP;
  return {
    type: RTM_NEWLINK,
    flags: 0,
    fixed: ifinfomsg(index, flags, mask),
    attributes,
    what: `link ${name}`,
  };
}

export const linkDelete = (index: number, name: string): NetlinkRequest => ({
  type: RTM_DELLINK,
  flags: 0,
  fixed: ifinfomsg(index, 0, 0),
  attributes: [],
  what: `link ${name}`,
});

export const linkDump: NetlinkRequest = {
  type: RTM_GETLINK,
  flags: 0,
  fixed: ifinfomsg(0, 0, 0),
  attributes: [],
  what: "links",
};

export function decodeLink(payload: Uint8Array): Link | undefined {
  if (payload.length < 16) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const attributes = decodeAttributes(payload.subarray(16));
  const flags = view.getUint32(8, true);
  return {
    index: view.getInt32(4, true),
    name: readText(attributes.get(IFLA_IFNAME)) ?? "",
    mtu: readU32(attributes.get(IFLA_MTU)) ?? 0,
    up: (flags & IFF_UP) !== 0,
    running: (flags & IFF_LOWER_UP) !== 0,
    sendDropped: sendDropped(attributes.get(IFLA_STATS64)),
  };
}

/** struct rtnl_link_stats64: rx and tx packets, rx and tx bytes, rx and tx errors, rx_dropped, tx_dropped at 56, ... */
function sendDropped(stats: Uint8Array | undefined): number {
  if (stats === undefined || stats.length < 64) return 0;
  return Number(new DataView(stats.buffer, stats.byteOffset).getBigUint64(56, true));
}

function ifinfomsg(index: number, flags: number, mask: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setInt32(4, index, true);
  view.setUint32(8, flags, true);
  view.setUint32(12, mask, true);
  return bytes;
}
