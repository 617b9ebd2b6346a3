/**
 * Traffic selectors against packets: the outbound choice of an SA and the check of what came out of one (RFC 4301 §5.1
 * and §5.2 step 4; RFC 7296 §3.13.1). Addresses are compared as bytes in the arena; selectors are compiled once.
 *
 * A fragment without ports matches only selectors that want no ports (RFC 4301 §7: no stateful fragment checking here).
 */
import { parseAddress } from "@tandem/wire";
import type { InnerPacket } from "./inner-packet.ts";
import type { TrafficSelector } from "./sa-parameters.ts";

interface Range {
  readonly family: 4 | 6;
  readonly anyAddress: boolean;
  readonly first: Uint8Array;
  readonly last: Uint8Array;
  readonly protocol: number;
  readonly anyPort: boolean;
  readonly firstPort: number;
  readonly lastPort: number;
}

/** Compiled selectors of one side. */
export class SelectorSet {
  readonly #ranges: readonly Range[];
  readonly #all4: boolean;
  readonly #all6: boolean;

  /** Throws a RangeError when a selector's address does not parse: IKE has checked them before. */
  constructor(selectors: readonly TrafficSelector[]) {
    this.#ranges = selectors.map(compile);
    const open = (family: 4 | 6) =>
      this.#ranges.some((r) => r.family === family && r.anyAddress && r.protocol === 0 && r.anyPort);
    this.#all4 = open(4);
    this.#all6 = open(6);
  }

  /** True when packets of this family all match: the check is one boolean then. */
  matchesAll(family: 4 | 6): boolean {
    return family === 4 ? this.#all4 : this.#all6;
  }

  /** Does the packet's source (address, protocol, port) lie in the set? */
  matchesSource(packet: InnerPacket, bytes: Uint8Array): boolean {
    if (packet.family === 4 ? this.#all4 : this.#all6) return true;
    return this.#matches(packet, bytes, packet.source, packet.sourcePort);
  }

  matchesDestination(packet: InnerPacket, bytes: Uint8Array): boolean {
    if (packet.family === 4 ? this.#all4 : this.#all6) return true;
    return this.#matches(packet, bytes, packet.destination, packet.destinationPort);
  }

  #matches(packet: InnerPacket, bytes: Uint8Array, address: number, port: number): boolean {
    const ranges = this.#ranges;
    for (let i = 0; i < ranges.length; i++) {
      const range = ranges[i]!;
      if (range.family !== packet.family) continue;
      if (range.protocol !== 0 && range.protocol !== packet.protocol) continue;
      if (!range.anyPort && (port < range.firstPort || port > range.lastPort)) continue;
      if (range.anyAddress || (atLeast(bytes, address, range.first) && atMost(bytes, address, range.last))) {
        return true;
      }
    }
    return false;
  }
}

/** Two selector lists that say the same: a rekeyed Child SA takes its predecessor's place. */
export function selectorsKey(local: readonly TrafficSelector[], remote: readonly TrafficSelector[]): string {
  const text = (s: TrafficSelector) =>
    `${s.protocol}/${s.startPort}-${s.endPort}/${s.startAddress}-${s.endAddress}`;
  return `${local.map(text).sort().join(",")}>${remote.map(text).sort().join(",")}`;
}

function compile(selector: TrafficSelector): Range {
  const first = parseAddress(selector.startAddress);
  const last = parseAddress(selector.endAddress);
  if (first === undefined || last === undefined || first.length !== last.length) {
    throw new RangeError(`no address range: ${selector.startAddress} to ${selector.endAddress}`);
  }
  return {
    family: first.length === 4 ? 4 : 6,
    anyAddress: first.every((b) => b === 0) && last.every((b) => b === 255),
    first,
    last,
    protocol: selector.protocol,
    anyPort: selector.startPort === 0 && selector.endPort === 65535,
    firstPort: selector.startPort,
    lastPort: selector.endPort,
  };
}

function atLeast(bytes: Uint8Array, offset: number, bound: Uint8Array): boolean {
  for (let i = 0; i < bound.length; i++) {
    const difference = bytes[offset + i]! - bound[i]!;
    if (difference !== 0) return difference > 0;
  }
  return true;
}

function atMost(bytes: Uint8Array, offset: number, bound: Uint8Array): boolean {
  for (let i = 0; i < bound.length; i++) {
    const difference = bytes[offset + i]! - bound[i]!;
    if (difference !== 0) return difference < 0;
  }
  return true;
}
