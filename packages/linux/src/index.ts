export {
  type Arena,
  attachArena,
  createArena,
  createArenaOver,
  DEFAULT_ARENA_LENGTH,
  type OwnedArena,
  type SharedArena,
} from "./arena.ts";
export { PathMtuDiscovery, type PathMtuDiscoveryName } from "./datagram-option.ts";
export type { DatagramPath, DatagramSocket, ReceivedDatagram, SocketErrorReport } from "./datagram-socket.ts";
export { Errno, type ErrnoName, errnoName } from "./errno.ts";
export { closeEventFd, drainEventFd, openEventFd, ringEventFd } from "./eventfd.ts";
export { createEvpBackend } from "./evp/backend.ts";
export { type CurveP256, openCurveP256 } from "./evp/curve-p256.ts";
export { openIcmpSocket } from "./icmp-socket.ts";
export { createIpsecMbBackend, ipsecMbMissing } from "./ipsec-mb/backend.ts";
export { errno, memmove, readv, recvmmsg, sendmmsg, writev } from "./libc.ts";
export { LinuxError } from "./linux-error.ts";
export { addressAdd, addressDelete, type InterfaceAddress } from "./netlink/address.ts";
export { type Link, type LinkChange, linkChange, linkDelete } from "./netlink/link.ts";
export type { NetlinkRequest } from "./netlink/message.ts";
export {
  type Nexthop,
  type NexthopGroup,
  nexthopBlackhole,
  nexthopDelete,
  nexthopGroupReplace,
  nexthopReplace,
} from "./netlink/nexthop.ts";
export {
  type DumpedRoute,
  type Hop,
  LOCAL_TABLE,
  MAIN_TABLE,
  ROUTE_PROTOCOL,
  type Route,
  RouteKind,
  type RouteKindName,
  routeAdd,
  routeDelete,
  routeReplace,
} from "./netlink/route.ts";
export { type Rule, ruleAdd, ruleDelete } from "./netlink/rule.ts";
export {
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  enterNetns,
  insideNetns,
  namedNetns,
  processNetns,
  unshareNamespaces,
} from "./netns.ts";
export type { PacketCipher, PacketCipherBackend } from "./packet-cipher.ts";
export { type CapturedFrame, openPacketSocket, type PacketSocket } from "./packet-socket.ts";
export { POLLERR, POLLHUP, POLLIN, POLLOUT, PollSet } from "./poll.ts";
export { openRawSocket, type RawSocketOptions } from "./raw-socket.ts";
export { ReceiveBatch } from "./receive-batch.ts";
export { RouteNetlink } from "./rtnetlink.ts";
export { SendBatch } from "./send-batch.ts";
export { MAX_MD5_KEY_LENGTH, type TcpSocketOptions } from "./tcp-option.ts";
export {
  type ConnectTcpOptions,
  connectTcp,
  type ListenTcpOptions,
  listenTcp,
  type TcpListener,
} from "./tcp-socket.ts";
export { openTun, type TunDevice, type TunOffloads, type TunOptions } from "./tun.ts";
export { openUdpSocket, type UdpSocketOptions } from "./udp-socket.ts";
export { VIRTIO_NET_HEADER_LENGTH, VirtioFlag, VirtioGso, VirtioNetHeader } from "./virtio-net-header.ts";
