/**
 * Which of several equal tunnels a flow takes: rendezvous hashing (highest random weight) of the 5-tuple against each
 * tunnel. When a tunnel goes, only its flows move; when one comes, only the flows that it wins move.
 *
 * Fragments follow their flow: the first fragment's 5-tuple hash is remembered by (source, destination, protocol,
 * identification) for the later ones, which carry no ports. A later fragment that overtakes the first falls back to the
 * hash without ports.
 */
import type { InnerPacket } from "@tandem/esp";
import type { Tunnel } from "./tunnel.ts";

const FRAGMENTS = 1024; // powers of two
const FLOWS = 16384;

export class FlowSpread {
  readonly #view: DataView;
  readonly #fragmentKeys = new Int32Array(FRAGMENTS);
  readonly #fragmentHashes = new Int32Array(FRAGMENTS);
  readonly #flowHashes = new Int32Array(FLOWS);
  readonly #flowTunnels = new Int32Array(FLOWS);
  readonly #flowSeen = new Int32Array(FLOWS);

  constructor(view: DataView) {
    this.#view = view;
  }

  /** The hash that spreads the packet. */
  flowHash(packet: InnerPacket): number {
    const view = this.#view;
    let hash = packet.protocol;
    const words = packet.family === 4 ? 2 : 8; // source and destination stand side by side
    for (let w = 0; w < words; w++) hash = mix(hash, view.getInt32(packet.source + 4 * w));
    if (!packet.fragment) {
      return packet.sourcePort < 0 || isIcmp(packet.protocol)
        ? finish(hash)
        : finish(mix(hash, (packet.sourcePort << 16) | packet.destinationPort));
    }
    const key = mix(hash, packet.identification);
    const slot = finish(key) & (FRAGMENTS - 1);
    if (packet.fragmentOffset > 0)
      return this.#fragmentKeys[slot] === key ? this.#fragmentHashes[slot]! : finish(hash);
    const first =
      packet.sourcePort < 0 || isIcmp(packet.protocol)
        ? finish(hash)
        : finish(mix(hash, (packet.sourcePort << 16) | packet.destinationPort));
    this.#fragmentKeys[slot] = key;
    this.#fragmentHashes[slot] = first;
    return first;
  }

  /** The tunnel with the highest score among those that can send, without `except` (where the packet came from). */
  choose(hash: number, tunnels: readonly Tunnel[], except: Tunnel | undefined): Tunnel | undefined {
    let best: Tunnel | undefined;
    let bestScore = -1;
    for (let i = 0; i < tunnels.length; i++) {
      const tunnel = tunnels[i]!;
      if (tunnel.outbound.length === 0 || tunnel === except) continue;
      if (tunnels.length === 1) return tunnel;
      const score = flowScore(hash, tunnel);
      if (score > bestScore) {
        bestScore = score;
        best = tunnel;
      }
    }
    return best;
  }

  /** Remembers that a flow was seen, for the count of flows per tunnel. `tick` is in seconds. */
  note(hash: number, tunnel: Tunnel, tick: number): void {
    const slot = hash & (FLOWS - 1);
    this.#flowHashes[slot] = hash;
    this.#flowTunnels[slot] = tunnel.slot;
    this.#flowSeen[slot] = tick;
  }

  /** Where and when (a tick) the flow was last seen; absent when never, or when another flow took its place in the table. */
  lastSeen(hash: number): { readonly tunnelSlot: number; readonly tick: number } | undefined {
    const slot = hash & (FLOWS - 1);
    if (this.#flowHashes[slot] !== hash || this.#flowTunnels[slot] === 0) return undefined;
    return { tunnelSlot: this.#flowTunnels[slot]!, tick: this.#flowSeen[slot]! };
  }

  /** Flows seen since `tick`, by tunnel slot. Two flows that share a place in the table count as one. */
  countSince(tick: number): Map<number, number> {
    const counts = new Map<number, number>();
    for (let i = 0; i < FLOWS; i++) {
      const tunnel = this.#flowTunnels[i]!;
      if (tunnel !== 0 && this.#flowSeen[i]! >= tick) counts.set(tunnel, (counts.get(tunnel) ?? 0) + 1);
    }
    return counts;
  }
}

/** Score of one tunnel for one flow, 0..2^32-1. */
export const flowScore = (hash: number, tunnel: Tunnel): number => finish(mix(hash, tunnel.hash)) >>> 0;

const isIcmp = (protocol: number): boolean => protocol === 1 || protocol === 58;

function mix(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  hash ^= Math.imul(k, 0x1b873593);
  hash = (hash << 13) | (hash >>> 19);
  return (Math.imul(hash, 5) + 0xe6546b64) | 0;
}

function finish(hash: number): number {
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
