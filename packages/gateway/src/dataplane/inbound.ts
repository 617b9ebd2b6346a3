/**
 * The way in: what a socket received, cut into datagrams; IKE to the main thread, ESP opened; decrypted packets into the
 * TUN through the joiner, or on into another tunnel.
 */
import {
  CipherJobs,
  DropReason,
  InnerPacket,
  MAX_JOBS,
  SA_BAD_ICV,
  SA_LAST_IN,
  SA_OTHER_DROPS,
  SA_REPLAYS,
} from "@tandem/esp";
import { type DatagramSocket, Errno, type ReceiveBatch, type ReceivedDatagram } from "@tandem/linux";
import { Delivery } from "./delivery.ts";
import { decapsulateEcn } from "./dscp-ecn.ts";
import type { Joiner } from "./join.ts";
import type { Outbound } from "./outbound.ts";
import type { Plane } from "./plane.ts";
import { MAX_PACKET } from "./regions.ts";
import { LoopCounter, TUNNEL_BYTES_IN, TUNNEL_PACKETS_IN } from "./shared-counters.ts";
import type { InstalledSa } from "./tunnel.ts";

const REPLAY_SEEN = DropReason["replay-seen"];
const REPLAY_TOO_OLD = DropReason["replay-too-old"];
const BAD_ICV = DropReason["bad-icv"];
const TRUNCATED = DropReason["outer-truncated"];
const NOT_ESP = DropReason["outer-not-esp"];
const UNKNOWN_SPI = DropReason["unknown-spi"];
const IKE_FLOOD = DropReason["ike-flood"];
const KEEPALIVE = DropReason.keepalive;
const SOCKET_ERROR = DropReason["socket-error"];

/** Implementation: messages queue up in memory when the main thread is slower than a flood of them. */
const IKE_PER_SECOND = 20_000;

/** Implementation: one packet of a peer's is enough for IKE, and a flood of forged ones is not its business. */
const UNKNOWN_SPIS_PER_SECOND = 8;

/** Implementation: what is no longer than this came singly, or is not worth a buffer of its own. */
const SMALL = 2048;

/** What kind of datagrams a socket brings. */
export type OuterSocketKind = "ike" | "ike-or-esp" | "esp" | "icmp";

/** A socket of a seat. */
export interface OuterSocket {
  readonly socket: DatagramSocket;
  readonly kind: OuterSocketKind;
  readonly address: string;
  readonly addressBytes: Uint8Array;
  readonly port: number;
  /** Shared by the sockets of a family. */
  readonly batch: ReceiveBatch | undefined;
  /** Set while datagrams come singly: then many are taken by one call. */
  small: boolean;
}

export class Inbound {
  readonly #plane: Plane;
  readonly #joiner: Joiner;
  readonly #delivery: Delivery;
  readonly #packet = new InnerPacket();
  /** Per job of the run under way. */
  readonly #jobs = new CipherJobs();
  readonly #headers = new Int32Array(MAX_JOBS);
  readonly #plains = new Int32Array(MAX_JOBS);
  readonly #sequences = new Float64Array(MAX_JOBS);
  readonly #installed = new Array<InstalledSa | undefined>(MAX_JOBS).fill(undefined);
  readonly #outers = new Array<OuterSocket | undefined>(MAX_JOBS).fill(undefined);
  readonly #received = new Array<ReceivedDatagram | undefined>(MAX_JOBS).fill(undefined);
  #ikeTick = 0;
  #ikeLeft = 0;
  #unknownTick = 0;
  #unknownLeft = UNKNOWN_SPIS_PER_SECOND;
  #lastSpi = 0;
  #last: InstalledSa | undefined;
  /** The SA of the packet that the joiner's current join ends with. */
  #joining: InstalledSa | undefined;
  /** The SA whose outer source has been compared, and with what. */
  #compared: InstalledSa | undefined;
  #comparedTo: ReceivedDatagram | undefined;

  constructor(plane: Plane, outbound: Outbound, joiner: Joiner) {
    this.#plane = plane;
    this.#joiner = joiner;
    this.#delivery = new Delivery(plane, outbound, joiner);
  }

  /** Forgets what it remembers of SAs; to be called when one is removed. */
  forget(): void {
    this.#last = undefined;
    this.#joining = undefined;
    this.#compared = undefined;
    this.#installed.fill(undefined);
  }

