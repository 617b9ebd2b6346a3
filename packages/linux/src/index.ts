export {
  type Arena,
  attachArena,
  createArena,
  DEFAULT_ARENA_LENGTH,
  type OwnedArena,
  type SharedArena,
} from "./arena.ts";
export type { DatagramPath, DatagramSocket, ReceivedDatagram, SocketErrorReport } from "./datagram-socket.ts";
export { Errno, type ErrnoName, errnoName } from "./errno.ts";
export { closeEventFd, drainEventFd, openEventFd, ringEventFd } from "./eventfd.ts";
export { createEvpBackend } from "./evp/backend.ts";
export { errno, memmove, readv, recvmmsg, sendmmsg, writev } from "./libc.ts";
export { LinuxError } from "./linux-error.ts";
export type { EvpPacketCipher, EvpPacketCipherBackend } from "./packet-cipher.ts";
export { POLLERR, POLLHUP, POLLIN, POLLOUT, PollSet } from "./poll.ts";
export { openTun, type TunDevice, type TunOffloads, type TunOptions } from "./tun.ts";
export { openUdpSocket, PathMtuDiscovery, type UdpSocketOptions } from "./udp-socket.ts";
export { VIRTIO_NET_HEADER_LENGTH, VirtioFlag, VirtioGso, VirtioNetHeader } from "./virtio-net-header.ts";
