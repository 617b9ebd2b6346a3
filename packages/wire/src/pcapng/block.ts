/**
 * Blocks of a pcapng file. Read: draft-ietf-opsawg-pcapng §3 (block structure, options), §4.1 SHB, §4.2 IDB, §4.3 EPB.
 *
 *      block   type 32 │ total length 32 │ body, padded to 4 │ total length 32
 *      option  code 16 │ length 16 │ value, padded to 4          ended by code 0
 *
 * Written little-endian; the reader takes both.
 */
export const PcapngBlock = {
  sectionHeader: 0x0a0d0d0a,
  interfaceDescription: 1,
  enhancedPacket: 6,
} as const;

export const PcapngOption = {
  end: 0,
  comment: 1,
  userApplication: 4, // SHB
  interfaceName: 2, // IDB
  interfaceDescription: 3, // IDB
  timestampResolution: 9, // IDB
  packetFlags: 2, // EPB
} as const;

export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** LINKTYPE_ values of the tcpdump.org registry. `raw` starts at the IP header of either version. */
export const LinkType = { ethernet: 1, raw: 101, ipv4: 228, ipv6: 229 } as const;

/** epb_flags §4.3.1: bits 0 and 1. */
export const PacketDirection = { unknown: 0, in: 1, out: 2 } as const;
export type PacketDirectionName = keyof typeof PacketDirection;

const padded = (length: number): number => (length + 3) & ~3;

export interface PcapngOptionValue {
  readonly code: number;
  readonly value: Uint8Array;
}

/** A whole block; `body` is what comes before the options. */
export function encodeBlock(
  type: number,
  body: Uint8Array,
  options: readonly PcapngOptionValue[],
): Uint8Array {
  let optionsLength = options.length === 0 ? 0 : 4;
  for (const option of options) optionsLength += 4 + padded(option.value.length);
  const total = 12 + padded(body.length) + optionsLength;
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, total, true);
  bytes.set(body, 8);
  let at = 8 + padded(body.length);
  for (const option of options) {
    view.setUint16(at, option.code, true);
    view.setUint16(at + 2, option.value.length, true);
    bytes.set(option.value, at + 4);
    at += 4 + padded(option.value.length);
  }
  view.setUint32(total - 4, total, true);
  return bytes;
}
