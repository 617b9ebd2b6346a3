/**
 * The path MTU between two gateways, learned from the ICMP messages of routers between them (RFC 4301 §8.2, RFC 1191,
 * RFC 8201). Those are not authenticated, so each must quote a packet that one of our SAs has really sent: its SPI, addresses, ports, and a sequence
 * number used not long ago. Whoever can quote these saw the packet, and could as well have dropped it.
 *
 *      router ─ ICMP ─▶ raw socket ─▶ decode ─▶ which SA? ─▶ lower the path ─▶ inner packets get "too big" with the inner MTU
 *                                                              └─ ten minutes later: forgotten, and tried again (RFC 1191 §6.3)
 *
 * Bounds: never above what is configured, never raised by a message, never below what every link must carry, and messages
 * are looked at at a limited rate. What was learned outlives a rekey: it belongs to the pair of addresses.
 */
import { DropReason, innerMtu } from "@tandem/esp";
import type { DatagramSocket } from "@tandem/linux";
import { formatAddress } from "@tandem/wire";
import { fold } from "./checksum.ts";
import type { Plane } from "./plane.ts";
import { MAX_PACKET } from "./regions.ts";
import { LoopCounter } from "./shared-counters.ts";
import { decodeTooBig, type TooBigMessage } from "./too-big-message.ts";
import type { InstalledSa, OuterPath } from "./tunnel.ts";

/** Specification: RFC 1191 §6.3 asks for ten minutes, RFC 8201 §4 for no less than five. */
const KEPT_MILLISECONDS = 600_000;
/** Specification: RFC 791 §3.1 (every host takes 576 bytes), RFC 8200 §5 (every link carries 1280). */
const FLOOR = { 4: 576, 6: 1280 } as const;
/** Specification: RFC 1191 §7, for routers that name no MTU. */
const PLATEAUS = [32000, 17914, 8166, 4352, 2002, 1492, 1006, 576];
/** Implementation: a path has a handful of routers; an attacker has more. */
const MESSAGES_PER_SECOND = 50;
/** Implementation: packets since the quoted one. At 1,000,000 a second, what a router's answer may take. */
const RECENT = 2 ** 20;
const TWO_32 = 2 ** 32;

const UNTRUSTED = DropReason["icmp-untrusted"];

export class PathMtus {
  readonly #plane: Plane;
  /** By local and remote address; only what is below the configured MTU. */
  readonly #learned = new Map<string, { readonly mtu: number; readonly until: number }>();
  #tick = -1;
  #left = 0;

  constructor(plane: Plane) {
    this.#plane = plane;
  }

  /** MTU of the outside from one address to another as far as it is known, bytes of whole IP packets. */
  between(local: string, remote: string): number {
    return this.#learned.get(key(local, remote))?.mtu ?? this.#plane.settings.outerMtu;
  }

  /** Takes one ICMP message from its socket into `buffer`. False when none waits. */
  receive(socket: DatagramSocket, buffer: number): boolean {
    const n = socket.receive(buffer, MAX_PACKET);
    if (n < 0) return false;
    const { arena, checksum, clock, counters } = this.#plane;
    if (clock.tick !== this.#tick) {
      this.#tick = clock.tick;
      this.#left = MESSAGES_PER_SECOND;
    }
    if (this.#left-- <= 0) {
      counters[UNTRUSTED]!++;
      return true;
    }
    const at = socket.received.payloadOffset;
    // Over IPv6 the kernel has verified it.
    if (socket.family === 4 && fold(checksum.add(0, at, n)) !== 0xffff) return true;
    const message = decodeTooBig(socket.family, arena.bytes.subarray(at, at + n));
    if (message === undefined) return true;
    const installed = message.mayFragment ? undefined : this.#sender(message);
    if (installed === undefined) counters[UNTRUSTED]!++;
    else this.#lower(installed.path, message);
    return true;
  }

  /** Forgets what is too old; called once a second. */
  age(now: number): void {
    for (const [pair, { until }] of this.#learned) {
      if (now < until) continue;
      this.#learned.delete(pair);
      this.#apply(pair, this.#plane.settings.outerMtu);
    }
  }

  /** The SA that has sent the quoted packet not long ago. */
  #sender(message: TooBigMessage): InstalledSa | undefined {
    const source = formatAddress(message.source);
    const destination = formatAddress(message.destination);
    for (const installed of this.#plane.sad.values()) {
      const { path, sa } = installed;
      if (sa.outbound.spi >>> 0 !== message.spi) continue;
      if (path.path.local !== source || path.path.remote !== destination) continue;
      if (path.udp !== (message.ports !== undefined)) continue;
      if (message.ports !== undefined) {
        if (message.ports.source !== path.socket.localPort) continue;
        if (message.ports.destination !== path.path.remotePort) continue;
      }
      const last = sa.outbound.sequence.upcoming - 1;
      const since = ((last % TWO_32) - message.sequence + TWO_32) % TWO_32;
      if (since < RECENT && since < last) return installed;
    }
    return undefined;
  }

  #lower(path: OuterPath, message: TooBigMessage): void {
    const told = message.mtu > 0 ? message.mtu : (PLATEAUS.find((p) => p < message.length) ?? 0);
    const mtu = Math.max(told, FLOOR[message.family]);
    if (mtu >= path.outerMtu || mtu >= message.length) return;
    const pair = key(path.path.local, path.path.remote);
    this.#learned.set(pair, { mtu, until: this.#plane.clock.now + KEPT_MILLISECONDS });
    this.#plane.counters[LoopCounter.pathMtuLowered]!++;
    this.#apply(pair, mtu);
  }

  #apply(pair: string, mtu: number): void {
    for (const { path, sa } of this.#plane.sad.values()) {
      if (key(path.path.local, path.path.remote) !== pair) continue;
      path.outerMtu = mtu;
      // A kernel that knew before us refused whole batches: their segments fit now.
      path.segmentation = path.udp && this.#plane.settings.outerOffload;
      path.innerMtu = innerMtu(sa.outbound.cipher, mtu, path.family, path.udp);
    }
  }
}

const key = (local: string, remote: string): string => `${local} ${remote}`;
