/** UDP over a simulation: datagrams with addresses, routes by address, and a NAT in between. */
import { type Duration, type Instant, seconds } from "../instant.ts";
import type { Path } from "./simulation.ts";

export interface UdpDatagram {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

/** A datagram as one end sees it: its own address is `local`, in both directions. */
export interface LocalDatagram {
  readonly local: string;
  readonly localPort: number;
  readonly remote: string;
  readonly remotePort: number;
  readonly payload: Uint8Array;
}

export function sentBy(datagram: LocalDatagram): UdpDatagram {
  return {
    source: datagram.local,
    sourcePort: datagram.localPort,
    destination: datagram.remote,
    destinationPort: datagram.remotePort,
    payload: datagram.payload.slice(),
  };
}

export function receivedAs(datagram: UdpDatagram): LocalDatagram {
  return {
    local: datagram.destination,
    localPort: datagram.destinationPort,
    remote: datagram.source,
    remotePort: datagram.sourcePort,
    payload: datagram.payload.slice(),
  };
}

/** IP and UDP headers count towards the MTU. */
export function udpDatagramSize(datagram: UdpDatagram): number {
  return datagram.payload.length + 8 + (datagram.destination.includes(":") ? 40 : 20);
}

/**
 * A port-translating NAT with one public address. Mappings are by inside endpoint, and only endpoints that were
 * written to may answer (RFC 4787: endpoint-independent mapping, address and port-dependent filtering).
 */
export class Nat {
  readonly #inside: ReadonlySet<string>;
  readonly #idle: Duration;
  readonly #mappings = new Map<string, { port: number; peers: Set<string>; lastUsed: Instant }>();
  #publicAddress: string;
  #nextPort: number;

  constructor(options: {
    /** Addresses behind the NAT. */
    readonly inside: readonly string[];
    readonly publicAddress: string;
    readonly firstPort?: number;
    /** A mapping unused for this long is forgotten; 30 s by default, as many home routers do. */
    readonly idle?: Duration;
  }) {
    this.#inside = new Set(options.inside);
    this.#publicAddress = options.publicAddress;
    this.#nextPort = options.firstPort ?? 40_000;
    this.#idle = options.idle ?? seconds(30);
  }

  get publicAddress(): string {
    return this.#publicAddress;
  }

  /** Forgets every mapping, as a restart does; with another public address if one is given. */
  rebind(publicAddress: string = this.#publicAddress): void {
    this.#mappings.clear();
    this.#publicAddress = publicAddress;
  }

  /** What leaves the NAT for what came in, from either side, or why it is dropped. */
  translate(datagram: UdpDatagram, now: Instant): UdpDatagram | { readonly drop: string } {
    for (const [key, mapping] of this.#mappings)
      if (now - mapping.lastUsed > this.#idle) this.#mappings.delete(key);
    if (this.#inside.has(datagram.source) && !this.#inside.has(datagram.destination))
      return this.#outwards(datagram, now);
    if (datagram.destination === this.#publicAddress) return this.#inwards(datagram, now);
    if (this.#inside.has(datagram.destination) && !this.#inside.has(datagram.source))
      return { drop: "nat: inside address is not reachable from outside" };
    return datagram;
  }

  #outwards(datagram: UdpDatagram, now: Instant): UdpDatagram {
    const key = `${datagram.source} ${datagram.sourcePort}`;
    let mapping = this.#mappings.get(key);
    if (mapping === undefined) {
      mapping = { port: this.#nextPort++, peers: new Set(), lastUsed: now };
      this.#mappings.set(key, mapping);
    }
    mapping.lastUsed = now;
    mapping.peers.add(`${datagram.destination} ${datagram.destinationPort}`);
    return { ...datagram, source: this.#publicAddress, sourcePort: mapping.port };
  }

  #inwards(datagram: UdpDatagram, now: Instant): UdpDatagram | { readonly drop: string } {
    for (const [key, mapping] of this.#mappings) {
      if (mapping.port !== datagram.destinationPort) continue;
      if (!mapping.peers.has(`${datagram.source} ${datagram.sourcePort}`))
        return { drop: "nat: filtered, the inside never wrote to this endpoint" };
      mapping.lastUsed = now;
      const [destination, port] = key.split(" ");
      return { ...datagram, destination: destination!, destinationPort: Number(port) };
    }
    return { drop: "nat: no mapping" };
  }
}

/** Routes datagrams to the node that owns the destination address, through the NAT when there is one. */
export function udpPath(owners: ReadonlyMap<string, string>, nat?: Nat): Path<UdpDatagram> {
  return (sent, _from, now) => {
    const datagram = nat === undefined ? sent : nat.translate(sent, now);
    if ("drop" in datagram) return datagram;
    const to = owners.get(datagram.destination);
    return to === undefined ? { drop: `no route to ${datagram.destination}` } : { to, packet: datagram };
  };
}
