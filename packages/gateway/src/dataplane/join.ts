/**
 * Joins segments of one flow on the way to the TUN into one super-packet (what a network card does for LRO, the kernel
 * for GRO), so that the kernel handles them once.
 *
 *      receive buffer  │ vnet│IP TCP payload 1│..│IP TCP│payload 2│..│IP TCP│payload 3│
 *      iovec            └────────── 0 ────────┘         └─── 1 ───┘         └─── 2 ───┘       one writev, no copy
 *
 * Joined is only what the kernel's later segmentation gives back as it was: same addresses, ports, TOS/ECN, TTL, DF, flow
 * label, TCP acknowledgement, window and options; contiguous sequence numbers; equal sizes but for a shorter last one;
 * PSH only at the end; no SYN, FIN, RST, URG, CWR; IPv4 identifications that count up, or DF set and all the same.
 * The identification of packets with DF set may change: it means nothing there (RFC 6864 §4.1).
 * Every segment's IP and TCP or UDP checksum is verified before it is joined, because the kernel trusts a super-packet.
 *
 * Order: a packet that cannot join its flow's super-packet has it written first.
 *
 * Most packets are the next segment of what the packet before them belonged to. `extend` tells by comparing headers with
 * those of the join's first packet, before anybody has read them (V. Jacobson's header prediction).
 */
import { DropReason, type InnerPacket, PROTOCOL_TCP, PROTOCOL_UDP } from "@tandem/esp";
import { Errno, VIRTIO_NET_HEADER_LENGTH, VirtioFlag, VirtioGso } from "@tandem/linux";
import { fold, swap16 } from "./checksum.ts";
import type { Plane } from "./plane.ts";
import { JOIN_IOVEC, JOIN_MASK, JOIN_MAX, MAX_PACKET } from "./regions.ts";
import { LoopCounter } from "./shared-counters.ts";

const TWO_32 = 0x1_0000_0000;
const PSH = 0x08;
const ACK = 0x10;
const ECE = 0x40;
const TUN_FULL = DropReason["tun-full"];
const TUN_ERROR = DropReason["tun-error"];

class Join {
  /** Offset of the iovec array, and of ones for the bits of the headers that are the same in all packets. */
  readonly iovec: number;
  readonly mask: number;
  active = false;
  family: 4 | 6 = 4;
  protocol = 0;
  /** Offset of the first packet, of its upper-layer header from there, and of all headers. */
  first = 0;
  upper = 0;
  headers = 0;
  /** Payload of each packet but the last. */
  size = 0;
  count = 0;
  /** Length of the super-packet so far. */
  total = 0;
  /** Sum of the pseudo-header of a packet that is as long as the first. */
  pseudo = 0;
  /** Expected next, as signed 32-bit numbers. */
  sequence = 0;
  identification = 0;
  fixedIdentification = false;

  constructor(iovec: number) {
    this.iovec = iovec;
    this.mask = iovec + JOIN_IOVEC;
  }
}

export class Joiner {
  readonly #plane: Plane;
  readonly #view: DataView;
  readonly #words: Uint32Array;
  readonly #baseLow: number;
  readonly #baseHigh: number;
  readonly #joins: readonly Join[];
  readonly #udp: boolean;
  readonly #tcp: boolean;
  /** The join that the last packet went into, while it is under way; whoever begins another packet forgets it. */
  current: Join | undefined = undefined;
  #active = 0;
  #next = 0;

  constructor(plane: Plane) {
    this.#plane = plane;
    const { view, words, base } = plane.arena;
    this.#view = view;
    this.#words = words;
    this.#baseLow = base % TWO_32;
    this.#baseHigh = Math.floor(base / TWO_32);
    this.#joins = plane.regions.joins.map((iovec) => new Join(iovec));
    this.#tcp = plane.settings.join && plane.tun.offloads.tcp;
    this.#udp = plane.settings.join && plane.tun.offloads.udp;
  }

