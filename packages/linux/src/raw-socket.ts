/**
 * Raw IP sockets for ESP as IP protocol 50 (raw(7), RFC 4303). The kernel writes the outer IP header (IP_HDRINCL off) and
 * fragments when it must. No segmentation offload exists here: use SendBatch and ReceiveBatch to move several per call.
 */
import { IpProtocol } from "@tandem/wire";
import type { OwnedArena } from "./arena.ts";
import { configureDatagramSocket, type DatagramSocketOptions } from "./datagram-option.ts";
import type { DatagramSocket } from "./datagram-socket.ts";
import { bindOrClose, KernelDatagramSocket, requireAddress } from "./kernel-datagram-socket.ts";
import { AF_INET, AF_INET6 } from "./message.ts";
import { openSocket } from "./socket-option.ts";

const SOCK_RAW = 3;

export interface RawSocketOptions extends DatagramSocketOptions {
  /** IP protocol number. Default 50, ESP. */
  readonly protocol?: number;
}

/** `received.payloadOffset` is past the IPv4 header, lengths are of the payload, ports are 0. Throws a LinuxError without CAP_NET_RAW. */
export function openRawSocket(arena: OwnedArena, options: RawSocketOptions): DatagramSocket {
  const protocol = options.protocol ?? IpProtocol.esp;
  const what = `raw socket for IP protocol ${protocol} on ${options.address}`;
  const { bytes, family } = requireAddress(options.address);
  const fd = openSocket(family === 6 ? AF_INET6 : AF_INET, SOCK_RAW, protocol, what);
  configureDatagramSocket(fd, family, options, what);
  bindOrClose(fd, bytes, 0, what);
  return new KernelDatagramSocket(arena, fd, family, "raw", false);
}
