/**
 * The way in: what a socket received, cut into datagrams; IKE to the main thread, ESP opened; decrypted packets into the
 * TUN through the joiner, or on into another tunnel.
 */
import {
  CipherJobs,
  DropReason,
  InnerPacket,
  MAX_JOBS,
  PROTOCOL_TCP,
  SA_BAD_ICV,
  SA_LAST_IN,
  SA_OTHER_DROPS,
  SA_REPLAYS,
} from "@tandem/esp";
import { type DatagramSocket, Errno } from "@tandem/linux";
import { updateChecksum } from "./checksum.ts";
import { decapsulateEcn } from "./dscp-ecn.ts";
import type { Joiner } from "./join.ts";
import { clampMss } from "./mss-clamp.ts";
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
const KEEPALIVE = DropReason.keepalive;
const TTL_EXPIRED = DropReason["ttl-expired"];
const SOCKET_ERROR = DropReason["socket-error"];

/** What kind of datagrams a socket brings. */
export type OuterSocketKind = "ike" | "ike-or-esp" | "esp";

/** A socket of a seat. */
export interface OuterSocket {
  readonly socket: DatagramSocket;
  readonly kind: OuterSocketKind;
  readonly address: string;
  readonly addressBytes: Uint8Array;
  readonly port: number;
}

export class Inbound {
  readonly #plane: Plane;
  readonly #outbound: Outbound;
  readonly #joiner: Joiner;
  readonly #packet = new InnerPacket();
  /** Per job of the run under way. */
  readonly #jobs = new CipherJobs();
  readonly #headers = new Int32Array(MAX_JOBS);
  readonly #plains = new Int32Array(MAX_JOBS);
  readonly #sequences = new Float64Array(MAX_JOBS);
  readonly #installed = new Array<InstalledSa | undefined>(MAX_JOBS).fill(undefined);
  #lastSpi = 0;
  #last: InstalledSa | undefined;
  /** The SA whose outer source has been compared for the datagrams in hand. */
  #compared: InstalledSa | undefined;

  constructor(plane: Plane, outbound: Outbound, joiner: Joiner) {
    this.#plane = plane;
    this.#outbound = outbound;
    this.#joiner = joiner;
  }

  /** Forgets what it remembers of SAs; to be called when one is removed. */
  forget(): void {
    this.#last = undefined;
    this.#compared = undefined;
    this.#installed.fill(undefined);
  }

  /** One receive call into `buffer`; false when nothing waits. */
  receive(outer: OuterSocket, buffer: number): boolean {
    const { counters, arena } = this.#plane;
    const { socket } = outer;
    const n = socket.receive(buffer, MAX_PACKET);
    if (n < 0) {
      if (n === -Errno.EAGAIN) return false;
      counters[SOCKET_ERROR]!++;
      return n !== -Errno.EBADF && n !== -Errno.ENETDOWN;
    }
    counters[LoopCounter.udpReceives]!++;
    counters[LoopCounter.udpReceiveBytes]! += n;
    const { received } = socket;
    if (received.truncated) {
      counters[TRUNCATED]!++;
      return true;
    }
    this.#compared = undefined;
    const start = received.payloadOffset;
    const end = start + n;
    const segment = received.segmentSize > 0 ? received.segmentSize : n;
    const view = arena.view;
    let at = start;
    do {
      const length = Math.min(end - at, segment);
      if (this.#plane.tap.on) this.#capture(outer, at, length);
      if (outer.kind === "ike") this.#ike(outer, at, length);
      else if (length < 4) this.#short(at, length);
      else if (outer.kind === "ike-or-esp" && view.getInt32(at) === 0) this.#ike(outer, at + 4, length - 4);
      else this.#esp(outer, at, length);
      at += segment;
    } while (at < end);
    if (this.#jobs.count > 0) this.#finish(outer);
    return true;
  }

  /** RFC 3948 §2.3: one byte 0xff keeps a NAT's mapping alive. */
  #short(at: number, length: number): void {
    const { counters, arena } = this.#plane;
    if (length === 1 && arena.bytes[at] === 0xff) counters[KEEPALIVE]!++;
    else counters[NOT_ESP]!++;
  }

  #ike(outer: OuterSocket, at: number, length: number): void {
    const { arena, counters, emit, tap } = this.#plane;
    const { received, family } = outer.socket;
    counters[LoopCounter.ikeIn]!++;
    emit({
      kind: "ike",
      local: outer.address,
      localPort: outer.port,
      remote: tap.address(received.remoteAddressOffset, family),
      remotePort: received.remotePort,
      payload: arena.bytes.slice(at, at + length),
    });
  }

