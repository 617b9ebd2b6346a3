/**
 * What routers say about packets that left here: "fragmentation needed" (RFC 792, RFC 1191 §4) and "packet too big"
 * (RFC 4443 §3.2), as whole ICMP messages. A raw socket with the kernel's filter (icmp(7), RFC 3542 §3.2): unlike the error
 * queue of a UDP socket it makes no call on the packet path fail, and it serves IP protocol 50 as well.
 */
import type { OwnedArena } from "./arena.ts";
import type { DatagramSocket } from "./datagram-socket.ts";
import { requireAddress } from "./kernel-datagram-socket.ts";
import { openRawSocket } from "./raw-socket.ts";
import { int32, setOption } from "./socket-option.ts";

const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;
const SOL_RAW = 255;
const ICMP_FILTER = 1;
const ICMPV6_FILTER = 1;
const DESTINATION_UNREACHABLE = 3;
const PACKET_TOO_BIG = 2;
/** A flood of messages is lost here, not queued for minutes. */
const BUFFER_BYTES = 64 << 10;

/**
 * `address` is the one that the packets at fault were sent from. IPv4 messages have every code of type 3, and a checksum
 * that nobody has verified; that of IPv6 ones the kernel has. Throws a LinuxError without CAP_NET_RAW.
 */
export function openIcmpSocket(arena: OwnedArena, options: { readonly address: string }): DatagramSocket {
  const { family } = requireAddress(options.address);
  const six = family === 6;
  const socket = openRawSocket(arena, {
    address: options.address,
    protocol: six ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
    bufferBytes: BUFFER_BYTES,
  });
  const what = `ICMP socket on ${options.address}`;
  // A set bit blocks its type.
  if (six) {
    const filter = new Uint8Array(32).fill(0xff);
    filter[0] = 0xff & ~(1 << PACKET_TOO_BIG);
    setOption(socket.fd, IPPROTO_ICMPV6, ICMPV6_FILTER, filter, what, "ICMPV6_FILTER");
  } else {
    setOption(socket.fd, SOL_RAW, ICMP_FILTER, int32(~(1 << DESTINATION_UNREACHABLE)), what, "ICMP_FILTER");
  }
  return socket;
}