  /**
   * One receive call into `buffer`, or of many datagrams into the batch's own buffers when the last one came singly.
   * False when nothing waits. Joins must have been written before buffers are used again.
   */
  receive(outer: OuterSocket, buffer: number): boolean {
    const { socket, batch } = outer;
    if (outer.small && batch !== undefined) return this.#receiveMany(outer, batch);
    const n = socket.receive(buffer, MAX_PACKET);
    if (n < 0) return this.#receiveFailed(n);
    this.#plane.counters[LoopCounter.udpReceives]!++;
    outer.small = n <= SMALL;
    this.#compared = undefined;
    this.#datagrams(outer, socket.received, n);
    if (this.#jobs.count > 0) this.#finish();
    return true;
  }

  #receiveMany(outer: OuterSocket, batch: ReceiveBatch): boolean {
    const n = batch.receive(outer.socket);
    if (n < 0) return this.#receiveFailed(n);
    this.#plane.counters[LoopCounter.udpReceives]!++;
    this.#compared = undefined;
    for (let i = 0; i < n; i++) {
      const length = batch.decode(outer.socket, i);
      if (length > SMALL) outer.small = false;
      this.#datagrams(outer, batch.received(i), length);
    }
    // The next call uses the same buffers.
    if (this.#jobs.count > 0) this.#finish();
    this.#joiner.flush();
    return n === batch.capacity;
  }

  #receiveFailed(result: number): boolean {
    if (result === -Errno.EAGAIN) return false;
    this.#plane.counters[SOCKET_ERROR]!++;
    return result !== -Errno.EBADF && result !== -Errno.ENETDOWN;
  }

  /** Takes the datagrams of one message apart. ESP packets may stay queued, for `#finish`. */
  #datagrams(outer: OuterSocket, received: ReceivedDatagram, n: number): void {
    const { counters, arena } = this.#plane;
    counters[LoopCounter.udpReceiveBytes]! += n;
    if (received.truncated) {
      counters[TRUNCATED]!++;
      return;
    }
    const start = received.payloadOffset;
    const end = start + n;
    const segment = received.segmentSize > 0 ? received.segmentSize : n;
    const view = arena.view;
    let at = start;
    do {
      const length = Math.min(end - at, segment);
      if (this.#plane.tap.on) this.#capture(outer, received, at, length);
      if (outer.kind === "ike") this.#ike(outer, received, at, length);
      else if (length < 4) this.#short(at, length);
      else if (outer.kind === "ike-or-esp" && view.getInt32(at) === 0)
        this.#ike(outer, received, at + 4, length - 4);
      else this.#esp(outer, received, at, length);
      at += segment;
    } while (at < end);
  }

