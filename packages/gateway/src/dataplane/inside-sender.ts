/**
 * ICMP errors of this gateway on their way to a host inside. They leave from a raw socket, as the kernel's own do, and not
 * through the TUN: a packet that comes out of a device with one of the machine's own addresses as its source is a forged
 * one to Linux (a "martian source"), and is dropped without a word.
 */
import type { InnerPacket } from "@tandem/esp";
import { type DatagramSocket, LinuxError, type OwnedArena, openRawSocket } from "@tandem/linux";
import { formatAddress } from "@tandem/wire";

/** Sends one whole IP packet by the kernel's routes. False when it did not go. */
export type InsideSender = (packet: InnerPacket) => boolean;

/** Specification: raw(7), the sender writes the IP header. */
const IPPROTO_RAW = 255;
const BUFFER_BYTES = 64 << 10;

export function createInsideSender(arena: OwnedArena): InsideSender {
  const sockets = { 4: open(arena, "0.0.0.0"), 6: open(arena, "::") };
  return (packet) => {
    const socket = sockets[packet.family];
    if (socket === undefined) return false;
    const length = packet.family === 4 ? 4 : 16;
    const destination = arena.bytes.slice(packet.destination, packet.destination + length);
    // At most some hundred a second are made: a path for each costs nothing that matters.
    const path = socket.createPath(packet.family === 4 ? "0.0.0.0" : "::", formatAddress(destination), 0);
    const sent = socket.send(path, packet.offset, packet.length, 0, packet.trafficClass);
    path.release();
    return sent > 0;
  };
}

/** Undefined without CAP_NET_RAW. */
function open(arena: OwnedArena, address: string): DatagramSocket | undefined {
  try {
    return openRawSocket(arena, { address, protocol: IPPROTO_RAW, bufferBytes: BUFFER_BYTES });
  } catch (error) {
    if (error instanceof LinuxError) return undefined;
    throw error;
  }
}