  /**
   * Takes a packet that is to be written to the TUN. It must stay where it is until `flush`, with 10 bytes in front of it
   * that may be overwritten.
   */
  push(packet: InnerPacket): void {
    const header = this.#joinableHeader(packet);
    if (header > 0) {
      const mine = this.#active > 0 ? this.#find(packet) : undefined;
      if (mine !== undefined) {
        if (this.#append(mine, packet, header)) return;
        this.#write(mine);
      }
      this.#start(packet, header);
      return;
    }
    if (this.#active > 0) this.#flushRelated(packet);
    this.#writeSingle(packet.offset, packet.length);
  }

  /**
   * Appends the packet at `at` to the current join when it is plainly its next segment: just as long as the first, the same
   * in all headers but for what counts up, and whole by its checksums. Returns its length; 0, with nothing done, when
   * it must be looked at more closely. What was found true of the current join's last packet (route, selectors) is true of it.
   */
  extend(at: number): number {
    const join = this.current;
    if (join === undefined || join.count < 2 || join.count >= JOIN_MAX) return 0; // the second tells how identifications go
    const length = join.headers + join.size;
    if (join.total + join.size > MAX_PACKET) return 0;
    const { checksum } = this.#plane;
    if (checksum.differs(at, join.first, join.mask, join.headers)) return 0;
    const view = this.#view;
    const upper = at + join.upper;
    if (
      join.protocol === PROTOCOL_TCP
        ? view.getInt32(upper + 4) !== join.sequence
        : view.getUint16(upper + 6) === 0
    )
      return 0;
    if (join.family === 4 && !this.#continuesIpv4(join, at)) return 0;
    if (fold(checksum.add(join.pseudo, upper, length - join.upper)) !== 0xffff) return 0;
    if (join.family === 4 && !join.fixedIdentification)
      join.identification = (join.identification + 1) & 0xffff;
    this.#add(join, at, join.size);
    return length;
  }

  /** The identification, and the checksum, which differs from the first one's by as much (RFC 1624, modulo 2^16 - 1). */
  #continuesIpv4(join: Join, at: number): boolean {
    const view = this.#view;
    const first = join.first;
    const firstIdentification = view.getUint16(first + 4);
    const identification = join.fixedIdentification
      ? firstIdentification
      : (join.identification + 1) & 0xffff;
    if (view.getUint16(at + 4) !== identification) return false;
    const sum = view.getUint16(at + 10) + identification;
    return (sum - view.getUint16(first + 10) - firstIdentification) % 0xffff === 0;
  }

  #continuesTcp(join: Join, tcp: number, first: number): boolean {
    const view = this.#view;
    if (view.getInt32(tcp + 4) !== join.sequence) return false;
    if (view.getInt32(tcp + 8) !== view.getInt32(first + 8)) return false; // acknowledgement
    // Data offset, flags but PSH, window. The first has no PSH, or it would have been written at once.
    if ((view.getInt32(tcp + 12) & ~(PSH << 16)) !== view.getInt32(first + 12)) return false;
    for (let o = 20; o < join.headers - join.upper; o += 4) {
      if (view.getInt32(tcp + o) !== view.getInt32(first + o)) return false;
    }
    return true;
  }

  /** Writes every join under way. */
  flush(): void {
    if (this.#active === 0) return;
    // The oldest first: the ring starts at the next one to be used.
    for (let i = 0; i < this.#joins.length; i++) {
      const join = this.#joins[(this.#next + i) % this.#joins.length]!;
      if (join.active) this.#write(join);
    }
  }

  /** Length of all headers when the packet may be part of a join, else 0. */
  #joinableHeader(packet: InnerPacket): number {
    if (packet.fragment) return 0;
    const { bytes, view } = this.#plane.arena;
    const ipLength = packet.family === 4 ? 20 : 40;
    const upper = packet.offset + ipLength;
    if (packet.upper !== upper) return 0; // no IP options, no extension headers
    if (packet.protocol === PROTOCOL_TCP && this.#tcp) {
      if (packet.length < ipLength + 20) return 0;
      const length = ipLength + (bytes[upper + 12]! >> 4) * 4;
      if (length < ipLength + 20 || packet.length <= length) return 0;
      return (bytes[upper + 13]! & ~(PSH | ECE)) === ACK ? length : 0;
    }
    if (packet.protocol === PROTOCOL_UDP && this.#udp) {
      if (packet.length <= ipLength + 8) return 0;
      if (view.getUint16(upper + 4) !== packet.length - ipLength || view.getUint16(upper + 6) === 0) return 0;
      return ipLength + 8;
    }
    return 0;
  }

  /** The join of the packet's flow. */
  #find(packet: InnerPacket): Join | undefined {
    const view = this.#view;
    const joins = this.#joins;
    const ports = view.getInt32(packet.upper);
    for (let i = 0; i < joins.length; i++) {
      const join = joins[i]!;
      if (!join.active || join.protocol !== packet.protocol || join.family !== packet.family) continue;
      if (view.getInt32(join.first + join.upper) !== ports) continue;
      if (this.#sameAddresses(join, packet)) return join;
    }
    return undefined;
  }

  #sameAddresses(join: Join, packet: InnerPacket): boolean {
    const view = this.#view;
    const a = join.first + (packet.family === 4 ? 12 : 8);
    const words = packet.family === 4 ? 2 : 8;
    for (let w = 0; w < words; w++) {
      if (view.getInt32(a + 4 * w) !== view.getInt32(packet.source + 4 * w)) return false;
    }
    return true;
  }

