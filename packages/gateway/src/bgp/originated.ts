/**
 * What a seat's speaker says of its own accord (azure-vpn-gateway §3.1, §3.2), by tag: `vnet` for our own prefixes,
 * `lng` for the prefixes of connected LNGs, `host-route` for BGP neighbours behind a tunnel that is up. The export
 * policy goes by the tag: a host route is told to the other seat and to no device.
 */
import { isApipa } from "@tandem/bgp";
import { hostPrefix } from "../seat/seat-tunnels.ts";

export interface Origins {
  readonly kind: "instance" | "device";
  readonly localPrefixes: readonly string[];
  /** Static prefixes of each connection. */
  readonly lngPrefixes: Iterable<readonly string[]>;
  /** Addresses of neighbours that can be reached now. */
  readonly neighbours: Iterable<string>;
}

/** Tag by prefix. What is configured outweighs what comes by itself: an LNG may list its peer's address too. */
export function originatedPrefixes(origins: Origins): Map<string, string> {
  const wanted = new Map<string, string>();
  if (origins.kind === "instance") {
    for (const address of origins.neighbours) {
      // A link-local address means nothing two hops away.
      if (!isApipa(address)) wanted.set(hostPrefix(address), "host-route");
    }
    for (const prefixes of origins.lngPrefixes) for (const prefix of prefixes) wanted.set(prefix, "lng");
  }
  for (const prefix of origins.localPrefixes) wanted.set(prefix, "vnet");
  return wanted;
}
