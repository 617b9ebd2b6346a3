/**
 * The way out: route, tunnel, SA, size, seal, batch. Takes whole IP packets with complete checksums; what does not leave is
 * counted by reason, and its source told by ICMP where a router would.
 */
import {
  DropReason,
  InnerPacket,
  NEXT_HEADER_IPV4,
  NEXT_HEADER_IPV6,
  type OutboundSa,
  readInnerPacket,
  SA_LAST_OUT,
} from "@tandem/esp";
import { outerTrafficClass } from "./dscp-ecn.ts";
import { fragmentIpv4 } from "./fragmentation.ts";
import { type IcmpErrorKind, IcmpErrors } from "./icmp-errors.ts";
import type { Joiner } from "./join.ts";
import type { OuterBatch } from "./outer-batch.ts";
import type { Plane } from "./plane.ts";
import type { SegmentTarget } from "./segment-template.ts";
import { LoopCounter, TUNNEL_BYTES_OUT, TUNNEL_PACKETS_OUT } from "./shared-counters.ts";
import type { InstalledSa, Tunnel } from "./tunnel.ts";

/** Specification: RFC 8200 §5. */
const IPV6_MINIMUM_MTU = 1280;

const NO_ROUTE = DropReason["no-route"];
const NO_TUNNEL_UP = DropReason["no-tunnel-up"];
const SELECTOR = DropReason["selector-outbound"];
const LOOP = DropReason["loop-refused"];
const TOO_BIG = DropReason["too-big"];

export class Outbound implements SegmentTarget {
  readonly #plane: Plane;
  readonly #batch: OuterBatch;
  readonly #joiner: Joiner;
  readonly #icmp: IcmpErrors;
  readonly #error = new InnerPacket();
  #chosen: InstalledSa | undefined;
  #sa!: OutboundSa;
  #nextHeader = NEXT_HEADER_IPV4;
  #tos = 0;
  #header = 0;
  /** Sealed for the current SA's tunnel and not yet counted. */
  #packets = 0;
  #octets = 0;

  constructor(plane: Plane, batch: OuterBatch, joiner: Joiner) {
    this.#plane = plane;
    this.#batch = batch;
    this.#joiner = joiner;
    this.#icmp = new IcmpErrors(plane);
  }

  /**
   * Finds the SA for a packet and makes it current for `send` and `place`; false when the packet was dropped, counted and answered.
   * `from` is the tunnel that a transit packet came out of: it never goes back there.
   */
  select(packet: InnerPacket, from: Tunnel | undefined): boolean {
    const { arena, routes, spread, clock } = this.#plane;
    const route = routes.lookup(arena.view, packet.destination, packet.family);
    if (route === undefined || route.entry.tunnels.length === 0) {
      return this.refuse(NO_ROUTE, "unreachable", packet, from, 0);
    }
    const hash = spread.flowHash(packet);
    const tunnel = spread.choose(hash, route.tunnels, from);
    if (tunnel === undefined) {
      const loop = from !== undefined && route.tunnels.includes(from);
      return this.refuse(loop ? LOOP : NO_TUNNEL_UP, "unreachable", packet, from, 0);
    }
    const installed = tunnel.select(packet, arena.bytes);
    if (installed === undefined) return this.refuse(SELECTOR, "unreachable", packet, from, 0);
    spread.note(hash, tunnel, clock.tick);
    this.#use(installed, packet);
    return true;
  }

  /**
   * The longest packet of a family that the current SA's path takes. IPv6 cannot be told of less than 1280 bytes (RFC 8200 §5):
   * where the path is narrower than that, the ESP packet is cut (RFC 2473 §7.2 for tunnels).
   */
  mtu(family: 4 | 6): number {
    const { innerMtu } = this.#chosen!.path;
    return family === 6 ? Math.max(innerMtu, IPV6_MINIMUM_MTU) : innerMtu;
  }