  /** First half: find the SA, check, queue. */
  #esp(outer: OuterSocket, at: number, length: number): void {
    const { arena, counters, sad } = this.#plane;
    const spi = arena.view.getInt32(at);
    let installed = this.#last;
    if (installed === undefined || spi !== this.#lastSpi) {
      installed = sad.lookup(spi);
      if (installed === undefined) {
        counters[UNKNOWN_SPI]!++;
        return;
      }
      this.#last = installed;
      this.#lastSpi = spi;
    }
    const jobs = this.#jobs;
    if (jobs.full) this.#finish(outer);
    const job = jobs.count;
    const plain = installed.sa.inbound.open(at, length, jobs, this.#sequences);
    if (plain < 0) {
      this.#refused(installed, -plain);
      return;
    }
    this.#headers[job] = at;
    this.#plains[job] = plain;
    this.#installed[job] = installed;
  }

  /** Second half: what was queued is opened together, then judged and delivered in order. */
  #finish(outer: OuterSocket): void {
    const count = this.#jobs.count;
    this.#jobs.run();
    for (let job = 0; job < count; job++) this.#opened(outer, job);
  }

  #opened(outer: OuterSocket, job: number): void {
    const { arena, counters } = this.#plane;
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
    counters[LoopCounter.segmentsIn]!++;
    const slot = installed.tunnel.slot;
    counters[slot + TUNNEL_PACKETS_IN]!++;
    counters[slot + TUNNEL_BYTES_IN]! += length;
    counters[installed.slot + SA_LAST_IN] = this.#plane.clock.now;
    if (this.#compared !== installed) this.#compareSource(outer, installed);
    const { tos } = outer.socket.received;
    if ((tos & 3) !== 0) {
      const illegal = decapsulateEcn(packet, arena.view, tos);
      if (illegal !== 0) {
        this.#refused(installed, illegal);
        return;
      }
    }
    this.#deliver(packet, installed);
  }

  /** A drop, counted by reason and on the SA. */
  #refused(installed: InstalledSa, reason: number): void {
    const { counters } = this.#plane;
    counters[reason]!++;
    if (reason === REPLAY_SEEN || reason === REPLAY_TOO_OLD) counters[installed.slot + SA_REPLAYS]!++;
    else if (reason === BAD_ICV) counters[installed.slot + SA_BAD_ICV]!++;
    else counters[installed.slot + SA_OTHER_DROPS]!++;
  }

  #deliver(packet: InnerPacket, installed: InstalledSa): void {
    const { arena, routes, settings, tap } = this.#plane;
    if (packet.protocol === PROTOCOL_TCP) clampMss(packet, arena.bytes, arena.view, settings.mssClamp);
    const route = routes.lookup(arena.view, packet.destination, packet.family);
    if (route === undefined || route.entry.tunnels.length === 0) {
      if (tap.on) tap.inner("in", packet.offset, packet.length);
      this.#joiner.push(packet);
      return;
    }
    this.#transit(packet, installed);
  }

  /** Tunnel to tunnel: this is the router's hop, so the TTL counts down here (elsewhere the kernel does it). */
  #transit(packet: InnerPacket, installed: InstalledSa): void {
    const { arena, counters } = this.#plane;
    const { bytes, view } = arena;
    if (packet.hopLimit <= 1) {
      this.#outbound.refuse(TTL_EXPIRED, "ttl-expired", packet, installed.tunnel, 0);
      return;
    }
    if (!this.#outbound.select(packet, installed.tunnel)) return;
    if (packet.family === 4) {
      const before = view.getUint16(packet.offset + 8);
      view.setUint16(packet.offset + 8, before - 0x100);
      updateChecksum(view, packet.offset + 10, before, before - 0x100);
    } else bytes[packet.offset + 7] = packet.hopLimit - 1;
    counters[LoopCounter.transit]!++;
    this.#outbound.send(packet, installed.tunnel);
    this.#outbound.settle();
  }

  /** Tells once when authentic packets come from elsewhere than IKE knows (RFC 7296 §2.23, RFC 4555 for the cure). */
  #compareSource(outer: OuterSocket, installed: InstalledSa): void {
    this.#compared = installed;
    const { received, family } = outer.socket;
    const { bytes } = this.#plane.arena;
    const { remote } = installed;
    let same = outer.kind === "esp" || received.remotePort === installed.remotePort;
    for (let i = 0; i < remote.length; i++)
      if (bytes[received.remoteAddressOffset + i] !== remote[i]) same = false;
    if (same) {
      installed.movedTo = "";
      return;
    }
    const address = this.#plane.tap.address(received.remoteAddressOffset, family);
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

  #capture(outer: OuterSocket, at: number, length: number): void {
    const { arena, tap } = this.#plane;
    const { received, family } = outer.socket;
    const from = received.remoteAddressOffset;
    const remote = arena.bytes.slice(from, from + (family === 4 ? 4 : 16));
    const ports = outer.kind === "esp" ? undefined : { source: received.remotePort, destination: outer.port };
    tap.outer("in", remote, outer.addressBytes, ports, at, length);
  }
}
