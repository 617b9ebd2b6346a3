/**
 * Several packets for one sendmmsg: for raw sockets, which have no segmentation offload, and for packets of many paths.
 *
 *      mmsghdr[capacity] │ iovec[capacity] │ control[capacity] (copied from the path, so each packet has its own TOS)
 */
import type { Arena, OwnedArena } from "./arena.ts";
import type { DatagramPath } from "./datagram-socket.ts";
import { errno, sendmmsg } from "./libc.ts";
import { IOVEC_LENGTH, MessageField, MMSGHDR_LENGTH, writeIovec, writeWord64 } from "./message.ts";
import { SEND_CONTROL_LENGTH, type SendMessage } from "./send-message.ts";

export class SendBatch {
  readonly capacity: number;
  readonly #arena: Arena;
  readonly #headers: number;
  readonly #iovecs: number;
  readonly #controls: number;
  #count = 0;

  constructor(arena: OwnedArena, capacity = 64) {
    this.#arena = arena;
    this.capacity = capacity;
    this.#headers = arena.allocate(capacity * MMSGHDR_LENGTH);
    this.#iovecs = arena.allocate(capacity * IOVEC_LENGTH);
    this.#controls = arena.allocate(capacity * SEND_CONTROL_LENGTH);
  }

  get count(): number {
    return this.#count;
  }

  /** False when the batch is full. The packet's bytes must stay until `flush`. */
  add(path: DatagramPath, offset: number, length: number, segmentSize: number, tos: number): boolean {
    if (this.#count === this.capacity) return false;
    const i = this.#count++;
    const { base } = this.#arena;
    const header = this.#headers + i * MMSGHDR_LENGTH;
    const iovec = this.#iovecs + i * IOVEC_LENGTH;
    const control = this.#controls + i * SEND_CONTROL_LENGTH;
    (path as SendMessage).copyTo(header, control, segmentSize, length, tos);
    writeIovec(this.#arena, iovec, offset, length);
    writeWord64(this.#arena.view, header + MessageField.iov, base + iovec);
    return true;
  }

  /**
   * Sends what was added and empties the batch. Returns how many packets went out, in order: the rest is lost. When none
   * went, the negative errno of the first.
   */
  flush(fd: number): number {
    const count = this.#count;
    this.#count = 0;
    let sent = 0;
    while (sent < count) {
      const n = sendmmsg(fd, this.#arena.base + this.#headers + sent * MMSGHDR_LENGTH, count - sent, 0);
      if (n <= 0) return sent > 0 ? sent : -errno();
      sent += n;
    }
    return sent;
  }
}
