/**
 * The seam between the packet loop and the outside link: one unconnected socket that serves every peer.
 * Real ones: udp-socket.ts (ESP in UDP, IKE) and raw-socket.ts (IP protocol 50). Twin: testing/.
 */

/** Where packets of one tunnel go and from which of our addresses: headers prepared once, used for every packet. */
export interface DatagramPath {
  readonly local: string;
  readonly remote: string;
  /** 0 for a raw socket. */
  readonly remotePort: number;
  /** Gives the memory back. The path must not be used after. */
  release(): void;
}

/**
 * What the last `receive` told about its packets. Read it before the next one; the object is always the same.
 * Addresses stand in the arena: 4 or 16 bytes at the offsets.
 */
export interface ReceivedDatagram {
  /** Length of each datagram in the buffer but the last, which may be shorter (UDP_GRO). Equals the length read for a single one. */
  segmentSize: number;
  /** Payload starts here: `offset` given to receive, past the IPv4 header on a raw socket. */
  payloadOffset: number;
  remoteAddressOffset: number;
  remotePort: number;
  /** The destination address of the packet; -1 when the kernel did not tell. */
  localAddressOffset: number;
  interfaceIndex: number;
  /** TOS or traffic class of the outer header, ECN in the low two bits. */
  tos: number;
  /** TTL or hop limit, -1 when unknown. */
  ttl: number;
  /** True when payload or control data were cut: drop it. */
  truncated: boolean;
}

/** An ICMP error, or a local EMSGSIZE, about a datagram that was sent (IP_RECVERR). */
export interface SocketErrorReport {
  /** errno: EMSGSIZE, ECONNREFUSED, EHOSTUNREACH, ... */
  readonly errno: number;
  readonly origin: "local" | "icmp" | "icmp6" | "other";
  readonly type: number;
  readonly code: number;
  /** Path MTU for EMSGSIZE, else 0. */
  readonly info: number;
  /** Destination of the datagram at fault. */
  readonly remote: string;
  readonly remotePort: number;
  /** The router or host that complained. */
  readonly offender: string | undefined;
}

export interface DatagramSocket {
  readonly fd: number;
  readonly family: 4 | 6;
  /** 0 for a raw socket. */
  readonly localPort: number;
  /** The kernel joins equal-sized datagrams: give `receive` 65,535 bytes. */
  readonly gro: boolean;
  readonly received: ReceivedDatagram;
  /** `local` and `remote` are addresses of the socket's family; throws a RangeError otherwise. */
  createPath(local: string, remote: string, remotePort: number): DatagramPath;
  /**
   * Sends `length` bytes of the arena as datagrams of `segmentSize` (0 or >= length: one datagram), the last may be shorter.
   * At most 64 segments and 65,507 bytes; segments longer than the path's MTU are refused (EMSGSIZE or EINVAL), since the
   * kernel does not fragment what it cuts: send those one by one. `tos` goes into each outer header. Returns bytes sent or a negative errno
   * (-EAGAIN, -ENOBUFS, -EMSGSIZE, ...).
   */
  send(path: DatagramPath, offset: number, length: number, segmentSize: number, tos: number): number;
  /** Receives into the arena and fills `received`. Returns bytes of payload or a negative errno, -EAGAIN when nothing waits. */
  receive(offset: number, length: number): number;
  /** The next queued error, or undefined. An error also makes the next call on the socket fail once with that errno. */
  readError(): SocketErrorReport | undefined;
  close(): void;
}