  /** True when the packet went into the join (which may thereby be complete and written). */
  #append(join: Join, packet: InnerPacket, headers: number): boolean {
    const { bytes, view } = this.#plane.arena;
    const payload = packet.length - headers;
    const first = join.first;
    if (headers !== join.headers || payload > join.size || join.count >= JOIN_MAX) return false;
    if (join.total + payload > MAX_PACKET) return false;
    const at = packet.offset;
    if (packet.family === 4) {
      // Version, header length and TOS; flags and fragment offset; TTL and protocol.
      if (view.getInt16(at) !== view.getInt16(first) || view.getInt16(at + 6) !== view.getInt16(first + 6))
        return false;
      if (bytes[at + 8] !== bytes[first + 8]) return false;
      const identification = view.getUint16(at + 4);
      if (join.count === 1 && packet.dontFragment) {
        join.fixedIdentification = identification === view.getUint16(first + 4);
      }
      const expected = join.fixedIdentification
        ? view.getUint16(first + 4)
        : (join.identification + 1) & 0xffff;
      if (identification !== expected) return false;
      join.identification = identification;
    } else if (view.getInt32(at) !== view.getInt32(first) || bytes[at + 7] !== bytes[first + 7]) return false;

    if (join.protocol === PROTOCOL_TCP && !this.#continuesTcp(join, packet.upper, first + join.upper))
      return false;
    if (!this.#verified(packet)) return false;
    this.#add(join, at, payload);
    return true;
  }

  /** The packet at `at` is part of the join, which may thereby be complete and written. */
  #add(join: Join, at: number, payload: number): void {
    const { bytes } = this.#plane.arena;
    this.#setEntry(join.iovec + join.count * 16, at + join.headers, payload);
    join.count++;
    join.total += payload;
    join.sequence = (join.sequence + payload) | 0;
    this.current = join;
    let last = payload < join.size;
    const flags = join.upper + 13;
    if (join.protocol === PROTOCOL_TCP && (bytes[at + flags]! & PSH) !== 0) {
      bytes[join.first + flags] = bytes[join.first + flags]! | PSH;
      last = true;
    }
    if (last) this.#write(join);
  }

