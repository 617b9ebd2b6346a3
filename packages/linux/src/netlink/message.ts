/**
 * Netlink messages and attributes (RFC 3549 §2.2, netlink(7), rtnetlink(7)); host byte order, so little-endian here.
 *
 *      nlmsghdr  length 32 │ type 16 │ flags 16 │ sequence 32 │ port 32 │ payload, padded to 4
 *      rtattr    length 16 (with header) │ type 16 │ value, padded to 4
 */
export const NLMSG_HEADER_LENGTH = 16;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export const NetlinkFlag = {
  request: 0x001,
  ack: 0x004,
  dump: 0x300,
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
} as const;

const aligned = (length: number): number => (length + 3) & ~3;

export interface Attribute {
  readonly type: number;
  readonly value: Uint8Array;
}

export const attribute = (type: number, value: Uint8Array): Attribute => ({ type, value });
export const attributeU16 = (type: number, value: number): Attribute => ({
  type,
  value: Uint8Array.of(value & 0xff, value >> 8),
});
export function attributeU32(type: number, value: number): Attribute {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return { type, value: bytes };
}
export const attributeText = (type: number, text: string): Attribute => ({
  type,
  value: Buffer.from(`${text}\0`, "latin1"),
});
export const attributeNested = (type: number, inner: readonly Attribute[]): Attribute => ({
  type: type | 0x8000, // NLA_F_NESTED
  value: encodeAttributes(inner),
});

export function encodeAttributes(attributes: readonly Attribute[]): Uint8Array {
  const total = attributes.reduce((sum, one) => sum + 4 + aligned(one.value.length), 0);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { type, value } of attributes) {
    view.setUint16(at, 4 + value.length, true);
    view.setUint16(at + 2, type, true);
    bytes.set(value, at + 4);
    at += 4 + aligned(value.length);
  }
  return bytes;
}

/** By type; views into `bytes`. Stops at the first attribute that does not fit. */
export function decodeAttributes(bytes: Uint8Array): Map<number, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = new Map<number, Uint8Array>();
  let at = 0;
  while (at + 4 <= bytes.length) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > bytes.length) break;
    found.set(view.getUint16(at + 2, true) & 0x3fff, bytes.subarray(at + 4, at + length));
    at += aligned(length);
  }
  return found;
}

export function readU32(value: Uint8Array | undefined): number | undefined {
  if (value === undefined || value.length < 4) return undefined;
  return new DataView(value.buffer, value.byteOffset, value.byteLength).getUint32(0, true);
}

export const readText = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString("latin1").replace(/\0.*$/s, "");

/** One change or question: the fixed part (ifinfomsg, rtmsg, ...) and its attributes. */
export interface NetlinkRequest {
  readonly type: number;
  readonly flags: number;
  readonly fixed: Uint8Array;
  readonly attributes: readonly Attribute[];
  /** For error messages: "route 10.0.0.0/8". */
  readonly what: string;
}

export function encodeRequest(request: NetlinkRequest, sequence: number): Uint8Array {
  const attributes = encodeAttributes(request.attributes);
  const at = NLMSG_HEADER_LENGTH + aligned(request.fixed.length);
  const bytes = new Uint8Array(at + attributes.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, request.type, true);
  view.setUint16(6, request.flags | NetlinkFlag.request, true);
  view.setUint32(8, sequence, true);
  bytes.set(request.fixed, NLMSG_HEADER_LENGTH);
  bytes.set(attributes, at);
  return bytes;
}

export interface NetlinkReply {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** The messages of one datagram from the kernel. */
export function decodeReplies(bytes: Uint8Array): NetlinkReply[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const replies: NetlinkReply[] = [];
  let at = 0;
  while (at + NLMSG_HEADER_LENGTH <= bytes.length) {
    const length = view.getUint32(at, true);
    if (length < NLMSG_HEADER_LENGTH || at + length > bytes.length) break;
    replies.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      payload: bytes.slice(at + NLMSG_HEADER_LENGTH, at + length),
    });
    at += aligned(length);
  }
  return replies;
}
