/**
 * The cloud's rules as data (azure-vpn-gateway §3, §3.1): policies of a gateway's sessions, and what is refused
 * before a session is even configured. Every rule has a switch and carries its source.
 */
import { makePrefix, parseAddress, parsePrefix, prefixContains, prefixContainsAddress } from "@tandem/wire";
import type { PeerConfig } from "./config.ts";
import type { Policy, PolicyStatement } from "./policy.ts";

/** All default to true. */
export interface CloudRuleSwitches {
  /** S-BGPOV, S-FAQ: prefixes equal to or inside the VNet are not accepted. */
  readonly refuseVnetPrefixes?: boolean;
  /** S-FAQ: a default route is accepted and never advertised again. */
  readonly keepDefaultRoute?: boolean;
  /** S-FAQ: learned routes that overlap the VNet are not advertised. */
  readonly keepVnetOverlaps?: boolean;
  /** S-LEARNED: the host routes of peers are told to the other instance, not to devices. */
  readonly keepHostRoutes?: boolean;
  /** S-FAQ: ASNs reserved by Azure or IANA cannot be a device's. */
  readonly refuseReservedAsns?: boolean;
  /** S-FAQ: the two ends need different ASNs. */
  readonly refuseSameAsn?: boolean;
  /** S-BGP, S-BGPOLD: an APIPA address of the gateway comes from 169.254.21.0 to 169.254.22.255. */
  readonly restrictApipa?: boolean;
  /** S-FAQ, S-BGP: with APIPA the device dials. */
  readonly waitForApipaPeers?: boolean;
  /** S-FAQ, S-TIMER: keepalive 60 and hold 180, not negotiated. RFC behaviour when false. */
  readonly fixedTimers?: boolean;
  /** S-FAQ: 4,000 prefixes, then the session is dropped. */
  readonly limitPrefixes?: boolean;
}

/** S-FAQ: assigned whether or not BGP is used. */
export const DEFAULT_GATEWAY_ASN = 65515;
/** S-FAQ */
export const MAXIMUM_PREFIXES = 4000;
export const FIXED_HOLD_TIME = 180;
export const FIXED_KEEPALIVE_TIME = 60;

/** S-FAQ: reserved by Azure; the first three are public numbers. */
const RESERVED_BY_AZURE: readonly number[] = [8074, 8075, 12076, 65515, 65517, 65518, 65519, 65520];
/** S-FAQ, with 429496729 as its text has it and the 4294967295 that it must mean. */
const RESERVED_BY_IANA: readonly (readonly [number, number])[] = [
  [0, 0],
  [23456, 23456],
  [64496, 64511],
  [65535, 65551],
  [429496729, 429496729],
  [4294967295, 4294967295],
];

const APIPA = parsePrefix("169.254.0.0/16")!;
const GATEWAY_APIPA = [parsePrefix("169.254.21.0/24")!, parsePrefix("169.254.22.0/24")!];

export function isApipa(address: string): boolean {
  const bytes = parseAddress(address);
  return bytes !== undefined && prefixContainsAddress(APIPA, bytes);
}

/** What makes a device's ASN unusable, or undefined. */
export function asnProblem(
  asn: number,
  gatewayAsn: number,
  switches: CloudRuleSwitches = {},
): string | undefined {
  if (switches.refuseSameAsn !== false && asn === gatewayAsn) {
    return `ASN ${asn} is the gateway's own: the two ends need different ASNs`;
  }
  if (switches.refuseReservedAsns === false) return undefined;
  if (RESERVED_BY_AZURE.includes(asn)) return `ASN ${asn} is reserved by Azure`;
  if (RESERVED_BY_IANA.some(([first, last]) => asn >= first && asn <= last)) {
    return `ASN ${asn} is reserved by IANA`;
  }
  return undefined;
}

