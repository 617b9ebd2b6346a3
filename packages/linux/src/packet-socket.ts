/**
 * Listens on a link (packet(7)): every frame that enters or leaves an interface, from its IP header on. For captures and for
 * the tests that prove that nothing leaves in clear.
 */
import type { OwnedArena } from "./arena.ts";
import { bindSocket, close, errno, ifNameToIndex, recvmsg } from "./libc.ts";
import { LinuxError } from "./linux-error.ts";
import {
  AF_PACKET,
  IOVEC_LENGTH,
  MessageField,
  MSG_TRUNC,
  writeIovec,
  writeMessageHeader,
} from "./message.ts";
import { openSocket, setBufferSizes } from "./socket-option.ts";

const SOCK_DGRAM = 2; // frames without their link header
const ETH_P_ALL = 0x0003;
const SOCKADDR_LL_LENGTH = 20;
const PACKET_OUTGOING = 4;

export interface CapturedFrame {
  readonly direction: "in" | "out";
  /** 0x0800 IPv4, 0x86dd IPv6, 0x0806 ARP, ... */
  readonly etherType: number;
  /** A copy, from the network header on. */
  readonly bytes: Uint8Array;
}

export interface PacketSocket {
  readonly fd: number;
  /** The next frame, or undefined when none waits. */
  receive(): CapturedFrame | undefined;
  close(): void;
}

/** Throws a LinuxError without CAP_NET_RAW, or when there is no such interface. */
export function openPacketSocket(arena: OwnedArena, interfaceName: string): PacketSocket {
  const what = `packet socket on ${interfaceName}`;
  const index = ifNameToIndex(interfaceName);
  if (index === 0) throw new LinuxError("if_nametoindex", errno(), what, "there is no such interface here");
  const fd = openSocket(AF_PACKET, SOCK_DGRAM, 0, what); // protocol 0: nothing comes before bind
  setBufferSizes(fd, 8 << 20);
  // sockaddr_ll: family u16, protocol be16, ifindex i32, hatype u16, pkttype u8, halen u8, addr 8
  const name = Buffer.alloc(SOCKADDR_LL_LENGTH);
  name.writeUInt16LE(AF_PACKET, 0);
  name.writeUInt16BE(ETH_P_ALL, 2);
  name.writeInt32LE(index, 4);
  if (bindSocket(fd, name, name.length) < 0) {
    const code = errno();
    close(fd);
    throw new LinuxError("bind", code, what);
  }
  const message = arena.allocate(64);
  const iovec = arena.allocate(IOVEC_LENGTH);
  const from = arena.allocate(SOCKADDR_LL_LENGTH);
  const frame = arena.allocate(65536);
  writeIovec(arena, iovec, frame, 65536);
  writeMessageHeader(arena, message, {
    name: { offset: from, length: SOCKADDR_LL_LENGTH },
    iov: { offset: iovec, count: 1 },
  });
  return {
    fd,
    receive() {
      arena.view.setUint32(message + MessageField.nameLength, SOCKADDR_LL_LENGTH, true);
      const length = recvmsg(fd, arena.base + message, MSG_TRUNC);
      if (length < 0) return undefined;
      return {
        direction: arena.bytes[from + 10] === PACKET_OUTGOING ? "out" : "in",
        etherType: arena.view.getUint16(from + 2),
        bytes: arena.bytes.slice(frame, frame + Math.min(length, 65536)),
      };
    },
    close() {
      close(fd);
    },
  };
}
