/** Several datagrams from one recvmmsg: for raw sockets, which have no GRO. Each has its own buffer of `stride` bytes. */
import type { OwnedArena } from "./arena.ts";
import type { DatagramSocket, ReceivedDatagram } from "./datagram-socket.ts";
import { stripIpv4Header } from "./kernel-datagram-socket.ts";
import { errno, recvmmsg } from "./libc.ts";
import { MessageField, MMSGHDR_LENGTH, MSG_DONTWAIT } from "./message.ts";
import { ReceiveMessage } from "./receive-message.ts";

export class ReceiveBatch {
  readonly capacity: number;
  readonly #arena: OwnedArena;
  readonly #headers: number;
  readonly #buffers: number;
  readonly #stride: number;
  readonly #messages: readonly ReceiveMessage[];

  constructor(arena: OwnedArena, family: 4 | 6, capacity = 32, stride = 2048) {
    this.#arena = arena;
    this.capacity = capacity;
    this.#stride = stride;
    this.#headers = arena.allocate(capacity * MMSGHDR_LENGTH);
    this.#buffers = arena.allocate(capacity * stride);
    this.#messages = Array.from(
      { length: capacity },
      (_, i) => new ReceiveMessage(arena, family, this.#headers + i * MMSGHDR_LENGTH),
    );
  }

  /**
   * How many datagrams came, at most `limit`, or a negative errno. Datagrams longer than `stride` are marked `truncated`.
   */
  receive(socket: DatagramSocket, limit: number = this.capacity): number {
    for (let i = 0; i < limit; i++) {
      this.#messages[i]!.prepare(this.#buffers + i * this.#stride, this.#stride);
    }
    const n = recvmmsg(socket.fd, this.#arena.base + this.#headers, limit, MSG_DONTWAIT, 0);
    return n < 0 ? -errno() : n;
  }

  /** Length of the payload of datagram `i` of the last `receive`; its facts are in `received(i)`. */
  decode(socket: DatagramSocket, i: number): number {
    const message = this.#messages[i]!;
    const length = this.#arena.view.getUint32(this.#headers + i * MMSGHDR_LENGTH + MessageField.length, true);
    message.decode(this.#buffers + i * this.#stride, length);
    return socket.localPort === 0 && socket.family === 4
      ? stripIpv4Header(this.#arena, message.received, length)
      : length;
  }

  received(i: number): ReceivedDatagram {
    return this.#messages[i]!.received;
  }
}
