/** bird.conf (BIRD 2) for a device's router: a session per tunnel, ECMP over all of them, learned routes into one kernel table. */
import { isIPv6 } from "node:net";
import type { InstanceConfig } from "@tandem/contract";

export interface BirdOptions {
  /** The kernel table that packets from the site are looked up in. */
  readonly kernelTable: number;
  /** Next hop on the way to each BGP neighbour. */
  readonly gatewayOf: (neighbor: string) => string | undefined;
}

export function birdConf(config: InstanceConfig, options: BirdOptions): string {
  const seat = config.seats[0];
  if (seat === undefined) throw new TypeError(`${config.name} has no seat`);
  const sessions = config.connections.flatMap(({ bgp, name }) => (bgp === undefined ? [] : [{ name, bgp }]));
  const v6 = config.localPrefixes.some(isPrefix6);
  const own = config.localPrefixes.map((prefix) => ({ prefix, v6: isPrefix6(prefix) }));
  const families = v6 ? ["ipv4", "ipv6"] : ["ipv4"];
  return [
    `router id ${config.routerId ?? (isIPv6(seat.bgpIp) ? "10.255.255.1" : seat.bgpIp)};`,
    "protocol device { scan time 10; }",
    ...families.map((family) => kernelProtocol(family, options.kernelTable)),
    ...families.map((family) =>
      staticProtocol(
        `site_${family}`,
        family,
        own
          .filter((one) => one.v6 === (family === "ipv6"))
          .map(({ prefix }) => `route ${prefix} unreachable;`),
      ),
    ),
    staticProtocol(
      "tunnel_ends",
      "ipv4",
      sessions.flatMap(({ bgp }) => {
        const gateway = options.gatewayOf(bgp.neighbor);
        return gateway === undefined ? [] : [`route ${bgp.neighbor}/32 via ${gateway};`];
      }),
    ),
    ...sessions.map(({ name, bgp }, index) =>
      [
        `protocol bgp tunnel${index} {`,
        `  description "${name.replaceAll('"', "")}";`,
        `  local ${bgp.localAddress ?? seat.bgpIp} as ${config.asn};`,
        `  neighbor ${bgp.neighbor} as ${bgp.asn};`,
        "  multihop;",
        `  hold time ${bgp.holdTime};`,
        `  keepalive time ${bgp.keepaliveTime};`,
        "  connect retry time 5;",
        "  connect delay time 1;",
        "  error wait time 1, 10;",
        `  graceful restart ${bgp.gracefulRestart ? "on" : "aware"};`,
        ...(bgp.passive ? ["  passive on;"] : []),
        ...(bgp.md5 === undefined ? [] : [`  password "${bgp.md5}";`]),
        ...families.map(
          (family) => `  ${family} { import all; next hop self; export where proto = "site_${family}"; };`,
        ),
        "}",
      ].join("\n"),
    ),
    "",
  ].join("\n");
}

const isPrefix6 = (prefix: string): boolean => prefix.includes(":");

function kernelProtocol(family: string, table: number): string {
  return [
    `protocol kernel kernel_${family} {`,
    `  kernel table ${table};`,
    "  merge paths on limit 16;",
    "  persist;",
    `  ${family} { import none; export where source = RTS_BGP; };`,
    "}",
  ].join("\n");
}

function staticProtocol(name: string, family: string, routes: readonly string[]): string {
  return [`protocol static ${name} {`, `  ${family};`, ...routes.map((route) => `  ${route}`), "}"].join(
    "\n",
  );
}