  /** struct iovec (readv(2)): address and length, 64 bits each. */
  #setEntry(entry: number, offset: number, length: number): void {
    const words = this.#words;
    const word = entry >> 2;
    const low = this.#baseLow + offset;
    words[word] = low;
    words[word + 1] = low < TWO_32 ? this.#baseHigh : this.#baseHigh + 1;
    words[word + 2] = length;
    words[word + 3] = 0;
  }

  #start(packet: InnerPacket, headers: number): void {
    const { bytes, view } = this.#plane.arena;
    const upper = packet.upper - packet.offset;
    const tcp = packet.protocol === PROTOCOL_TCP;
    if ((tcp && (bytes[packet.upper + 13]! & PSH) !== 0) || !this.#verified(packet)) {
      this.#writeSingle(packet.offset, packet.length);
      return;
    }
    const join = this.#joins[this.#next]!;
    this.#next = (this.#next + 1) % this.#joins.length;
    if (join.active) this.#write(join);
    join.active = true;
    this.#active++;
    if (join.family !== packet.family || join.protocol !== packet.protocol || join.headers !== headers) {
      join.family = packet.family;
      join.protocol = packet.protocol;
      join.upper = upper;
      join.headers = headers;
      this.#setMask(join);
    }
    join.first = packet.offset;
    join.size = packet.length - headers;
    join.count = 1;
    join.total = packet.length;
    join.sequence = tcp ? (view.getInt32(packet.upper + 4) + join.size) | 0 : 0;
    join.pseudo = this.#pseudo(packet);
    join.identification = packet.identification;
    join.fixedIdentification = false;
    this.current = join;
  }

  /** All but what counts up from packet to packet, and PSH. */
  #setMask({ mask, family, protocol, upper, headers }: Join): void {
    const { bytes } = this.#plane.arena;
    bytes.fill(0, mask, mask + JOIN_MASK);
    bytes.fill(0xff, mask, mask + headers);
    if (family === 4) {
      bytes.fill(0, mask + 4, mask + 6); // identification
      bytes.fill(0, mask + 10, mask + 12); // checksum
    }
    if (protocol === PROTOCOL_TCP) {
      bytes.fill(0, mask + upper + 4, mask + upper + 8); // sequence number
      bytes[mask + upper + 13] = ~PSH & 0xff;
      bytes.fill(0, mask + upper + 16, mask + upper + 18); // checksum
    } else bytes.fill(0, mask + upper + 6, mask + upper + 8); // checksum
  }

  /** IP header and upper-layer checksums, over the packet as it came. */
  #verified(packet: InnerPacket): boolean {
    const { checksum } = this.#plane;
    const four = packet.family === 4;
    if (four && fold(checksum.add(0, packet.offset, 20)) !== 0xffff) return false;
    const length = packet.offset + packet.length - packet.upper;
    return fold(checksum.add(this.#pseudo(packet), packet.upper, length)) === 0xffff;
  }

  #pseudo(packet: InnerPacket): number {
    const length = packet.offset + packet.length - packet.upper;
    const addresses = this.#plane.checksum.add(0, packet.source, packet.family === 4 ? 8 : 32);
    return addresses + swap16(packet.protocol) + swap16(length);
  }

  /** Same order as before for what is no TCP or UDP: everything between the two addresses goes out first. */
  #flushRelated(packet: InnerPacket): void {
    for (const join of this.#joins) {
      if (join.active && join.family === packet.family && this.#sameAddresses(join, packet))
        this.#write(join);
    }
  }

  #write(join: Join): void {
    join.active = false;
    this.#active--;
    if (this.current === join) this.current = undefined;
    if (join.count === 1) {
      this.#writeSingle(join.first, join.total);
      return;
    }
    const { arena, checksum, counters, tun } = this.#plane;
    const { view } = arena;
    const first = join.first;
    const upper = first + join.upper;
    const four = join.family === 4;
    if (four) {
      view.setUint16(first + 2, join.total);
      view.setUint16(first + 10, 0);
      view.setUint16(first + 10, ~fold(checksum.add(0, first, 20)) & 0xffff, true);
    } else view.setUint16(first + 4, join.total - 40);
    const length = join.total - join.upper;
    const tcp = join.protocol === PROTOCOL_TCP;
    if (!tcp) view.setUint16(upper + 4, length);
    const partial = fold(
      checksum.add(0, first + (four ? 12 : 8), four ? 8 : 32) + swap16(join.protocol) + swap16(length),
    );
    view.setUint16(upper + (tcp ? 16 : 6), partial, true);

    const header = first - VIRTIO_NET_HEADER_LENGTH;
    view.setUint8(header, VirtioFlag.needsChecksum);
    view.setUint8(header + 1, tcp ? (four ? VirtioGso.tcpv4 : VirtioGso.tcpv6) : VirtioGso.udpL4);
    view.setUint16(header + 2, join.headers, true);
    view.setUint16(header + 4, join.size, true);
    view.setUint16(header + 6, join.upper, true);
    view.setUint16(header + 8, tcp ? 16 : 6, true);
    this.#setEntry(join.iovec, header, VIRTIO_NET_HEADER_LENGTH + join.headers + join.size);
    counters[LoopCounter.joined]! += join.count;
    this.#written(tun.writeVector(join.iovec, join.count), join.total, join.count);
  }

  #writeSingle(offset: number, length: number): void {
    const { arena, tun } = this.#plane;
    const header = offset - VIRTIO_NET_HEADER_LENGTH;
    for (let i = 0; i < VIRTIO_NET_HEADER_LENGTH; i++) arena.bytes[header + i] = 0;
    this.#written(tun.write(header, VIRTIO_NET_HEADER_LENGTH + length), length, 1);
  }

  #written(result: number, length: number, packets: number): void {
    const { counters } = this.#plane;
    if (result >= 0) {
      counters[LoopCounter.tunWrites]!++;
      counters[LoopCounter.tunWriteBytes]! += length;
    } else {
      const full = result === -Errno.EAGAIN || result === -Errno.ENOBUFS;
      counters[full ? TUN_FULL : TUN_ERROR]! += packets;
    }
  }
}