  /** Sends one packet over the current SA, in fragments when it is too long and may be cut. */
  send(packet: InnerPacket, from: Tunnel | undefined): void {
    const mtu = this.mtu(packet.family);
    if (packet.length <= mtu) {
      this.#copy(packet.offset, packet.length);
      return;
    }
    const { arena, checksum, settings, counters } = this.#plane;
    if (packet.family === 4 && !packet.dontFragment && settings.fragment) {
      counters[LoopCounter.fragmented]!++;
      if (fragmentIpv4(packet, mtu, arena, checksum, this)) return;
    }
    this.refuse(TOO_BIG, "too-big", packet, from, mtu);
  }

  /** Place in the batch for the next packet over the current SA. */
  place(length: number): number {
    const sa = this.#sa;
    this.#header = this.#batch.place(this.#chosen!.path, sa.packetLength(length), this.#tos);
    return this.#header + sa.innerOffset;
  }

  /** Seals the packet of `length` bytes that stands at the place. */
  commit(_offset: number, length: number): void {
    const sealed = this.#sa.seal(this.#header, length, this.#nextHeader, this.#batch.jobs);
    if (sealed < 0) {
      this.#plane.counters[-sealed]!++;
      return;
    }
    this.#batch.commit(sealed);
    this.#packets++;
    this.#octets += length;
  }

  #copy(offset: number, length: number): void {
    const at = this.place(length);
    this.#plane.checksum.copy(0, at, offset, length);
    this.commit(at, length);
  }

  /**
   * Counts what went over the current SA and tells the main thread what the SA needs; called once per packet that was read,
   * not per segment.
   */
  settle(): void {
    const installed = this.#chosen;
    if (installed === undefined) return;
    const { outbound } = installed.sa;
    this.#count(installed);
    this.#plane.counters[installed.slot + SA_LAST_OUT] = this.#plane.clock.now;
    this.#plane.touched.note(installed);
    if (outbound.expiry !== undefined) {
      this.#plane.emit({ ...outbound.expiry, childSa: installed.sa.id });
      outbound.expiry = undefined;
    }
    const { sequence } = outbound;
    if (sequence.low && installed.sequenceAsked !== sequence.reservedUpTo) {
      installed.sequenceAsked = sequence.reservedUpTo;
      this.#plane.emit({
        kind: "need-sequence",
        childSa: installed.sa.id,
        reservedUpTo: sequence.reservedUpTo,
      });
    }
  }

  #count(installed: InstalledSa): void {
    const { counters } = this.#plane;
    const { slot } = installed.tunnel;
    counters[slot + TUNNEL_PACKETS_OUT]! += this.#packets;
    counters[slot + TUNNEL_BYTES_OUT]! += this.#octets;
    counters[LoopCounter.segmentsOut]! += this.#packets;
    this.#packets = 0;
    this.#octets = 0;
  }

  /** Counts a drop and answers it with an ICMP error on the way that the packet came. Always false. */
  refuse(
    reason: number,
    kind: IcmpErrorKind,
    packet: InnerPacket,
    from: Tunnel | undefined,
    mtu: number,
  ): boolean {
    const { counters, arena, regions } = this.#plane;
    counters[reason]!++;
    const length = this.#icmp.build(kind, packet, mtu);
    if (length === 0) return false;
    const error = this.#error;
    if (!readInnerPacket(error, arena.bytes, arena.view, regions.scratch, length)) return false;
    if (from === undefined) {
      if (!this.#plane.toInside?.(error)) this.#joiner.push(error);
      return false;
    }
    const back = from.select(error, arena.bytes);
    if (back !== undefined && error.length <= back.path.innerMtu) {
      if (this.#chosen !== undefined) this.#count(this.#chosen);
      this.#use(back, error);
      this.#copy(error.offset, error.length);
      this.settle();
    }
    return false;
  }

  #use(installed: InstalledSa, packet: InnerPacket): void {
    this.#chosen = installed;
    this.#sa = installed.sa.outbound;
    this.#nextHeader = packet.family === 4 ? NEXT_HEADER_IPV4 : NEXT_HEADER_IPV6;
    this.#tos = outerTrafficClass(packet.trafficClass);
  }
}
