/**
 * A network in memory: sockets bound to address and port hand datagrams to each other at once, in order. It keeps what the
 * kernel keeps: the source address chosen per packet, TOS, segmentation and joining of equal-sized datagrams, errno values.
 */
import { addressFamily, parseAddress } from "@tandem/wire";
import type { OwnedArena } from "../arena.ts";
import type {
  DatagramPath,
  DatagramSocket,
  ReceivedDatagram,
  SocketErrorReport,
} from "../datagram-socket.ts";
import { Errno } from "../errno.ts";
import { LinuxError } from "../linux-error.ts";

/** 65,535 less the IPv4 header; IPv6 does not count its own. UDP takes 8 more. */
const MAX_PAYLOAD = { 4: 65507, 6: 65527 } as const;
const MAX_SEGMENTS = 64;
const QUEUE_LIMIT = 4096;
const FIRST_EPHEMERAL_PORT = 32768;

type SocketKind = "udp" | "raw" | "icmp";

interface Datagram {
  readonly from: string;
  readonly fromPort: number;
  readonly to: string;
  readonly tos: number;
  /** Sizes of the sender's segments: all equal but the last. */
  readonly segmentSize: number;
  readonly bytes: Uint8Array;
}

/** Called for each datagram; false loses it. For tests of loss and for captures. */
export type MemoryLink = (datagram: Datagram & { readonly toPort: number }) => boolean;

export class MemoryNetwork {
  readonly #sockets = new Map<string, MemoryDatagramSocket>();
  #nextPort = FIRST_EPHEMERAL_PORT;
  link: MemoryLink = () => true;

  openUdpSocket(
    arena: OwnedArena,
    options: { readonly address: string; readonly port: number },
  ): DatagramSocket {
    return this.#open(arena, "udp", options.address, options.port || this.#nextPort++);
  }

  /** Port 0: IP protocol 50. */
  openRawSocket(arena: OwnedArena, options: { readonly address: string }): DatagramSocket {
    return this.#open(arena, "raw", options.address, 0);
  }

  /** Gets ICMP messages that `deliver` is given. */
  openIcmpSocket(arena: OwnedArena, options: { readonly address: string }): DatagramSocket {
    return this.#open(arena, "icmp", options.address, 0);
  }

  #open(arena: OwnedArena, kind: SocketKind, address: string, port: number): DatagramSocket {
    const key = `${kind} ${address} ${port}`;
    if (this.#sockets.has(key))
      throw new LinuxError("bind", Errno.EADDRINUSE, `${kind} socket ${address} port ${port}`);
    const socket = new MemoryDatagramSocket(arena, this, kind, address, port, () =>
      this.#sockets.delete(key),
    );
    this.#sockets.set(key, socket);
    return socket;
  }

  deliver(kind: SocketKind, datagram: Datagram, toPort: number): void {
    if (!this.link({ ...datagram, toPort })) return;
    const any = addressFamily(datagram.to) === 6 ? "::" : "0.0.0.0";
    const socket =
      this.#sockets.get(`${kind} ${datagram.to} ${toPort}`) ?? this.#sockets.get(`${kind} ${any} ${toPort}`);
    socket?.enqueue(datagram);
  }
}

class MemoryDatagramSocket implements DatagramSocket {
  readonly fd = -1; // nothing to poll: receive until -EAGAIN
  readonly family: 4 | 6;
  readonly localPort: number;
  readonly gro: boolean;
  readonly received: ReceivedDatagram;
  readonly #arena: OwnedArena;
  readonly #network: MemoryNetwork;
  readonly #kind: SocketKind;
  readonly #address: string;
  readonly #unbind: () => void;
  readonly #addresses: number;
  readonly #queue: Datagram[] = [];
  #open = true;

  constructor(
    arena: OwnedArena,
    network: MemoryNetwork,
    kind: SocketKind,
    address: string,
    port: number,
    unbind: () => void,
  ) {
    this.#arena = arena;
    this.#network = network;
    this.#kind = kind;
    this.#address = address;
    this.#unbind = unbind;
    this.family = addressFamily(address);
    this.localPort = port;
    this.gro = kind === "udp";
    this.#addresses = arena.allocate(32);
    this.received = {
      segmentSize: 0,
      payloadOffset: 0,
      remoteAddressOffset: this.#addresses,
      remotePort: 0,
      localAddressOffset: this.#addresses + 16,
      interfaceIndex: 1,
      tos: 0,
      ttl: 64,
      truncated: false,
    };
  }

  createPath(local: string, remote: string, remotePort: number): DatagramPath {
    if (addressFamily(local) !== this.family || addressFamily(remote) !== this.family) {
      throw new RangeError(`a path of an IPv${this.family} socket from "${local}" to "${remote}"`);
    }
    return { local, remote, remotePort: this.#kind === "udp" ? remotePort : 0, release() {} };
  }

  send(path: DatagramPath, offset: number, length: number, segmentSize: number, tos: number): number {
    if (!this.#open) return -Errno.EBADF;
    if (length > MAX_PAYLOAD[this.family]) return -Errno.EMSGSIZE;
    const segmented = this.#kind === "udp" && segmentSize > 0 && segmentSize < length;
    if (segmented && Math.ceil(length / segmentSize) > MAX_SEGMENTS) return -Errno.EINVAL;
    const chosen = parseAddress(path.local)?.some((byte) => byte !== 0) ? path.local : this.#address;
    this.#network.deliver(
      this.#kind,
      {
        from: chosen,
        fromPort: this.localPort,
        to: path.remote,
        tos,
        segmentSize: segmented ? segmentSize : length,
        bytes: this.#arena.bytes.slice(offset, offset + length),
      },
      path.remotePort,
    );
    return length;
  }

  enqueue(datagram: Datagram): void {
    if (this.#queue.length < QUEUE_LIMIT) this.#queue.push(datagram);
  }

  receive(offset: number, length: number): number {
    if (!this.#open) return -Errno.EBADF;
    const datagram = this.#queue.shift();
    if (datagram === undefined) return -Errno.EAGAIN;
    const n = Math.min(length, datagram.bytes.length);
    this.#arena.bytes.set(datagram.bytes.subarray(0, n), offset);
    this.#arena.bytes.set(parseAddress(datagram.from) ?? [], this.#addresses);
    this.#arena.bytes.set(parseAddress(datagram.to) ?? [], this.#addresses + 16);
    this.received.segmentSize = Math.min(n, datagram.segmentSize);
    this.received.payloadOffset = offset;
    this.received.remotePort = datagram.fromPort;
    this.received.tos = datagram.tos;
    this.received.truncated = n < datagram.bytes.length;
    return n;
  }

  readError(): SocketErrorReport | undefined {
    return undefined;
  }

  close(): void {
    this.#open = false;
    this.#unbind();
  }
}
