/** A DatagramSocket over a bound descriptor; udp-socket.ts and raw-socket.ts open them. */
import { addressFamily, parseAddress } from "@tandem/wire";
import type { OwnedArena } from "./arena.ts";
import type { DatagramPath, DatagramSocket, ReceivedDatagram, SocketErrorReport } from "./datagram-socket.ts";
import { readErrorQueue } from "./error-queue.ts";
import { bindSocket, close, errno, recvmsg, sendmsg } from "./libc.ts";
import { LinuxError } from "./linux-error.ts";
import { encodeSocketAddress } from "./message.ts";
import { ReceiveMessage } from "./receive-message.ts";
import { createSendMessage, type SendMessage } from "./send-message.ts";
import { boundPort } from "./socket-option.ts";

/** Throws a RangeError: configuration is checked before it comes here. */
export function requireAddress(text: string): { readonly bytes: Uint8Array; readonly family: 4 | 6 } {
  const bytes = parseAddress(text);
  if (bytes === undefined) throw new RangeError(`"${text}" is no address`);
  return { bytes, family: addressFamily(text) };
}

/** Binds, or closes `fd` and throws a LinuxError. Port 0 lets the kernel choose; raw sockets have none. */
export function bindOrClose(fd: number, address: Uint8Array, port: number, what: string): void {
  const name = encodeSocketAddress(address, port);
  if (bindSocket(fd, name, name.length) === 0) return;
  const code = errno();
  close(fd);
  throw new LinuxError("bind", code, what);
}

export class KernelDatagramSocket implements DatagramSocket {
  readonly fd: number;
  readonly family: 4 | 6;
  readonly localPort: number;
  readonly gro: boolean;
  readonly received: ReceivedDatagram;
  readonly #kind: "udp" | "raw";
  readonly #arena: OwnedArena;
  readonly #receive: ReceiveMessage;

  constructor(arena: OwnedArena, fd: number, family: 4 | 6, kind: "udp" | "raw", gro: boolean) {
    this.fd = fd;
    this.family = family;
    this.localPort = kind === "udp" ? boundPort(fd) : 0;
    this.gro = gro;
    this.#kind = kind;
    this.#arena = arena;
    this.#receive = new ReceiveMessage(arena, family);
    this.received = this.#receive.received;
  }

  createPath(local: string, remote: string, remotePort: number): DatagramPath {
    const port = this.#kind === "udp" ? remotePort : 0;
    return createSendMessage(this.#arena, this.family, local, remote, port);
  }

  send(path: DatagramPath, offset: number, length: number, segmentSize: number, tos: number): number {
    const segment = this.#kind === "udp" ? segmentSize : 0;
    const n = sendmsg(this.fd, (path as SendMessage).prepare(offset, length, segment, tos), 0);
    return n < 0 ? -errno() : n;
  }

  receive(offset: number, length: number): number {
    const n = recvmsg(this.fd, this.#receive.prepare(offset, length), 0);
    if (n < 0) return -errno();
    this.#receive.decode(offset, n);
    return this.#kind === "raw" && this.family === 4 ? stripIpv4Header(this.#arena, this.received, n) : n;
  }

  readError(): SocketErrorReport | undefined {
    return readErrorQueue(this.fd);
  }

  close(): void {
    close(this.fd);
  }
}

/** Moves `received` past the header that a raw IPv4 socket delivers; returns the payload's length. */
export function stripIpv4Header(arena: OwnedArena, received: ReceivedDatagram, length: number): number {
  const headerLength = length === 0 ? 0 : (arena.bytes[received.payloadOffset]! & 15) * 4;
  const payload = Math.max(0, length - headerLength);
  received.payloadOffset += length - payload;
  received.segmentSize = payload;
  received.remotePort = 0;
  return payload;
}
