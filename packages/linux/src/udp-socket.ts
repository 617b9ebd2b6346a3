/**
 * UDP with segmentation offload (udp(7): UDP_SEGMENT, UDP_GRO; ip(7), ipv6(7): packet info, errors).
 * One system call moves up to 64 KB of equal-sized datagrams in either direction.
 */
import { addressFamily, canonicalAddress, formatAddress, parseAddress } from "@tandem/wire";
import type { OwnedArena } from "./arena.ts";
import type { DatagramPath, DatagramSocket, ReceivedDatagram, SocketErrorReport } from "./datagram-socket.ts";
import { readErrorQueue } from "./error-queue.ts";
import { bindSocket, close, errno, getsockname, recvmsg, sendmsg } from "./libc.ts";
import { LinuxError } from "./linux-error.ts";
import {
  AF_INET,
  AF_INET6,
  decodeSocketAddress,
  encodeSocketAddress,
  SOL_IP,
  SOL_IPV6,
  SOL_UDP,
  UDP_GRO,
} from "./message.ts";
import { ReceiveMessage } from "./receive-message.ts";
import { SendMessage } from "./send-message.ts";
import {
  bindToDevice,
  openSocket,
  SOL_SOCKET,
  setBufferSizes,
  setOption,
  trySetOption,
} from "./socket-option.ts";

const SOCK_DGRAM = 2;
const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;

const IP_PKTINFO = 8;
const IP_MTU_DISCOVER = 10;
const IP_RECVERR = 11;
const IP_RECVTTL = 12;
const IP_RECVTOS = 13;
const IP_FREEBIND = 15;
const IP_TRANSPARENT = 19;
const IPV6_MTU_DISCOVER = 23;
const IPV6_RECVERR = 25;
const IPV6_V6ONLY = 26;
const IPV6_RECVPKTINFO = 49;
const IPV6_RECVHOPLIMIT = 51;
const IPV6_RECVTCLASS = 66;
const IPV6_TRANSPARENT = 75;
const IPV6_FREEBIND = 78;

/** IP_PMTUDISC_*: never sets DF; `do` always sets it and refuses what is longer than the path; `probe` sets it and ignores the path. */
export const PathMtuDiscovery = { never: 0, want: 1, always: 2, probe: 3 } as const;
export type PathMtuDiscoveryName = keyof typeof PathMtuDiscovery;

export interface UdpSocketOptions {
  /** Address to bind; "0.0.0.0" or "::" serves every local address. */
  readonly address: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
  /** Bind an address that is not on an interface (yet). */
  readonly freebind?: boolean;
  /** Use any source address (needs CAP_NET_ADMIN). */
  readonly transparent?: boolean;
  readonly reuseAddress?: boolean;
  readonly reusePort?: boolean;
  /** Only this interface. */
  readonly device?: string;
  /** Default 8 MiB; the kernel may grant less. */
  readonly bufferBytes?: number;
  /** Default true. */
  readonly gro?: boolean;
  /** Default "never": ESP datagrams may be fragmented, the tunnel's own MTU keeps that from happening. */
  readonly pathMtuDiscovery?: PathMtuDiscoveryName;
  /** Queue ICMP errors for `readError`. Default false: nothing then disturbs the socket. */
  readonly receiveErrors?: boolean;
}

export function openUdpSocket(arena: OwnedArena, options: UdpSocketOptions): DatagramSocket {
  const what = `UDP socket ${options.address} port ${options.port}`;
  const local = parseAddress(options.address);
  if (local === undefined) throw new RangeError(`"${options.address}" is no address`);
  const family = addressFamily(options.address);
  const six = family === 6;
  const fd = openSocket(six ? AF_INET6 : AF_INET, SOCK_DGRAM, 0, what);
  const level = six ? SOL_IPV6 : SOL_IP;
  const set = (option: number, value: number, name: string): void =>
    setOption(fd, level, option, value, what, name);

  if (six) set(IPV6_V6ONLY, 1, "IPV6_V6ONLY");
  set(six ? IPV6_RECVPKTINFO : IP_PKTINFO, 1, "PKTINFO");
  set(six ? IPV6_RECVTCLASS : IP_RECVTOS, 1, "RECVTOS");
  set(six ? IPV6_RECVHOPLIMIT : IP_RECVTTL, 1, "RECVTTL");
  const discovery = PathMtuDiscovery[options.pathMtuDiscovery ?? "never"];
  set(six ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, discovery, "MTU_DISCOVER");
  if (options.receiveErrors) set(six ? IPV6_RECVERR : IP_RECVERR, 1, "RECVERR");
  if (options.freebind) set(six ? IPV6_FREEBIND : IP_FREEBIND, 1, "FREEBIND");
  if (options.transparent) set(six ? IPV6_TRANSPARENT : IP_TRANSPARENT, 1, "TRANSPARENT");
  if (options.reuseAddress) setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1, what, "SO_REUSEADDR");
  if (options.reusePort) setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1, what, "SO_REUSEPORT");
  if (options.device !== undefined) bindToDevice(fd, options.device, what);
  setBufferSizes(fd, options.bufferBytes ?? 8 << 20);
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
    const address = (path as SendMessage).prepare(offset, length, segmentSize, tos);
    const n = sendmsg(this.fd, address, 0);
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

export function createSendMessage(
  arena: OwnedArena,
  family: 4 | 6,
  local: string,
  remote: string,
  remotePort: number,
): SendMessage {
  const from = parseAddress(local);
  const to = parseAddress(remote);
  const bytes = family === 4 ? 4 : 16;
  if (from?.length !== bytes || to?.length !== bytes) {
    throw new RangeError(`a path of an IPv${family} socket from "${local}" to "${remote}"`);
  }
  return new SendMessage(arena, canonicalAddress(local) ?? local, from, formatAddress(to), to, remotePort);
}

function boundPort(fd: number): number {
  const name = Buffer.alloc(28);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(name.length);
  if (getsockname(fd, name, length) < 0) return 0;
  return decodeSocketAddress(name)?.port ?? 0;
}
