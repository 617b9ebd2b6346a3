/** Copies of packets for captures. Off, it costs one comparison per packet, and its buffers do not exist. */
import type { Arena, DatagramPath } from "@tandem/linux";
import { formatAddress, parseAddress } from "@tandem/wire";
import type { DataPlaneEvent } from "./commands.ts";
import { LoopCounter } from "./shared-counters.ts";

/** Implementation: copies queue up in memory when the main thread is slower; what is above this is counted, not kept. */
const PER_SECOND = 50_000;

export class Tap {
  /** Read by the loop before it calls anything here. */
  on = false;
  readonly #arena: Arena;
  readonly #emit: (event: DataPlaneEvent) => void;
  readonly #clock: { readonly now: number; readonly tick: number };
  readonly #counters: Float64Array;
  #tick = -1;
  #left = 0;

  constructor(
    arena: Arena,
    emit: (event: DataPlaneEvent) => void,
    clock: { readonly now: number; readonly tick: number },
    counters: Float64Array,
  ) {
    this.#arena = arena;
    this.#emit = emit;
    this.#clock = clock;
    this.#counters = counters;
  }

  /** An inner IP packet, seen from the inside: "in" is what the loop writes to the TUN, "out" what it takes from there. */
  inner(direction: "in" | "out", offset: number, length: number): void {
    this.#tell("inside", direction, this.#arena.bytes.slice(offset, offset + length));
  }

  /**
   * An outer payload (ESP, or a whole UDP payload) with the IP and UDP headers that it has on the wire put back in front.
   * Addresses are 4 or 16 bytes. Ports undefined: IP protocol 50.
   */
  outer(
    direction: "in" | "out",
    source: Uint8Array,
    destination: Uint8Array,
    ports: { readonly source: number; readonly destination: number } | undefined,
    offset: number,
    length: number,
  ): void {
    const udp = ports === undefined ? 0 : 8;
    const ip = source.length === 4 ? 20 : 40;
    const packet = new Uint8Array(ip + udp + length);
    const view = new DataView(packet.buffer);
    const protocol = ports === undefined ? 50 : 17;
    if (ip === 20) {
      view.setUint16(0, 0x4500);
      view.setUint16(2, packet.length);
      view.setUint16(8, 0x4000 | protocol);
      packet.set(source, 12);
      packet.set(destination, 16);
      let sum = 0;
      for (let at = 0; at < 20; at += 2) sum += view.getUint16(at);
      while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
      view.setUint16(10, ~sum & 0xffff);
    } else {
      view.setUint32(0, 0x60000000);
      view.setUint16(4, udp + length);
      view.setUint16(6, (protocol << 8) | 64);
      packet.set(source, 8);
      packet.set(destination, 24);
    }
    if (ports !== undefined) {
      view.setUint16(ip, ports.source);
      view.setUint16(ip + 2, ports.destination);
      view.setUint16(ip + 4, 8 + length); // checksum 0: RFC 3948 §2.1
    }
    packet.set(this.#arena.bytes.subarray(offset, offset + length), ip + udp);
    this.#tell("outside", direction, packet);
  }

  /** A datagram that goes out through a UDP socket of ours. */
  sent(
    path: DatagramPath,
    from: { readonly addressBytes: Uint8Array; readonly port: number },
    offset: number,
    length: number,
  ): void {
    const remote = parseAddress(path.remote);
    if (remote === undefined) return;
    this.outer(
      "out",
      from.addressBytes,
      remote,
      { source: from.port, destination: path.remotePort },
      offset,
      length,
    );
  }

  address(offset: number, family: 4 | 6): string {
    return formatAddress(this.#arena.bytes.slice(offset, offset + (family === 4 ? 4 : 16)));
  }

  #tell(name: string, direction: "in" | "out", packet: Uint8Array): void {
    if (this.#clock.tick !== this.#tick) {
      this.#tick = this.#clock.tick;
      this.#left = PER_SECOND;
    }
    if (this.#left-- <= 0) {
      this.#counters[LoopCounter.captureLost]!++;
      return;
    }
    this.#emit({ kind: "captured", interface: name, direction, at: this.#clock.now, packet });
  }
}
