/** What each SKU allows (azure-vpn-gateway §4). The same name differs by generation. */
export interface SkuLimits {
  readonly tunnels: number;
  readonly bgp: boolean;
  readonly activeActive: boolean;
  /** Clients by IKEv2; 0: not supported. */
  readonly clients: number;
}

const current = (tunnels: number, clients: number): SkuLimits => ({
  tunnels,
  bgp: true,
  activeActive: true,
  clients,
});

/** Keys are "SKU" or "SKU/Generation2". */
const LIMITS: Readonly<Record<string, SkuLimits>> = {
  Basic: { tunnels: 10, bgp: false, activeActive: false, clients: 0 },
  Standard: { tunnels: 10, bgp: true, activeActive: false, clients: 128 },
  HighPerformance: { tunnels: 30, bgp: true, activeActive: true, clients: 128 },
  VpnGw1: current(30, 250),
  VpnGw2: current(30, 500),
  VpnGw3: current(30, 1000),
  "VpnGw4/Generation2": current(100, 5000),
  "VpnGw5/Generation2": current(100, 10_000),
};

export const SKU_NAMES: readonly string[] = [
  "Basic",
  "Standard",
  "HighPerformance",
  ...[1, 2, 3, 4, 5].flatMap((n) => [`VpnGw${n}`, `VpnGw${n}AZ`]),
];

/** `undefined`: no such SKU in this generation. VpnGw4 and 5 exist in generation 2 only, VpnGw1 in generation 1 only. */
export function skuLimits(
  sku: string,
  generation: "None" | "Generation1" | "Generation2",
): SkuLimits | undefined {
  const name = sku.endsWith("AZ") ? sku.slice(0, -2) : sku;
  if (sku.endsWith("AZ") && !name.startsWith("VpnGw")) return undefined;
  if (generation !== "Generation1") {
    const second = LIMITS[`${name}/Generation2`];
    if (second !== undefined) return second;
  }
  if (generation === "Generation2" && name !== "VpnGw2" && name !== "VpnGw3") return undefined;
  return LIMITS[name];
}
