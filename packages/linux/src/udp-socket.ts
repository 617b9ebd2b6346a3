/**
 * UDP with segmentation offload (udp(7): UDP_SEGMENT, UDP_GRO). One system call moves up to 64 KB of equal-sized datagrams in
 * either direction; one unconnected socket serves all peers.
 */
import type { OwnedArena } from "./arena.ts";
import { configureDatagramSocket, type DatagramSocketOptions } from "./datagram-option.ts";
import type { DatagramSocket } from "./datagram-socket.ts";
import { bindOrClose, KernelDatagramSocket, requireAddress } from "./kernel-datagram-socket.ts";
import { AF_INET, AF_INET6, SOL_IPV6, SOL_UDP, UDP_GRO } from "./message.ts";
import { openSocket, setOption, trySetOption } from "./socket-option.ts";

const SOCK_DGRAM = 2;
const IPV6_V6ONLY = 26;

export interface UdpSocketOptions extends DatagramSocketOptions {
  /** 0 lets the kernel choose. */
  readonly port: number;
  /** Default true: the kernel joins equal-sized datagrams of one flow. */
  readonly gro?: boolean;
}

/** Throws a LinuxError: EADDRINUSE, EADDRNOTAVAIL, EACCES for a port below 1024, ... */
export function openUdpSocket(arena: OwnedArena, options: UdpSocketOptions): DatagramSocket {
  const what = `UDP socket ${options.address} port ${options.port}`;
  const { bytes, family } = requireAddress(options.address);
  const fd = openSocket(family === 6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0, what);
  configureDatagramSocket(fd, family, options, what);
  if (family === 6) setOption(fd, SOL_IPV6, IPV6_V6ONLY, 1, what, "IPV6_V6ONLY");
  const gro = (options.gro ?? true) && trySetOption(fd, SOL_UDP, UDP_GRO, 1) === 0;
  bindOrClose(fd, bytes, options.port, what);
  return new KernelDatagramSocket(arena, fd, family, "udp", gro);
}
