import type { Arena } from "../arena.ts";
import { Errno } from "../errno.ts";
import { IOVEC_LENGTH, readWord64 } from "../message.ts";
import type { TunDevice, TunOffloads } from "../tun.ts";

/** A TUN without a kernel: the test plays the host's side. Frames are virtio header and packet, as the real device moves them. */
export class MemoryTun implements TunDevice {
  readonly name: string;
  readonly fd = -1; // nothing to poll: read until -EAGAIN
  readonly headerLength = 10;
  readonly offloads: TunOffloads = { checksum: true, tcp: true, tcpEcn: true, udp: true };
  readonly #arena: Arena;
  readonly #fromHost: Uint8Array[] = [];
  /** What the loop wrote, oldest first. */
  readonly toHost: Uint8Array[] = [];
  #open = true;

  constructor(arena: Arena, name = "memory0") {
    this.#arena = arena;
    this.name = name;
  }

  /** The host sends a packet; `header` is its virtio header, all zero for a finished packet. */
  fromHost(packet: Uint8Array, header: Uint8Array = new Uint8Array(this.headerLength)): void {
    const frame = new Uint8Array(header.length + packet.length);
    frame.set(header);
    frame.set(packet, header.length);
    this.#fromHost.push(frame);
  }

  read(offset: number, length: number): number {
    if (!this.#open) return -Errno.EBADF;
    const frame = this.#fromHost.shift();
    if (frame === undefined) return -Errno.EAGAIN;
    const n = Math.min(length, frame.length);
    this.#arena.bytes.set(frame.subarray(0, n), offset);
    return n;
  }

  write(offset: number, length: number): number {
    return this.#take(this.#arena.bytes.slice(offset, offset + length));
  }

  writeVector(iovec: number, count: number): number {
    const frame: number[] = [];
    for (let i = 0; i < count; i++) {
      const at = iovec + i * IOVEC_LENGTH;
      const offset = readWord64(this.#arena.view, at) - this.#arena.base;
      for (const byte of this.#arena.bytes.subarray(offset, offset + readWord64(this.#arena.view, at + 8))) {
        frame.push(byte);
      }
    }
    return this.#take(Uint8Array.from(frame));
  }

  #take(frame: Uint8Array): number {
    if (!this.#open) return -Errno.EBADF;
    if (frame.length <= this.headerLength) return -Errno.EINVAL;
    const version = frame[this.headerLength]! >> 4;
    if (version !== 4 && version !== 6) return -Errno.EINVAL; // as the kernel's tun_get_user
    this.toHost.push(frame);
    return frame.length;
  }

  close(): void {
    this.#open = false;
  }
}
