/** Where a decrypted packet goes: into the TUN through the joiner, or on into another tunnel (transit). */
import { DropReason, type InnerPacket, PROTOCOL_TCP } from "@tandem/esp";
import { updateChecksum } from "./checksum.ts";
import type { Joiner } from "./join.ts";
import { clampMss } from "./mss-clamp.ts";
import type { Outbound } from "./outbound.ts";
import type { Plane } from "./plane.ts";
import { LoopCounter } from "./shared-counters.ts";
import type { InstalledSa } from "./tunnel.ts";

const TTL_EXPIRED = DropReason["ttl-expired"];

export class Delivery {
  readonly #plane: Plane;
  readonly #outbound: Outbound;
  readonly #joiner: Joiner;

  constructor(plane: Plane, outbound: Outbound, joiner: Joiner) {
    this.#plane = plane;
    this.#outbound = outbound;
    this.#joiner = joiner;
  }

  /** The packet stays where it is until the joiner has been flushed. */
  deliver(packet: InnerPacket, installed: InstalledSa): void {
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
}
