/** Fields of the virtio_net_hdr that a TUN with IFF_VNET_HDR puts before each packet (uapi/linux/virtio_net.h); little-endian. */
export const VirtioNetHeader = {
  flags: 0,
  gsoType: 1,
  headerLength: 2,
  gsoSize: 4,
  checksumStart: 6,
  checksumOffset: 8,
} as const;

export const VirtioFlag = { needsChecksum: 1, dataValid: 2 } as const;

/** `ecn` is or-ed to a TCP type whose first segment has CWR set. */
export const VirtioGso = { none: 0, tcpv4: 1, udp: 3, tcpv6: 4, udpL4: 5, ecn: 0x80 } as const;

export const VIRTIO_NET_HEADER_LENGTH = 10;
