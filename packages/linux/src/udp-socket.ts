/**
 * UDP with segmentation offload (udp(7): UDP_SEGMENT, UDP_GRO). One system call moves up to 64 KB of equal-sized datagrams in
 * either direction; one unconnected socket serves all peers.
 */
import { addressFamily, parseAddress } from "@tandem/wire";
import type { OwnedArena } from "./arena.ts";
import { configureDatagramSocket, type DatagramSocketOptions } from "./datagram-option.ts";
import type { DatagramPath, DatagramSocket, ReceivedDatagram, SocketErrorReport } from "./datagram-socket.ts";
import { readErrorQueue } from "./error-queue.ts";
import { bindSocket, close, errno, recvmsg, sendmsg } from "./libc.ts";
import { LinuxError } from "./linux-error.ts";
import { AF_INET, AF_INET6, encodeSocketAddress, SOL_IPV6, SOL_UDP, UDP_GRO } from "./message.ts";
import { ReceiveMessage } from "./receive-message.ts";
import { createSendMessage, type SendMessage } from "./send-message.ts";
import { boundPort, openSocket, setOption, trySetOption } from "./socket-option.ts";

const SOCK_DGRAM = 2;
const IPV6_V6ONLY = 26;

export interface UdpSocketOptions extends DatagramSocketOptions {
  /** 0 lets the kernel choose. */
  readonly port: number;
  /** Default true: the kernel joins equal-sized datagrams of one flow. */
  readonly gro?: boolean;
}

export function openUdpSocket(arena: OwnedArena, options: UdpSocketOptions): DatagramSocket {
  const what = `UDP socket ${options.address} port ${options.port}`;
  const local = parseAddress(options.address);
  if (local === undefined) throw new RangeError(`"${options.address}" is no address`);
  const family = addressFamily(options.address);
  const fd = openSocket(family === 6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0, what);
  configureDatagramSocket(fd, family, options, what);
  if (family === 6) setOption(fd, SOL_IPV6, IPV6_V6ONLY, 1, what, "IPV6_V6ONLY");
  const gro = (options.gro ?? true) && trySetOption(fd, SOL_UDP, UDP_GRO, 1) === 0;
  const name = encodeSocketAddress(local, options.port);
  if (bindSocket(fd, name, name.length) < 0) {
    const code = errno();
    close(fd);
    throw new LinuxError("bind", code, what);
  }
  return new UdpSocket(arena, fd, family, boundPort(fd), gro);
}

class UdpSocket implements DatagramSocket {
  readonly fd: number;
  readonly family: 4 | 6;
  readonly localPort: number;
  readonly gro: boolean;
  readonly received: ReceivedDatagram;
  readonly #arena: OwnedArena;
  readonly #receive: ReceiveMessage;

  constructor(arena: OwnedArena, fd: number, family: 4 | 6, localPort: number, gro: boolean) {
    this.fd = fd;
    this.family = family;
    this.localPort = localPort;
    this.gro = gro;
    this.#arena = arena;
    this.#receive = new ReceiveMessage(arena, family);
    this.received = this.#receive.received;
  }

  createPath(local: string, remote: string, remotePort: number): DatagramPath {
    return createSendMessage(this.#arena, this.family, local, remote, remotePort);
  }

  send(path: DatagramPath, offset: number, length: number, segmentSize: number, tos: number): number {
    const n = sendmsg(this.fd, (path as SendMessage).prepare(offset, length, segmentSize, tos), 0);
    return n < 0 ? -errno() : n;
  }

  receive(offset: number, length: number): number {
    const n = recvmsg(this.fd, this.#receive.prepare(offset, length), 0);
    if (n < 0) return -errno();
    this.#receive.decode(offset, n);
    return n;
  }

  readError(): SocketErrorReport | undefined {
    return readErrorQueue(this.fd);
  }

  close(): void {
    close(this.fd);
  }
}
