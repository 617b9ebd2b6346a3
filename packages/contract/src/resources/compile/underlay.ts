/** Addresses of the point-to-point links, which no resource describes: 100.64.0.0/16 and fd64::/64, pair by pair. */
import { addressAt, parseNetwork } from "../ip-network.ts";

export const UNDERLAY_PREFIXES: readonly string[] = ["100.64.0.0/16", "fd64::/64"];

export interface LinkAddresses {
  /** Without length, IPv4 first. */
  readonly a: readonly string[];
  readonly b: readonly string[];
}

export class Underlay {
  readonly #networks = UNDERLAY_PREFIXES.map((p) => parseNetwork(p)!);
  #next = 0;

  /** Addresses of the two ends of one more link. */
  allocate(): LinkAddresses {
    const n = this.#next;
    this.#next += 2;
    return {
      a: this.#networks.map((network) => addressAt(network, n)),
      b: this.#networks.map((network) => addressAt(network, n + 1)),
    };
  }
}

/** With the lengths of a point-to-point link. */
export const withLinkLength = (addresses: readonly string[]): string[] =>
  addresses.map((a) => `${a}/${a.includes(":") ? 127 : 31}`);
