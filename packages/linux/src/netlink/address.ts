/** Addresses: RTM_NEWADDR and friends (rtnetlink(7); struct ifaddrmsg: family, prefix length, flags, scope u8, index u32). */
import { formatAddress, parseAddress } from "@tandem/wire";
import { AF_INET, AF_INET6 } from "../message.ts";
import { attribute, attributeU32, decodeAttributes, NetlinkFlag, type NetlinkRequest } from "./message.ts";

const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_FLAGS = 8;
/** No duplicate address detection: an IPv6 address is usable at once, not a second later. */
const IFA_F_NODAD = 0x02;

export interface InterfaceAddress {
  readonly index: number;
  readonly address: string;
  readonly prefixLength: number;
}

/** Adding one that is there already is no error. */
export const addressAdd = (address: InterfaceAddress): NetlinkRequest =>
  request(RTM_NEWADDR, NetlinkFlag.create | NetlinkFlag.replace, address);

export const addressDelete = (address: InterfaceAddress): NetlinkRequest => request(RTM_DELADDR, 0, address);

export const addressDump: NetlinkRequest = {
  type: RTM_GETADDR,
  flags: 0,
  fixed: new Uint8Array(8),
  attributes: [],
  what: "addresses",
};

export function decodeAddress(payload: Uint8Array): InterfaceAddress | undefined {
  if (payload.length < 8) return undefined;
  const attributes = decodeAttributes(payload.subarray(8));
  const bytes = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  if (bytes?.length !== 4 && bytes?.length !== 16) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return { index: view.getUint32(4, true), address: formatAddress(bytes), prefixLength: payload[1]! };
}

function request(
  type: number,
  flags: number,
  { index, address, prefixLength }: InterfaceAddress,
): NetlinkRequest {
  const bytes = parseAddress(address);
  if (bytes === undefined) throw new RangeError(`"${address}" is no address`);
  const six = bytes.length === 16;
  const fixed = new Uint8Array(8);
  fixed[0] = six ? AF_INET6 : AF_INET;
  fixed[1] = prefixLength;
  new DataView(fixed.buffer).setUint32(4, index, true);
  return {
    type,
    flags,
    fixed,
    attributes: [
      attribute(IFA_LOCAL, bytes),
      attribute(IFA_ADDRESS, bytes),
      ...(six && type === RTM_NEWADDR ? [attributeU32(IFA_FLAGS, IFA_F_NODAD)] : []),
    ],
    what: `address ${address}/${prefixLength}`,
  };
}
