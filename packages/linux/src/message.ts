/**
 * struct msghdr, mmsghdr, iovec, cmsghdr and sockaddr as 64-bit Linux lays them out, written into the arena with a DataView.
 *
 *      msghdr   0 name  8 namelen u32  16 iov  24 iovlen  32 control  40 controllen  48 flags i32          56 bytes
 *      mmsghdr  msghdr, 56 length u32                                                                      64 bytes
 *      iovec    0 base  8 length                                                                           16 bytes
 *      cmsghdr  0 length (with header)  8 level i32  12 type i32  16 data, padded to 8
 *
 * 64-bit fields are written as two words: setBigUint64 would allocate.
 */
import type { Arena } from "./arena.ts";

export const MSGHDR_LENGTH = 56;
export const MMSGHDR_LENGTH = 64;
export const IOVEC_LENGTH = 16;
export const CMSG_HEADER_LENGTH = 16;

export const MessageField = {
  name: 0,
  nameLength: 8,
  iov: 16,
  iovCount: 24,
  control: 32,
  controlLength: 40,
  flags: 48,
  /** Only in an mmsghdr: bytes moved. */
  length: 56,
} as const;

export const MSG_CTRUNC = 0x08;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_ERRQUEUE = 0x2000;

export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_PACKET = 17;

export const SOL_IP = 0;
export const SOL_IPV6 = 41;
export const SOL_UDP = 17;
export const IP_TOS = 1;
export const IP_TTL = 2;
export const IP_PKTINFO = 8;
export const IP_RECVERR = 11;
export const IPV6_RECVERR = 25;
export const IPV6_PKTINFO = 50;
export const IPV6_HOPLIMIT = 52;
export const IPV6_TCLASS = 67;
export const UDP_SEGMENT = 103;
export const UDP_GRO = 104;

export function writeWord64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 4294967296), true);
}

export function readWord64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 4294967296;
}

/** Where the parts of a message stand, as offsets into the arena. */
export interface MessageLayout {
  readonly name?: { readonly offset: number; readonly length: number };
  readonly iov: { readonly offset: number; readonly count: number };
  readonly control?: { readonly offset: number; readonly length: number };
}

export function writeMessageHeader(arena: Arena, at: number, layout: MessageLayout): void {
  const { view, base } = arena;
  arena.bytes.fill(0, at, at + MSGHDR_LENGTH);
  if (layout.name !== undefined) {
    writeWord64(view, at + MessageField.name, base + layout.name.offset);
    view.setUint32(at + MessageField.nameLength, layout.name.length, true);
  }
  writeWord64(view, at + MessageField.iov, base + layout.iov.offset);
  writeWord64(view, at + MessageField.iovCount, layout.iov.count);
  if (layout.control !== undefined) {
    writeWord64(view, at + MessageField.control, base + layout.control.offset);
    writeWord64(view, at + MessageField.controlLength, layout.control.length);
  }
}

/** Points an iovec at `length` bytes of the arena. */
export function writeIovec(arena: Arena, at: number, offset: number, length: number): void {
  writeWord64(arena.view, at, arena.base + offset);
  writeWord64(arena.view, at + 8, length);
}

/** Bytes that one control message of `dataLength` takes in a control buffer (CMSG_SPACE). */
export const controlSpace = (dataLength: number): number => CMSG_HEADER_LENGTH + ((dataLength + 7) & ~7);

/** Writes a header for `dataLength` bytes and returns the offset of the data, which the caller fills in. */
export function writeControlHeader(
  arena: Arena,
  at: number,
  level: number,
  type: number,
  dataLength: number,
): number {
  arena.bytes.fill(0, at, at + controlSpace(dataLength));
  writeWord64(arena.view, at, CMSG_HEADER_LENGTH + dataLength);
  arena.view.setInt32(at + 8, level, true);
  arena.view.setInt32(at + 12, type, true);
  return at + CMSG_HEADER_LENGTH;
}

// sockaddr_in 16 bytes: family u16, port be16, address 4. sockaddr_in6 28 bytes: family, port, flow info, address 16, scope u32.
export const SOCKADDR_IN_LENGTH = 16;
export const SOCKADDR_IN6_LENGTH = 28;

/** Bytes of a sockaddr for an address of 4 or 16 bytes; `scope` is the interface index of an IPv6 link-local address. */
export function encodeSocketAddress(address: Uint8Array, port: number, scope = 0): Uint8Array {
  const six = address.length === 16;
  const out = new Uint8Array(six ? SOCKADDR_IN6_LENGTH : SOCKADDR_IN_LENGTH);
  const view = new DataView(out.buffer);
  view.setUint16(0, six ? AF_INET6 : AF_INET, true);
  view.setUint16(2, port);
  out.set(address, six ? 8 : 4);
  if (six) view.setUint32(24, scope, true);
  return out;
}

export function decodeSocketAddress(bytes: Uint8Array): { address: Uint8Array; port: number } | undefined {
  if (bytes.length < 2) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const family = view.getUint16(0, true);
  if (family === AF_INET && bytes.length >= SOCKADDR_IN_LENGTH) {
    return { address: bytes.slice(4, 8), port: view.getUint16(2) };
  }
  if (family === AF_INET6 && bytes.length >= SOCKADDR_IN6_LENGTH) {
    return { address: bytes.slice(8, 24), port: view.getUint16(2) };
  }
  return undefined;
}
