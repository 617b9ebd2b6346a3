/** frr.conf for a device's router: a session per tunnel and equal-cost paths over all of them. */
import { isIPv6 } from "node:net";
import type { InstanceConfig } from "@tandem/contract";

export function frrConf(config: InstanceConfig): string {
  const seat = config.seats[0];
  if (seat === undefined) throw new TypeError(`${config.name} has no seat`);
  const sessions = config.connections.flatMap(({ bgp, name }) => (bgp === undefined ? [] : [{ name, bgp }]));
  const family = (v6: boolean): string[] => {
    const own = config.localPrefixes.filter((prefix) => prefix.includes(":") === v6);
    if (own.length === 0) return [];
    return [
      ` address-family ${v6 ? "ipv6" : "ipv4"} unicast`,
      ...own.map((prefix) => `  network ${prefix}`),
      ...sessions.flatMap(({ bgp }) => [
        `  neighbor ${bgp.neighbor} activate`,
        `  neighbor ${bgp.neighbor} route-map ALL in`,
        `  neighbor ${bgp.neighbor} route-map ${bgp.prepend > 0 ? `PREPEND-${bgp.prepend}` : "ALL"} out`,
      ]),
      "  maximum-paths 16",
      " exit-address-family",
    ];
  };
  const prepends = [...new Set(sessions.map(({ bgp }) => bgp.prepend).filter((count) => count > 0))];
  return [
    `hostname ${config.name}`,
    "!",
    `router bgp ${config.asn}`,
    ...(config.routerId === undefined && isIPv6(seat.bgpIp)
      ? []
      : [` bgp router-id ${config.routerId ?? seat.bgpIp}`]),
    " no bgp default ipv4-unicast",
    " no bgp network import-check",
    " bgp graceful-restart",
    ...sessions.flatMap(({ name, bgp }) => [
      ` neighbor ${bgp.neighbor} remote-as ${bgp.asn}`,
      ` neighbor ${bgp.neighbor} description ${name}`,
      ` neighbor ${bgp.neighbor} ebgp-multihop`,
      ` neighbor ${bgp.neighbor} update-source ${bgp.localAddress ?? seat.bgpIp}`,
      ` neighbor ${bgp.neighbor} timers ${bgp.keepaliveTime} ${bgp.holdTime}`,
      ...(bgp.md5 === undefined ? [] : [` neighbor ${bgp.neighbor} password ${bgp.md5}`]),
      ...(bgp.passive ? [` neighbor ${bgp.neighbor} passive`] : []),
    ]),
    ...family(false),
    ...family(true),
    "!",
    "route-map ALL permit 10",
    ...prepends.flatMap((count) => [
      `route-map PREPEND-${count} permit 10`,
      ` set as-path prepend ${Array.from({ length: count }, () => config.asn).join(" ")}`,
    ]),
    "!",
    "",
  ].join("\n");
}