/** What makes an address unusable as the gateway's APIPA address, or undefined. */
export function gatewayApipaProblem(address: string, switches: CloudRuleSwitches = {}): string | undefined {
  if (switches.restrictApipa === false || !isApipa(address)) return undefined;
  const bytes = parseAddress(address)!;
  if (GATEWAY_APIPA.some((p) => prefixContainsAddress(p, bytes))) return undefined;
  return `${address} is outside 169.254.21.0 to 169.254.22.255`;
}

/** S-FAQ: what makes an address unusable as the device's BGP peer address, or undefined. */
export function peerAddressProblem(
  address: string,
  devicePublicIp: string | undefined,
  vnetPrefixes: readonly string[],
): string | undefined {
  const bytes = parseAddress(address);
  if (bytes === undefined) return `${address} is no address`;
  if (address === devicePublicIp) return `${address} is the device's public address`;
  const host = makePrefix(bytes, bytes.length * 8);
  const inside = vnetPrefixes.find((text) => {
    const prefix = parsePrefix(text);
    return prefix !== undefined && prefixContains(prefix, host);
  });
  return inside === undefined ? undefined : `${address} is inside the VNet's ${inside}`;
}

export function cloudImportPolicy(vnetPrefixes: readonly string[], switches: CloudRuleSwitches = {}): Policy {
  const statements: PolicyStatement[] = [];
  if (switches.refuseVnetPrefixes !== false && vnetPrefixes.length > 0) {
    statements.push({
      name: "equal to or inside the VNet (S-BGPOV, S-FAQ)",
      match: { prefixes: vnetPrefixes.map(withMoreSpecifics) },
      action: "reject",
    });
  }
  return { statements };
}

/** For eBGP sessions; the session between two seats of one gateway needs no policy. */
export function cloudExportPolicy(vnetPrefixes: readonly string[], switches: CloudRuleSwitches = {}): Policy {
  const statements: PolicyStatement[] = [];
  if (switches.keepHostRoutes !== false) {
    statements.push({
      name: "host route of a peer (S-LEARNED)",
      match: { sources: ["network"], tags: ["host-route"] },
      action: "reject",
    });
  }
  statements.push({
    name: "VNet and LNG prefixes (S-FAQ)",
    match: { sources: ["network"] },
    action: "accept",
  });
  if (switches.keepDefaultRoute !== false) {
    statements.push({
      name: "default route (S-FAQ)",
      match: { prefixes: [{ prefix: "0.0.0.0/0" }, { prefix: "::/0" }] },
      action: "reject",
    });
  }
  if (switches.keepVnetOverlaps !== false && vnetPrefixes.length > 0) {
    statements.push({
      name: "overlaps the VNet (S-FAQ)",
      match: { overlaps: vnetPrefixes },
      action: "reject",
    });
  }
  return { statements };
}

/** A peer as the cloud would have configured it; what `base` says explicitly stays. */
export function cloudPeer(
  base: PeerConfig,
  vnetPrefixes: readonly string[],
  switches: CloudRuleSwitches = {},
): PeerConfig {
  return {
    ...(switches.fixedTimers === false
      ? {}
      : { fixedTimers: true, holdTime: FIXED_HOLD_TIME, keepaliveTime: FIXED_KEEPALIVE_TIME }),
    ...(switches.limitPrefixes === false ? {} : { maxPrefixes: { limit: MAXIMUM_PREFIXES } }),
    ...(switches.waitForApipaPeers !== false && isApipa(base.neighbor) ? { passive: true } : {}),
    importPolicy: cloudImportPolicy(vnetPrefixes, switches),
    exportPolicy: cloudExportPolicy(vnetPrefixes, switches),
    ...base,
  };
}

function withMoreSpecifics(text: string): { prefix: string; minLength: number; maxLength: number } {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new RangeError(`"${text}" is no prefix`);
  return { prefix: prefix.text, minLength: prefix.length, maxLength: prefix.bytes.length * 8 };
}
