/** Options that UDP and raw sockets share: who sent a packet to which of our addresses, with which TOS and TTL (ip(7), ipv6(7)). */
import { SOL_IP, SOL_IPV6 } from "./message.ts";
import { bindToDevice, SOL_SOCKET, setBufferSizes, setOption } from "./socket-option.ts";

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
const IPV6_RECVPKTINFO = 49;
const IPV6_RECVHOPLIMIT = 51;
const IPV6_RECVTCLASS = 66;
const IPV6_TRANSPARENT = 75;
const IPV6_FREEBIND = 78;

/**
 * IP_PMTUDISC_*. `never` leaves DF clear; `want` sets it and fragments to a known path MTU; `always` sets it and answers
 * EMSGSIZE to what is longer than the path MTU; `probe` sets it and looks at the interface's MTU only.
 */
export const PathMtuDiscovery = { never: 0, want: 1, always: 2, probe: 3 } as const;
export type PathMtuDiscoveryName = keyof typeof PathMtuDiscovery;

export interface DatagramSocketOptions {
  /** Address to bind; "0.0.0.0" or "::" serves every local address. */
  readonly address: string;
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
  /** Default "never": ESP datagrams may be fragmented; the tunnel's own MTU keeps that from happening. */
  readonly pathMtuDiscovery?: PathMtuDiscoveryName;
  /** Queue ICMP errors for `readError`. Default false: nothing then disturbs the socket. */
  readonly receiveErrors?: boolean;
}

/** Closes `fd` and throws a LinuxError when an option is refused. */
export function configureDatagramSocket(
  fd: number,
  family: 4 | 6,
  options: DatagramSocketOptions,
  what: string,
): void {
  const six = family === 6;
  const set = (option: number, value: number, name: string): void =>
    setOption(fd, six ? SOL_IPV6 : SOL_IP, option, value, what, name);
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
}