  /** RFC 3948 §2.3: one byte 0xff keeps a NAT's mapping alive. */
  #short(at: number, length: number): void {
    const { counters, arena } = this.#plane;
    if (length === 1 && arena.bytes[at] === 0xff) counters[KEEPALIVE]!++;
    else counters[NOT_ESP]!++;
  }

  #ike(outer: OuterSocket, received: ReceivedDatagram, at: number, length: number): void {
    const { arena, clock, counters, emit, tap } = this.#plane;
    if (clock.tick !== this.#ikeTick) {
      this.#ikeTick = clock.tick;
      this.#ikeLeft = IKE_PER_SECOND;
    }
    if (this.#ikeLeft-- <= 0) {
      counters[IKE_FLOOD]!++;
      return;
    }
    counters[LoopCounter.ikeIn]!++;
    emit({
      kind: "ike",
      local: outer.address,
      localPort: outer.port,
      remote: tap.address(received.remoteAddressOffset, outer.socket.family),
      remotePort: received.remotePort,
      payload: arena.bytes.slice(at, at + length),
    });
  }

  /** First half: find the SA, check, queue. */
  #esp(outer: OuterSocket, received: ReceivedDatagram, at: number, length: number): void {
    const { arena, counters, sad } = this.#plane;
    const spi = arena.view.getInt32(at);
    let installed = this.#last;
    if (installed === undefined || spi !== this.#lastSpi) {
      installed = sad.lookup(spi);
      if (installed === undefined) {
        counters[UNKNOWN_SPI]!++;
        this.#tellUnknownSpi(outer, received, spi >>> 0);
        return;
      }
      this.#last = installed;
      this.#lastSpi = spi;
    }
    const jobs = this.#jobs;
    if (jobs.full) this.#finish();
    const job = jobs.count;
    const plain = installed.sa.inbound.open(at, length, jobs, this.#sequences);
    if (plain < 0) {
      this.#refused(installed, -plain);
      return;
    }
    this.#headers[job] = at;
    this.#plains[job] = plain;
    // Mostly what stands there already: a comparison is cheaper than the collector's bookkeeping.
    if (this.#installed[job] !== installed) this.#installed[job] = installed;
    if (this.#outers[job] !== outer) this.#outers[job] = outer;
    if (this.#received[job] !== received) this.#received[job] = received;
  }

  /** IKE may tell the peer (RFC 7296 §1.5). */
  #tellUnknownSpi(outer: OuterSocket, received: ReceivedDatagram, spi: number): void {
    const { clock, emit, tap } = this.#plane;
    if (clock.tick !== this.#unknownTick) {
      this.#unknownTick = clock.tick;
      this.#unknownLeft = UNKNOWN_SPIS_PER_SECOND;
    }
    if (this.#unknownLeft-- <= 0) return;
    const remote = tap.address(received.remoteAddressOffset, outer.socket.family);
    emit({ kind: "unknown-spi", local: outer.address, remote, spi });
  }

  /** Second half: what was queued is opened together, then judged and delivered in order. */
  #finish(): void {
    const jobs = this.#jobs;
    const count = jobs.count;
    jobs.run();
    const allOk = jobs.allOk();
    for (let job = 0; job < count; ) {
      const next = this.#continues(job, count, allOk);
      if (next === job) this.#opened(job++);
      else job = next;
    }
  }

  /**
   * The common case in a few comparisons: packets after one of the same flow, SA and datagram, in order. What was found true of
   * that one (route, selectors, source, ECN) needs no second look. Returns the first job from `first` that is none of them.
   */
  #continues(first: number, count: number, allOk: boolean): number {
    const joiner = this.#joiner;
    const installed = this.#installed[first]!;
    const received = this.#received[first];
    if (installed !== this.#joining || joiner.current === undefined) return first;
    if (this.#compared !== installed || this.#comparedTo !== received) return first;
    const { inbound } = installed.sa;
    const { innerOffset } = inbound;
    let octets = 0;
    let job = first;
    for (; job < count; job++) {
      if (this.#installed[job] !== installed || this.#received[job] !== received) break;
      if (!allOk && !this.#jobs.ok(job)) break;
      const header = this.#headers[job]!;
      const sequence = this.#sequences[job]!;
      if (!inbound.isNext(header, this.#plains[job]!, sequence)) break;
      const length = joiner.extend(header + innerOffset);
      if (length === 0) break;
      inbound.accept(sequence);
      octets += length;
    }
    if (job > first) {
      inbound.count(job - first, octets);
      this.#count(installed, job - first, octets);
    }
    return job;
  }

  #count(installed: InstalledSa, packets: number, octets: number): void {
    const { clock, counters } = this.#plane;
    const slot = installed.tunnel.slot;
    counters[LoopCounter.segmentsIn]! += packets;
    counters[slot + TUNNEL_PACKETS_IN]! += packets;
    counters[slot + TUNNEL_BYTES_IN]! += octets;
    counters[installed.slot + SA_LAST_IN] = clock.now;
  }

  #opened(job: number): void {
    const { arena, tap } = this.#plane;
    const installed = this.#installed[job]!;
    const { inbound } = installed.sa;
    const packet = this.#packet;
    const authentic = this.#jobs.ok(job);
    const sequence = this.#sequences[job]!;
    const length = inbound.finish(this.#headers[job]!, this.#plains[job]!, sequence, authentic, packet);
    if (inbound.expiry !== undefined) {
      this.#plane.emit({ ...inbound.expiry, childSa: installed.sa.id });
      inbound.expiry = undefined;
    }
    if (length < 0) {
      this.#refused(installed, -length);
      return;
    }
    this.#count(installed, 1, length);
    this.#plane.heard.note(installed);
    this.#plane.touched.note(installed);
    const received = this.#received[job]!;
    if (this.#compared !== installed || this.#comparedTo !== received) {
      this.#compareSource(this.#outers[job]!, received, installed);
    }
    const { tos } = received;
    if ((tos & 3) !== 0) {
      const illegal = decapsulateEcn(packet, arena.view, tos);
      if (illegal !== 0) {
        this.#refused(installed, illegal);
        return;
      }
    }
    this.#joiner.current = undefined;
    this.#delivery.deliver(packet, installed);
    // A capture wants to see every packet, and ECN marks are looked at one by one.
    this.#joining = tap.on || (tos & 3) !== 0 ? undefined : installed;
  }

  /** A drop, counted by reason and on the SA. */
  #refused(installed: InstalledSa, reason: number): void {
    const { counters } = this.#plane;
    counters[reason]!++;
    if (reason === REPLAY_SEEN || reason === REPLAY_TOO_OLD) counters[installed.slot + SA_REPLAYS]!++;
    else if (reason === BAD_ICV) counters[installed.slot + SA_BAD_ICV]!++;
    else counters[installed.slot + SA_OTHER_DROPS]!++;
  }

  /** Tells once when authentic packets come from elsewhere than IKE knows (RFC 7296 §2.23, RFC 4555 for the cure). */
  #compareSource(outer: OuterSocket, received: ReceivedDatagram, installed: InstalledSa): void {
    this.#compared = installed;
    this.#comparedTo = received;
    const { bytes } = this.#plane.arena;
    const { remote } = installed;
    let same = outer.kind === "esp" || received.remotePort === installed.remotePort;
    for (let i = 0; i < remote.length; i++)
      if (bytes[received.remoteAddressOffset + i] !== remote[i]) same = false;
    if (same) {
      installed.movedTo = "";
      return;
    }
    const address = this.#plane.tap.address(received.remoteAddressOffset, outer.socket.family);
    const key = `${address} ${received.remotePort}`;
    if (installed.movedTo === key) return;
    installed.movedTo = key;
    this.#plane.emit({
      kind: "endpoint-moved",
      childSa: installed.sa.id,
      remote: address,
      remotePort: received.remotePort,
    });
  }

  #capture(outer: OuterSocket, received: ReceivedDatagram, at: number, length: number): void {
    const { arena, tap } = this.#plane;
    const { family } = outer.socket;
    const from = received.remoteAddressOffset;
    const remote = arena.bytes.slice(from, from + (family === 4 ? 4 : 16));
    const ports = outer.kind === "esp" ? undefined : { source: received.remotePort, destination: outer.port };
    tap.outer("in", remote, outer.addressBytes, ports, at, length);
  }
}
