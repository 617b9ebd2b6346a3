/** The error queue of a socket with IP_RECVERR or IPV6_RECVERR (ip(7): struct sock_extended_err). Not a hot path. */
import { formatAddress } from "@tandem/wire";
import { createArena, type OwnedArena } from "./arena.ts";
import type { SocketErrorReport } from "./datagram-socket.ts";
import { recvmsg } from "./libc.ts";
import {
  CMSG_HEADER_LENGTH,
  decodeSocketAddress,
  IP_RECVERR,
  IPV6_RECVERR,
  MessageField,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  SOCKADDR_IN6_LENGTH,
  SOL_IP,
  SOL_IPV6,
  writeIovec,
  writeMessageHeader,
} from "./message.ts";

const NAME = 64;
const IOV = 96;
const CONTROL = 128;
const CONTROL_LENGTH = 512;
const PAYLOAD = 1024;
const PAYLOAD_LENGTH = 2048;
// sock_extended_err: errno u32, origin u8, type u8, code u8, pad, info u32, data u32; then the offender's sockaddr
const EXTENDED_ERROR_LENGTH = 16;
const origins = { 1: "local", 2: "icmp", 3: "icmp6" } as const;

let memory: OwnedArena | undefined;

export function readErrorQueue(fd: number): SocketErrorReport | undefined {
  memory ??= createArena(65536);
  const { view, bytes, base } = memory;
  writeIovec(memory, IOV, PAYLOAD, PAYLOAD_LENGTH);
  writeMessageHeader(memory, 0, {
    name: { offset: NAME, length: SOCKADDR_IN6_LENGTH },
    iov: { offset: IOV, count: 1 },
    control: { offset: CONTROL, length: CONTROL_LENGTH },
  });
  if (recvmsg(fd, base, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return undefined;
  const name = decodeSocketAddress(bytes.subarray(NAME, NAME + SOCKADDR_IN6_LENGTH));
  let at = CONTROL;
  const end = CONTROL + Math.min(CONTROL_LENGTH, view.getUint32(MessageField.controlLength, true));
  while (at + CMSG_HEADER_LENGTH + EXTENDED_ERROR_LENGTH <= end) {
    const size = view.getUint32(at, true);
    if (size < CMSG_HEADER_LENGTH || at + size > end) return undefined;
    const level = view.getInt32(at + 8, true);
    const type = view.getInt32(at + 12, true);
    const data = at + CMSG_HEADER_LENGTH;
    if ((level === SOL_IP && type === IP_RECVERR) || (level === SOL_IPV6 && type === IPV6_RECVERR)) {
      const offender = decodeSocketAddress(bytes.subarray(data + EXTENDED_ERROR_LENGTH, at + size));
      return {
        errno: view.getUint32(data, true),
        origin: origins[view.getUint8(data + 4) as 1 | 2 | 3] ?? "other",
        type: view.getUint8(data + 5),
        code: view.getUint8(data + 6),
        info: view.getUint32(data + 8, true),
        remote: name === undefined ? "" : formatAddress(name.address),
        remotePort: name?.port ?? 0,
        offender: offender === undefined ? undefined : formatAddress(offender.address),
      };
    }
    at += (size + 7) & ~7;
  }
  return undefined;
}
