/**
 * Packets for tests, built and cut in the plainest way: an oracle that shares no code with the data plane.
 */
export interface PacketShape {
  readonly family: 4 | 6;
  readonly protocol: "tcp" | "udp" | "icmp";
  readonly flow: number;
  readonly payload: Uint8Array;
  readonly tos?: number;
  readonly ttl?: number;
  readonly df?: boolean;
  readonly id?: number;
  readonly seq?: number;
  readonly ack?: number;
  readonly flags?: number;
  readonly window?: number;
  readonly options?: Uint8Array;
  readonly source?: Uint8Array;
  readonly destination?: Uint8Array;
}

export function sum16(bytes: Uint8Array, start = 0): number {
  let sum = start;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) + (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

const NUMBER = { tcp: 6, udp: 17, icmp: 1 } as const;

/** Addresses: 10.1.0.(flow) to 10.2.0.(flow), or fd01:: and fd02::. */
export function buildPacket(shape: PacketShape): Uint8Array {
  const four = shape.family === 4;
  const protocol = shape.protocol === "icmp" && !four ? 58 : NUMBER[shape.protocol];
  const upper = buildUpper(shape);
  const header = new Uint8Array(four ? 20 : 40);
  const view = new DataView(header.buffer);
  if (four) {
    view.setUint8(0, 0x45);
    view.setUint8(1, shape.tos ?? 0);
    view.setUint16(2, 20 + upper.length);
    view.setUint16(4, shape.id ?? 0);
    view.setUint16(6, shape.df === false ? 0 : 0x4000);
    view.setUint8(8, shape.ttl ?? 64);
    view.setUint8(9, protocol);
    header.set(shape.source ?? [10, 1, 0, shape.flow], 12);
    header.set(shape.destination ?? [10, 2, 0, shape.flow], 16);
    view.setUint16(10, ~sum16(header) & 0xffff);
  } else {
    view.setUint32(0, (0x60000000 | ((shape.tos ?? 0) << 20) | shape.flow) >>> 0);
    view.setUint16(4, upper.length);
    view.setUint8(6, protocol);
    view.setUint8(7, shape.ttl ?? 64);
    header.set(shape.source ?? [0xfd, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, shape.flow], 8);
    header.set(shape.destination ?? [0xfd, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, shape.flow], 24);
  }
  const packet = new Uint8Array(header.length + upper.length);
  packet.set(header);
  packet.set(upper, header.length);
  fixChecksum(packet, shape.protocol === "icmp" && four);
  return packet;
}

function buildUpper(shape: PacketShape): Uint8Array {
  const options = shape.options ?? new Uint8Array(0);
  const length = shape.protocol === "tcp" ? 20 + options.length : 8;
  const out = new Uint8Array(length + shape.payload.length);
  const view = new DataView(out.buffer);
  if (shape.protocol === "icmp") {
    view.setUint8(0, shape.family === 4 ? 8 : 128);
    view.setUint16(4, shape.flow);
  } else {
    view.setUint16(0, 1000 + shape.flow);
    view.setUint16(2, 2000 + shape.flow);
    if (shape.protocol === "udp") view.setUint16(4, out.length);
    else {
      view.setUint32(4, shape.seq ?? 0);
      view.setUint32(8, shape.ack ?? 0);
      view.setUint8(12, (length / 4) << 4);
      view.setUint8(13, shape.flags ?? 0x10);
      view.setUint16(14, shape.window ?? 500);
      out.set(options, 20);
    }
  }
  out.set(shape.payload, length);
  return out;
}

const upperOffset = (packet: Uint8Array): number => (packet[0]! >> 4 === 4 ? (packet[0]! & 15) * 4 : 40);
const protocolOf = (packet: Uint8Array): number => (packet[0]! >> 4 === 4 ? packet[9]! : packet[6]!);
const checksumField = (protocol: number): number => (protocol === 6 ? 16 : protocol === 17 ? 6 : 2);

function pseudoSum(packet: Uint8Array): number {
  const four = packet[0]! >> 4 === 4;
  const addresses = four ? packet.slice(12, 20) : packet.slice(8, 40);
  return sum16(addresses, protocolOf(packet) + packet.length - upperOffset(packet));
}

export function fixChecksum(packet: Uint8Array, bare = false): void {
  const at = upperOffset(packet);
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const field = at + checksumField(protocolOf(packet));
  view.setUint16(field, 0);
  const sum = ~sum16(packet.slice(at), bare ? 0 : pseudoSum(packet)) & 0xffff;
  view.setUint16(field, sum === 0 && protocolOf(packet) === 17 ? 0xffff : sum);
}

export const checksumOk = (packet: Uint8Array): boolean => {
  const bare = packet[0]! >> 4 === 4 && protocolOf(packet) === 1;
  return sum16(packet.slice(upperOffset(packet)), bare ? 0 : pseudoSum(packet)) === 0xffff;
};

/** The virtio header and super-packet that a host with offloads hands over for this whole packet. */
export function superFrame(packet: Uint8Array, size: number): { packet: Uint8Array; header: Uint8Array } {
  const out = packet.slice();
  const view = new DataView(out.buffer);
  const at = upperOffset(out);
  const protocol = protocolOf(out);
  const headers = protocol === 6 ? at + (out[at + 12]! >> 4) * 4 : at + 8;
  view.setUint16(at + checksumField(protocol), pseudoSum(out));
  const header = new Uint8Array(10);
  const h = new DataView(header.buffer);
  h.setUint8(0, 1);
  h.setUint8(1, protocol === 17 ? 5 : out[0]! >> 4 === 4 ? 1 : 4);
  h.setUint16(2, headers, true);
  h.setUint16(4, size, true);
  h.setUint16(6, at, true);
  h.setUint16(8, checksumField(protocol), true);
  return { packet: out, header };
}

/** What the frame stands for on the wire: its packets, with every checksum complete. */
export function expandFrame(frame: Uint8Array): Uint8Array[] {
  const h = new DataView(frame.buffer, frame.byteOffset, 10);
  const packet = frame.slice(10);
  const gso = h.getUint8(1) & 0x7f;
  if (gso === 0) {
    if ((h.getUint8(0) & 1) !== 0) fixChecksum(packet, false);
    return [packet];
  }
  const size = h.getUint16(4, true);
  const at = upperOffset(packet);
  const tcp = protocolOf(packet) === 6;
  const headers = tcp ? at + (packet[at + 12]! >> 4) * 4 : at + 8;
  const out: Uint8Array[] = [];
  for (let from = headers; from < packet.length; from += size) {
    const part = packet.slice(from, from + size);
    const one = new Uint8Array(headers + part.length);
    one.set(packet.slice(0, headers));
    one.set(part, headers);
    const view = new DataView(one.buffer);
    if (at === 20) {
      view.setUint16(2, one.length);
      view.setUint16(4, (view.getUint16(4) + out.length) & 0xffff);
      view.setUint16(10, 0);
      view.setUint16(10, ~sum16(one.slice(0, 20)) & 0xffff);
    } else view.setUint16(4, one.length - 40);
    if (tcp) {
      view.setUint32(at + 4, (view.getUint32(at + 4) + from - headers) >>> 0);
      let flags = one[at + 13]!;
      if (from > headers) flags &= ~0x80;
      if (from + size < packet.length) flags &= ~0x09;
      one[at + 13] = flags;
    } else view.setUint16(at + 4, one.length - at);
    fixChecksum(one);
    out.push(one);
  }
  return out;
}

/** The identification of a packet with DF set means nothing (RFC 6864 §4.1): leaves it out. */
export function withoutAtomicId(packet: Uint8Array): Uint8Array {
  if (packet[0]! >> 4 !== 4 || (packet[6]! & 0x40) === 0) return packet;
  const out = packet.slice();
  out.fill(0, 4, 6);
  out.fill(0, 10, 12);
  return out;
}

/** Names the packet's flow: family, protocol, addresses and ports. */
export function flowOf(packet: Uint8Array): string {
  const four = packet[0]! >> 4 === 4;
  const addresses = four ? packet.slice(12, 20) : packet.slice(8, 40);
  const at = upperOffset(packet);
  const ports = [6, 17].includes(protocolOf(packet)) ? packet.slice(at, at + 4) : new Uint8Array(0);
  return [protocolOf(packet), ...addresses, ...ports].join(".");
}

export type Cut = "whole" | "first" | "middle" | "last";

/** The packet as if it were a fragment of a longer one: behind the first, its upper-layer header is payload to everybody. */
export function asFragment(packet: Uint8Array, cut: Cut, id: number): Uint8Array {
  if (cut === "whole") return packet;
  const offset = cut === "first" ? 0 : 185;
  const more = cut === "last" ? 0 : 1;
  if (packet[0]! >> 4 === 4) {
    const out = packet.slice();
    const view = new DataView(out.buffer);
    view.setUint16(4, id);
    view.setUint16(6, (more << 13) | offset);
    view.setUint16(10, 0);
    view.setUint16(10, ~sum16(out.slice(0, 20)) & 0xffff);
    return out;
  }
  const out = new Uint8Array(packet.length + 8);
  out.set(packet.slice(0, 40));
  out.set(packet.slice(40), 48);
  const view = new DataView(out.buffer);
  view.setUint16(4, packet.length - 40 + 8);
  view.setUint8(6, 44);
  view.setUint8(40, packet[6]!);
  view.setUint16(42, (offset << 3) | more);
  view.setUint32(44, id);
  return out;
}

/** IPv4 packets whose fragments are all there stand whole where the last of them stood; everything else as it was. */
export function reassemble(packets: readonly Uint8Array[]): Uint8Array[] {
  const parts = new Map<string, Uint8Array[]>();
  return packets.flatMap((packet) => {
    if (packet[0]! >> 4 !== 4 || ((packet[6]! & 0x3f) | packet[7]!) === 0) return [packet];
    const key = [packet[9], ...packet.slice(4, 6), ...packet.slice(12, 20)].join(".");
    const list = [...(parts.get(key) ?? []), packet];
    parts.set(key, list);
    const whole = joined(list);
    if (whole === undefined) return [packet];
    for (const part of list) part.fill(0); // marked: taken up by the whole
    return [whole];
  });
}

const field = (packet: Uint8Array): number => new DataView(packet.buffer, packet.byteOffset).getUint16(6);

function joined(parts: readonly Uint8Array[]): Uint8Array | undefined {
  const sorted = [...parts].sort((a, b) => (field(a) & 0x1fff) - (field(b) & 0x1fff));
  const bytes: number[] = [];
  for (const part of sorted) {
    if ((field(part) & 0x1fff) * 8 !== bytes.length) return undefined;
    bytes.push(...part.slice(20));
  }
  if ((field(sorted.at(-1)!) & 0x2000) !== 0) return undefined;
  const whole = Uint8Array.from([...sorted[0]!.slice(0, 20), ...bytes]);
  const view = new DataView(whole.buffer);
  view.setUint16(2, whole.length);
  view.setUint16(6, 0);
  view.setUint16(10, 0);
  view.setUint16(10, ~sum16(whole.slice(0, 20)) & 0xffff);
  return whole;
}
