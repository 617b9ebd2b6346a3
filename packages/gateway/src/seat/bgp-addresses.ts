import type { InstanceConfig, SeatConfig } from "@tandem/contract";

/** The seat's BGP address and its custom ones; none when it is a public IP itself (a client). */
export function bgpAddresses(config: InstanceConfig, seat: SeatConfig): string[] {
  const own = config.connections
    .filter((connection) => connection.seat === seat.name)
    .flatMap((connection) => connection.bgp?.localAddress ?? []);
  return [...new Set([seat.bgpIp, ...own])].filter((address) => !seat.publicIps.includes(address));
}
