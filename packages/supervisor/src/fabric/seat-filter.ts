/**
 * What claims a seat's address from any port but its owner's is dropped.
 *
 * On outside ports strict reverse-path filtering (reverse-path.ts) does this for IPv4 in the same instant in which the
 * route changes: the way back to a seat's public IP is its owner's port and no other. The nftables sets do it for IPv6 and
 * for the inside ports (BGP addresses), replaced in one transaction. Where nftables cannot be used the agent says so.
 */
import { execFile } from "node:child_process";
import type { FabricConfig } from "@tandem/contract";
import type { SeatOwner } from "./seat-table.ts";

const TABLE = "tandem_seats";

/** The whole ruleset: everything is static but the set `owners`. */
export function filterRules(config: FabricConfig, owners: ReadonlyMap<string, SeatOwner>): string {
  const ports = config.gateways.flatMap((g) =>
    g.ports.flatMap((p) => [p.outside.interface, p.inside.interface]),
  );
  const addresses = config.gateways.flatMap((g) =>
    g.seats.flatMap((s) => [...s.publicIps.filter(isSix), s.bgpIp]),
  );
  const lines = [`add table inet ${TABLE}`, `delete table inet ${TABLE}`, `table inet ${TABLE} {`];
  for (const { word, family } of FAMILIES) {
    const own = addresses.filter((a) => a.includes(":") === (family === 6));
    lines.push(
      `  set seats${family} { type ${word}_addr; ${elements(own)} }`,
      `  set owners${family} { type ifname . ${word}_addr; ${elements(ownerElements(config, owners, family))} }`,
    );
  }
  lines.push(
    `  set ports { type ifname; ${elements(ports.map((p) => `"${p}"`))} }`,
    "  counter spoofed { }",
    "  chain seats {",
    "    type filter hook prerouting priority raw; policy accept;",
    ...FAMILIES.map(
      ({ word, family }) =>
        `    iifname @ports ${word === "ipv4" ? "ip" : "ip6"} saddr @seats${family} iifname . ${word === "ipv4" ? "ip" : "ip6"} saddr != @owners${family} counter name spoofed drop`,
    ),
    "  }",
    "}",
  );
  return lines.join("\n");
}

/** One transaction: the old owner may not send any more, the new one may. */
export function filterChange(config: FabricConfig, owners: ReadonlyMap<string, SeatOwner>): string {
  return FAMILIES.flatMap(({ family }) => {
    const own = ownerElements(config, owners, family);
    return [
      `flush set inet ${TABLE} owners${family}`,
      ...(own.length === 0 ? [] : [`add element inet ${TABLE} owners${family} { ${own.join(", ")} }`]),
    ];
  }).join("\n");
}

const FAMILIES = [
  { word: "ipv4", family: 4 },
  { word: "ipv6", family: 6 },
] as const;

/** IPv4 on outside ports is the reverse-path filter's. */
const isSix = (ip: string): boolean => ip.includes(":");

const elements = (list: readonly string[]): string =>
  list.length === 0 ? "" : `elements = { ${[...new Set(list)].join(", ")} };`;

function ownerElements(
  config: FabricConfig,
  owners: ReadonlyMap<string, SeatOwner>,
  family: 4 | 6,
): string[] {
  return config.gateways.flatMap((gateway) =>
    gateway.seats.flatMap((seat) => {
      const owner = owners.get(seat.name)?.owner;
      const port = gateway.ports.find((p) => p.instance === owner);
      if (port === undefined) return [];
      return [
        ...seat.publicIps.filter(isSix).map((ip) => ({ ip, port: port.outside.interface })),
        { ip: seat.bgpIp, port: port.inside.interface },
      ]
        .filter(({ ip }) => ip.includes(":") === (family === 6))
        .map((e) => `"${e.port}" . ${e.ip}`);
    }),
  );
}

/** Resolves to the complaint, or undefined when it was done. */
export function runNft(ruleset: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = execFile("nft", ["-f", "-"], { timeout: 5000 }, (error, _out, complaints) =>
      resolve(error === null ? undefined : complaints.trim() || error.message),
    );
    child.stdin?.on("error", () => {});
    child.stdin?.end(`${ruleset}\n`);
  });
}
