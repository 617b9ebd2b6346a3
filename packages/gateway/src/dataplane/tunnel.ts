/** One tunnel as the data plane sees it: its outbound Child SAs and where their packets go. */
import type { ChildSa, InnerPacket } from "@tandem/esp";
import type { DatagramPath, DatagramSocket } from "@tandem/linux";

/** The outer side of a Child SA: socket, prepared headers, and what fits. Replaced as a whole when an endpoint moves. */
export interface OuterPath {
  readonly socket: DatagramSocket;
  readonly path: DatagramPath;
  readonly family: 4 | 6;
  readonly udp: boolean;
  /** Whether the kernel cuts one buffer into datagrams for this path (UDP_SEGMENT). */
  segmentation: boolean;
  /** Of whole outer packets; lowered by what routers say. */
  outerMtu: number;
  /** Of inner packets; follows `outerMtu`. */
  innerMtu: number;
}

/** A Child SA with what the loop keeps beside it. */
export interface InstalledSa {
  readonly sa: ChildSa;
  readonly tunnel: Tunnel;
  /** First of its counters in shared memory. */
  readonly slot: number;
  path: OuterPath;
  /** The remote address as bytes and port of packets that IKE has agreed to; another one raises `endpoint-moved` once. */
  remote: Uint8Array;
  remotePort: number;
  movedTo: string;
  sequenceAsked: number;
  /** On the lists of activity.ts. */
  heard: boolean;
  touched: boolean;
}

export class Tunnel {
  readonly id: string;
  readonly connection: string;
  readonly seat: string;
  readonly remote: string;
  /** Rendezvous hashing: stands for the tunnel in every score. */
  readonly hash: number;
  readonly slot: number;
  /** In use for sending: one per pair of selector sets, newest choice of `switch-outbound`. */
  outbound: readonly InstalledSa[] = [];
  /** Its seat is about to go: used for sending only where no other tunnel is. */
  leaving = false;
  readonly installed = new Map<string, InstalledSa>();

  constructor(command: { tunnel: string; connection: string; seat: string; remote: string }, slot: number) {
    this.id = command.tunnel;
    this.connection = command.connection;
    this.seat = command.seat;
    this.remote = command.remote;
    this.slot = slot;
    this.hash = hashText(command.tunnel);
  }

  /** The outbound SA whose selectors take this packet. */
  select(packet: InnerPacket, bytes: Uint8Array): InstalledSa | undefined {
    const outbound = this.outbound;
    for (let i = 0; i < outbound.length; i++) {
      const { sa } = outbound[i]!;
      if (sa.local.matchesSource(packet, bytes) && sa.remote.matchesDestination(packet, bytes))
        return outbound[i];
    }
    return undefined;
  }

  /** Make-before-break: takes the place of the SA with the same selectors, beside those with others. */
  switchTo(next: InstalledSa): void {
    this.outbound = [...this.outbound.filter((o) => o.sa.selectorsKey !== next.sa.selectorsKey), next];
  }
}

/** FNV-1a, finished as murmur3 does: spreads ids that differ in one character. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash | 0;
}
