/**
 * ICMP errors as a router sends them: RFC 1812 §4.3, RFC 792, RFC 1191 (next-hop MTU), RFC 4443 §3. Built in the scratch
 * region; never about an ICMP error, a later fragment, or what
 * went to a group or came from no single host; at a limited rate.
 */
import { type InnerPacket, PROTOCOL_ICMP, PROTOCOL_ICMPV6 } from "@tandem/esp";
import { parseAddress } from "@tandem/wire";
import { fold, swap16 } from "./checksum.ts";
import type { Plane } from "./plane.ts";
import { LoopCounter } from "./shared-counters.ts";

/** Implementation: RFC 1812 §4.3.2.8 asks for a limit and names none. */
const PER_SECOND = 200;
/** Quoted of the packet at fault: RFC 1812 §4.3.2.3 up to 576 bytes in all, RFC 4443 §2.4 up to 1280. */
const MAX_ERROR4 = 576;
const MAX_ERROR6 = 1280;

export type IcmpErrorKind = "unreachable" | "too-big" | "ttl-expired";

export class IcmpErrors {
  readonly #plane: Plane;
  readonly #source4: Uint8Array | undefined;
  readonly #source6: Uint8Array | undefined;
  #tick = -1;
  #left = 0;

  constructor(plane: Plane) {
    this.#plane = plane;
    const addresses = plane.settings.routerAddresses.map(parseAddress);
    this.#source4 = addresses.find((a) => a?.length === 4);
    this.#source6 = addresses.find((a) => a?.length === 16);
  }

  /** Writes the error at the scratch region. Its length, or 0 when none is to be sent. `mtu` matters for "too-big" only. */
  build(kind: IcmpErrorKind, packet: InnerPacket, mtu: number): number {
    if (!this.#allowed(packet)) return 0;
    const length = packet.family === 4 ? this.#build4(kind, packet, mtu) : this.#build6(kind, packet, mtu);
    if (length > 0) this.#plane.counters[LoopCounter.icmpErrors]!++;
    return length;
  }

  #allowed(packet: InnerPacket): boolean {
    const { bytes } = this.#plane.arena;
    if (packet.fragmentOffset > 0) return false;
    const first = bytes[packet.source]!;
    const destination = bytes[packet.destination]!;
    const type = packet.sourcePort >> 8;
    if (packet.family === 4) {
      if (first === 0 || first === 127 || first >= 224 || destination >= 224) return false;
      if (packet.protocol === PROTOCOL_ICMP && type !== 0 && type !== 8 && type !== 13 && type !== 14)
        return false;
    } else {
      let zero = true;
      for (let i = 0; i < 15; i++) if (bytes[packet.source + i] !== 0) zero = false;
      if (first === 0xff || zero || destination === 0xff) return false;
      if (packet.protocol === PROTOCOL_ICMPV6 && type < 128) return false;
    }
    const { tick } = this.#plane.clock;
    if (tick !== this.#tick) {
      this.#tick = tick;
      this.#left = PER_SECOND;
    }
    return this.#left-- > 0;
  }

  #build4(kind: IcmpErrorKind, packet: InnerPacket, mtu: number): number {
    if (this.#source4 === undefined) return 0;
    const { arena, checksum, regions } = this.#plane;
    const { bytes, view } = arena;
    const at = regions.scratch;
    const quoted = Math.min(packet.length, MAX_ERROR4 - 28);
    bytes.copyWithin(at + 28, packet.offset, packet.offset + quoted);
    bytes.copyWithin(at + 16, packet.source, packet.source + 4);
    bytes.set(this.#source4, at + 12);
    const total = 28 + quoted;
    view.setUint32(at, 0x45c00000 + total); // RFC 1812 §4.3.2.5: precedence 6
    view.setUint32(at + 4, 0);
    view.setUint32(at + 8, 0x40010000);
    view.setUint16(at + 10, ~fold(checksum.add(0, at, 20)) & 0xffff, true);
    const code = kind === "ttl-expired" ? 0x0b00 : kind === "too-big" ? 0x0304 : 0x0300;
    view.setUint16(at + 20, code);
    view.setUint16(at + 22, 0);
    view.setUint32(at + 24, kind === "too-big" ? mtu : 0);
    view.setUint16(at + 22, ~fold(checksum.add(0, at + 20, total - 20)) & 0xffff, true);
    return total;
  }

  #build6(kind: IcmpErrorKind, packet: InnerPacket, mtu: number): number {
    if (this.#source6 === undefined) return 0;
    const { arena, checksum, regions } = this.#plane;
    const { bytes, view } = arena;
    const at = regions.scratch;
    const quoted = Math.min(packet.length, MAX_ERROR6 - 48);
    bytes.copyWithin(at + 48, packet.offset, packet.offset + quoted);
    bytes.copyWithin(at + 24, packet.source, packet.source + 16);
    bytes.set(this.#source6, at + 8);
    const payload = 8 + quoted;
    view.setUint32(at, 0x60000000);
    view.setUint32(at + 4, (payload << 16) | 0x3a40);
    const code = kind === "ttl-expired" ? 0x0300 : kind === "too-big" ? 0x0200 : 0x0100;
    view.setUint16(at + 40, code);
    view.setUint16(at + 42, 0);
    view.setUint32(at + 44, kind === "too-big" ? mtu : 0);
    const pseudo = checksum.add(0, at + 8, 32) + swap16(PROTOCOL_ICMPV6) + swap16(payload);
    view.setUint16(at + 42, ~fold(checksum.add(pseudo, at + 40, payload)) & 0xffff, true);
    return 40 + payload;
  }
}
