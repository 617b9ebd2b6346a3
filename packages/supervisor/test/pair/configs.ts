import type { PairConfig } from "../../src/pair/pair-config.ts";

export function pairConfig(
  seats: 1 | 2,
  profile: PairConfig["profile"],
  more: Partial<PairConfig> = {},
): PairConfig {
  return {
    gateway: "gw",
    profile,
    instances: ["gw/IN_0", "gw/IN_1"],
    seats: Array.from({ length: seats }, (_, i) => ({
      name: `gw/${i}`,
      publicIps: [`203.0.113.1${i}`],
      bgpIp: `10.12.255.${4 + i}`,
      home: `gw/IN_${i}`,
    })),
    planned: [10_000, 15_000],
    unplanned: [60_000, 90_000],
    restart: "auto",
    restartDelay: 500,
    failback: "auto",
    ...more,
  };
}
