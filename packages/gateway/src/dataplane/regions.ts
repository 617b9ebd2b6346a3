/**
 * The packet memory of one data plane, cut once from its arena. Everything that takes a length from the kernel or the
 * wire is bounded by the size of the region that it reads into, and every region ends in room for the longest trailer.
 */
import type { OwnedArena } from "@tandem/linux";

/** The longest IP packet, and what the kernel hands over at once: a virtio header and 64 KB. */
export const MAX_PACKET = 65535;
/** Free bytes in front of a packet in every buffer: virtio headers go there, and headers of ICMP errors. */
export const HEADROOM = 256;
const TAILROOM = 256;
const BUFFER = HEADROOM + MAX_PACKET + 1 + TAILROOM;
/** Bytes of one datagram's buffer when many are received by one call; a multiple of the cache line. */
export const RECEIVE_STRIDE = 65600;
/**
 * Receive calls per socket and turn; each has a buffer of its own, because joins point into it until they are written. What is
 * not full when the buffers are is written all the same, so few of them make many small writes.
 */
export const RECEIVE_BUFFERS = 12;
/** Joins under way at once, and packets in one. */
export const JOIN_SLOTS = 8;
export const JOIN_MAX = 64;
export const JOIN_IOVEC = JOIN_MAX * 16;
/** As long as the longest headers that are joined: IPv6 and TCP with all its options, and up to a multiple of 16. */
export const JOIN_MASK = 112;

export interface Regions {
  /** Offset of a packet read from the TUN. */
  readonly tunPacket: number;
  /** Offset of received datagrams. */
  readonly received: readonly number[];
  /** Sealed packets; a batch is at most 65,507 bytes. */
  readonly out: number;
  /** Packets made here: ICMP errors; segments that are yet to be fragmented; templates of headers. */
  readonly scratch: number;
  readonly spare: number;
  readonly headers: number;
  /** Per join an iovec array, and the mask of its headers behind it. */
  readonly joins: readonly number[];
}

export function allocateRegions(arena: OwnedArena): Regions {
  const buffer = () => arena.allocate(BUFFER) + HEADROOM;
  return {
    tunPacket: buffer(),
    received: Array.from({ length: RECEIVE_BUFFERS }, buffer),
    out: buffer(),
    scratch: buffer(),
    spare: buffer(),
    headers: arena.allocate(512),
    joins: Array.from({ length: JOIN_SLOTS }, () => arena.allocate(JOIN_IOVEC + JOIN_MASK)),
  };
}
