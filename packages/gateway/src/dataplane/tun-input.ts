/**
 * Packets from the inside: one read of the TUN gives a packet or a super-packet, with a virtio_net_hdr that says what is
 * still to be done to it (checksum, segmentation). Everything the header claims is checked against the packet first.
 */
import { DropReason, InnerPacket, PROTOCOL_TCP, PROTOCOL_UDP, readInnerPacket } from "@tandem/esp";
import { Errno, VIRTIO_NET_HEADER_LENGTH, VirtioFlag, VirtioGso } from "@tandem/linux";
import { fold } from "./checksum.ts";
import { clampMss } from "./mss-clamp.ts";
import type { Outbound } from "./outbound.ts";
import type { Plane } from "./plane.ts";
import { MAX_PACKET } from "./regions.ts";
import { segmentTcp } from "./segment-tcp.ts";
import { type SegmentTarget, SegmentTemplate } from "./segment-template.ts";
import { segmentUdp } from "./segment-udp.ts";
import { LoopCounter } from "./shared-counters.ts";

const NOT_IP = DropReason["not-ip"];
const MALFORMED = DropReason["malformed-offload"];
const TOO_BIG = DropReason["too-big"];
const TUN_ERROR = DropReason["tun-error"];

export class TunInput {
  readonly #plane: Plane;
  readonly #outbound: Outbound;
  readonly #packet = new InnerPacket();
  readonly #segment = new InnerPacket();
  readonly #template: SegmentTemplate;
  /** Takes segments that are too long for the tunnel and have to be fragmented. */
  readonly #tooLong: SegmentTarget;

  constructor(plane: Plane, outbound: Outbound) {
    this.#plane = plane;
    this.#outbound = outbound;
    const { bytes, view } = plane.arena;
    this.#template = new SegmentTemplate(plane.arena, plane.checksum, plane.regions.headers);
    this.#tooLong = {
      place: () => plane.regions.spare,
      commit: (offset, length) => {
        if (readInnerPacket(this.#segment, bytes, view, offset, length)) {
          outbound.send(this.#segment, undefined);
        }
      },
    };
  }

  /** Reads and forwards one packet or super-packet. False when there is none. */
  read(): boolean {
    const { tun, regions, counters } = this.#plane;
    const n = tun.read(regions.tunPacket - VIRTIO_NET_HEADER_LENGTH, VIRTIO_NET_HEADER_LENGTH + MAX_PACKET);
    if (n < 0) {
      if (n !== -Errno.EAGAIN && n !== -Errno.EINTR) counters[TUN_ERROR]!++;
      return false;
    }
    counters[LoopCounter.tunReads]!++;
    counters[LoopCounter.tunReadBytes]! += n;
    this.#handle(regions.tunPacket, n - VIRTIO_NET_HEADER_LENGTH);
    return true;
  }

  #handle(at: number, length: number): void {
    const { arena, counters, tap, settings } = this.#plane;
    const { bytes, view } = arena;
    const packet = this.#packet;
    if (!readInnerPacket(packet, bytes, view, at, length)) {
      counters[NOT_IP]!++;
      return;
    }
    const header = at - VIRTIO_NET_HEADER_LENGTH;
    const gso = bytes[header + 1]! & ~VirtioGso.ecn;
    if (gso !== VirtioGso.none) {
      if (!this.#superPacket(packet, gso, view.getUint16(header + 4, true))) counters[MALFORMED]!++;
      return;
    }
    if ((bytes[header]! & VirtioFlag.needsChecksum) !== 0) {
      const start = view.getUint16(header + 6, true);
      const field = start + view.getUint16(header + 8, true);
      if (field + 2 > packet.length) {
        counters[MALFORMED]!++;
        return;
      }
      this.#completeChecksum(packet, at + start, at + field);
    }
    if (packet.protocol === PROTOCOL_TCP) clampMss(packet, bytes, view, settings.mssClamp);
    if (tap.on) tap.inner("out", at, packet.length);
    if (!this.#outbound.select(packet, undefined)) return;
    this.#outbound.send(packet, undefined);
    this.#outbound.settle();
  }

  /** False when the header and the packet contradict each other. */
  #superPacket(packet: InnerPacket, gso: number, segmentSize: number): boolean {
    const { arena, settings, tap } = this.#plane;
    const outbound = this.#outbound;
    const tcp = gso === (packet.family === 4 ? VirtioGso.tcpv4 : VirtioGso.tcpv6);
    if (packet.fragment || segmentSize === 0) return false;
    if (
      tcp ? packet.protocol !== PROTOCOL_TCP : gso !== VirtioGso.udpL4 || packet.protocol !== PROTOCOL_UDP
    ) {
      return false;
    }
    if (packet.upper + 20 > packet.offset + packet.length && tcp) return false;
    if (!outbound.select(packet, undefined)) return true;
    const upperLength = tcp ? (arena.bytes[packet.upper + 12]! >> 4) * 4 : 8;
    const whole = packet.upper - packet.offset + upperLength + segmentSize;
    let target: SegmentTarget = outbound;
    const mtu = outbound.mtu(packet.family);
    if (whole > mtu) {
      if (packet.dontFragment || !settings.fragment) {
        outbound.refuse(TOO_BIG, "too-big", packet, undefined, mtu);
        return true;
      }
      target = this.#tooLong;
    }
    if (tap.on) target = this.#tapped(target);
    const cut = tcp ? segmentTcp : segmentUdp;
    const ok = cut(packet, segmentSize, arena, this.#template, target);
    outbound.settle();
    return ok;
  }

  #tapped(target: SegmentTarget): SegmentTarget {
    return {
      place: (length) => target.place(length),
      commit: (offset, length) => {
        this.#plane.tap.inner("out", offset, length);
        target.commit(offset, length);
      },
    };
  }

  /** The field holds the pseudo-header's part; the sum runs from `start` to the end of the packet. */
  #completeChecksum(packet: InnerPacket, start: number, field: number): void {
    const { arena, checksum } = this.#plane;
    const sum = ~fold(checksum.add(0, start, packet.offset + packet.length - start)) & 0xffff;
    const zero = sum === 0 && packet.protocol === PROTOCOL_UDP; // RFC 768: zero means none
    arena.view.setUint16(field, zero ? 0xffff : sum, true);
  }
}
