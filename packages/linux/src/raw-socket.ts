/**
 * Raw IP sockets for ESP as IP protocol 50 (raw(7), RFC 4303). The kernel writes the outer IP header (IP_HDRINCL off) and
 * fragments when it must. No segmentation offload exists here: use SendBatch and ReceiveBatch to move several per call.
 */
import { addressFamily, IpProtocol, parseAddress } from "@tandem/wire";
import type { OwnedArena } from "./arena.ts";
import { configureDatagramSocket, type DatagramSocketOptions } from "./datagram-option.ts";
import type { DatagramPath, DatagramSocket, ReceivedDatagram, SocketErrorReport } from "./datagram-socket.ts";
import { readErrorQueue } from "./error-queue.ts";
import { bindSocket, close, errno, recvmsg, sendmsg } from "./libc.ts";
import { LinuxError } from "./linux-error.ts";
import { AF_INET, AF_INET6, encodeSocketAddress } from "./message.ts";
import { ReceiveMessage } from "./receive-message.ts";
import { createSendMessage, type SendMessage } from "./send-message.ts";
import { openSocket } from "./socket-option.ts";

const SOCK_RAW = 3;

export interface RawSocketOptions extends DatagramSocketOptions {
  /** IP protocol number. Default 50, ESP. */
  readonly protocol?: number;
}

/** The real raw socket; `received.payloadOffset` is past the IPv4 header, lengths are of the payload, ports are 0. */
export function openRawSocket(arena: OwnedArena, options: RawSocketOptions): DatagramSocket {
  const protocol = options.protocol ?? IpProtocol.esp;
  const what = `raw socket for IP protocol ${protocol} on ${options.address}`;
  const local = parseAddress(options.address);
  if (local === undefined) throw new RangeError(`"${options.address}" is no address`);
  const family = addressFamily(options.address);
  const fd = openSocket(family === 6 ? AF_INET6 : AF_INET, SOCK_RAW, protocol, what);
  configureDatagramSocket(fd, family, options, what);
  const name = encodeSocketAddress(local, 0);
  if (bindSocket(fd, name, name.length) < 0) {
    const code = errno();
    close(fd);
    throw new LinuxError("bind", code, what);
  }
  return new RawSocket(arena, fd, family);
}

class RawSocket implements DatagramSocket {
  readonly fd: number;
  readonly family: 4 | 6;
  readonly localPort: number = 0;
  readonly gro: boolean = false;
  readonly received: ReceivedDatagram;
  readonly #arena: OwnedArena;
  readonly #receive: ReceiveMessage;

  constructor(arena: OwnedArena, fd: number, family: 4 | 6) {
    this.fd = fd;
    this.family = family;
    this.#arena = arena;
    this.#receive = new ReceiveMessage(arena, family);
    this.received = this.#receive.received;
  }

  createPath(local: string, remote: string): DatagramPath {
    return createSendMessage(this.#arena, this.family, local, remote, 0);
  }

  send(path: DatagramPath, offset: number, length: number, _segmentSize: number, tos: number): number {
    const n = sendmsg(this.fd, (path as SendMessage).prepare(offset, length, 0, tos), 0);
    return n < 0 ? -errno() : n;
  }

  receive(offset: number, length: number): number {
    const n = recvmsg(this.fd, this.#receive.prepare(offset, length), 0);
    if (n < 0) return -errno();
    this.#receive.decode(offset, n);
    if (this.family === 6) return n;
    return stripIpv4Header(this.#arena, this.received, n);
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
