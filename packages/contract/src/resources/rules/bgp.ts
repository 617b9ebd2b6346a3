/** ASNs, peer addresses, APIPA, and where BGP is required (azure-vpn-gateway §3). */
import type { Finding } from "../finding.ts";
import { canonicalIp, networkContainsIp, parseIp, parseNetwork } from "../ip-network.ts";
import type { LabFile } from "../lab-file.ts";
import {
  activeActive,
  asnOf,
  connectionsOf,
  deviceBehind,
  find,
  isApipa,
  seatsOf,
  siteOf,
} from "../resolve.ts";
import type { Report } from "./report.ts";

const AZURE_RESERVED = new Set([8074, 8075, 12_076, 65_515, 65_517, 65_518, 65_519, 65_520]);
/** 429496729 stands in the cloud's list as it is (§3: "sic"); 4294967295 is RFC 7300's. */
const IANA_RESERVED = new Set([0, 23_456, 429_496_729, 4_294_967_295]);
const IANA_RANGES: readonly (readonly [number, number])[] = [
  [64_496, 64_511],
  [65_535, 65_551],
];
const USABLE = "1 to 4294967295 without the reserved ones; private and usable: 64512-65514, 65521-65534";

const ianaReserved = (asn: number): boolean =>
  IANA_RESERVED.has(asn) || IANA_RANGES.some(([low, high]) => asn >= low && asn <= high);

export function checkBgp(file: LabFile, report: Report): void {
  file.virtualNetworkGateways.forEach((gateway, i) => {
    const at = ["virtualNetworkGateways", i, "properties", "bgpSettings"];
    const asn = asnOf(gateway);
    // 65515 is the gateway's own default (§3); the rest of the cloud's reserved numbers are not for it either.
    if (!validAsn(asn) || (AZURE_RESERVED.has(asn) && asn !== 65_515)) {
      report.add([...at, "asn"], "InvalidAsn", reason(asn), USABLE, asn);
    }
    checkCustomAddresses(file, gateway, at, report);
  });
  checkPeers(file, report);
  checkConnections(file, report);
}

const validAsn = (asn: number): boolean =>
  Number.isInteger(asn) && asn > 0 && asn <= 0xffff_ffff && !ianaReserved(asn);

const reason = (asn: number): string =>
  AZURE_RESERVED.has(asn)
    ? `ASN ${asn} is reserved by the cloud`
    : ianaReserved(asn)
      ? `ASN ${asn} is reserved by IANA`
      : `${asn} is no ASN`;

function checkPeers(file: LabFile, report: Report): void {
  const peers = new Map<string, string>();
  file.localNetworkGateways.forEach((lng, i) => {
    const settings = lng.properties.bgpSettings;
    if (settings === undefined) return;
    const at = ["localNetworkGateways", i, "properties", "bgpSettings"];
    if ((settings.bgpPeeringAddresses ?? []).length > 0) {
      report.add(
        [...at, "bgpPeeringAddresses"],
        "LocalNetworkGatewayBgpPeeringAddressesMustbeNull",
        "BgpPeeringAddresses in BgpSettings must not contain any value",
        "bgpPeeringAddress",
      );
    }
    if (settings.asn === undefined)
      report.add(at, "MissingRequiredParameter", "bgpSettings without asn", USABLE);
    else if (!validAsn(settings.asn) || AZURE_RESERVED.has(settings.asn)) {
      report.add([...at, "asn"], "InvalidAsn", reason(settings.asn), USABLE, settings.asn);
    }
    if (settings.bgpPeeringAddress === undefined) {
      report.add(
        at,
        "MissingRequiredParameter",
        "bgpSettings without bgpPeeringAddress",
        "the device's BGP address",
      );
      return;
    }
    const path = [...at, "bgpPeeringAddress"];
    const peer = parseIp(settings.bgpPeeringAddress);
    if (peer === undefined) {
      report.add(
        path,
        "InvalidIpAddress",
        "no IP address",
        "for example 10.52.255.253",
        settings.bgpPeeringAddress,
      );
      return;
    }
    const text = canonicalIp(settings.bgpPeeringAddress)!;
    const other = peers.get(text);
    if (other !== undefined)
      report.add(
        path,
        "BgpPeeringAddressInUse",
        `${text} is the BGP address of "${other}" already`,
        "a unique BGP peer address",
        text,
      );
    peers.set(text, lng.name);
    if (
      lng.properties.gatewayIpAddress !== undefined &&
      canonicalIp(lng.properties.gatewayIpAddress) === text
    ) {
      report.add(
        path,
        "InvalidBgpPeeringAddress",
        "the BGP address equals the device's public IP",
        "another address of the device, for example a loopback",
        text,
      );
    }
    for (const vnet of file.virtualNetworks) {
      for (const prefix of vnet.properties.addressSpace.addressPrefixes) {
        const network = parseNetwork(prefix);
        if (network !== undefined && networkContainsIp(network, peer)) {
          report.add(
            path,
            "InvalidBgpPeeringAddress",
            `the BGP address lies in ${prefix} of virtual network "${vnet.name}"`,
            "an address outside the virtual networks",
            text,
          );
        }
      }
    }
    if (isApipa(text) && !inRange(text, "169.254.0.1", "169.254.255.254")) {
      report.add(
        path,
        "InvalidApipaAddress",
        "no usable APIPA address",
        "169.254.0.1 to 169.254.255.254",
        text,
      );
    }
  });
}

function checkCustomAddresses(
  file: LabFile,
  gateway: LabFile["virtualNetworkGateways"][number],
  at: (string | number)[],
  report: Report,
): void {
  const all = gateway.properties.bgpSettings?.bgpPeeringAddresses ?? [];
  const seen = new Set<string>();
  all.forEach((entry, k) => {
    const path = [...at, "bgpPeeringAddresses", k];
    const known = gateway.properties.ipConfigurations.map((c) => c.name);
    const named = entry.ipconfigurationId?.split("/").at(-1);
    if (named !== undefined && !known.includes(named)) {
      report.add(
        [...path, "ipconfigurationId"],
        "ResourceNotFound",
        "no such IP configuration",
        known.join(", "),
        named,
      );
    }
    (entry.customBgpIpAddresses ?? []).forEach((text, n) => {
      const place: Finding["path"] = [...path, "customBgpIpAddresses", n];
      if (!inRange(text, "169.254.21.0", "169.254.22.255")) {
        report.add(
          place,
          "InvalidApipaAddress",
          "outside the range for the gateway's APIPA addresses",
          "169.254.21.0 to 169.254.22.255",
          text,
        );
      }
      if (seen.has(text))
        report.add(place, "BgpPeeringAddressInUse", `${text} is used twice`, "a unique address", text);
      if (file.localNetworkGateways.some((l) => l.properties.bgpSettings?.bgpPeeringAddress === text)) {
        report.add(
          place,
          "BgpPeeringAddressInUse",
          `${text} is the address of a device`,
          "a unique address",
          text,
        );
      }
      seen.add(text);
    });
    if (!activeActive(gateway) && (entry.customBgpIpAddresses ?? []).length > 1) {
      report.add(
        [...path, "customBgpIpAddresses"],
        "InvalidApipaAddress",
        "an active-standby gateway has one APIPA address",
        "one address",
        entry.customBgpIpAddresses?.length,
      );
    }
  });
}

function inRange(text: string, low: string, high: string): boolean {
  const ip = parseIp(text);
  return ip?.family === 4 && ip.value >= parseIp(low)!.value && ip.value <= parseIp(high)!.value;
}

function checkConnections(file: LabFile, report: Report): void {
  file.connections.forEach((connection, i) => {
    const p = connection.properties;
    const at = ["connections", i, "properties"];
    const gateway = find(file.virtualNetworkGateways, p.virtualNetworkGateway1);
    if (gateway === undefined || !p.enableBgp) return;
    if (!gateway.properties.enableBgp) {
      report.add(
        [...at, "enableBgp"],
        "BgpNotEnabledOnGateway",
        `gateway "${gateway.name}" has enableBgp false`,
        "false, or enableBgp on the gateway",
        true,
      );
    }
    const lng = find(file.localNetworkGateways, p.localNetworkGateway2);
    if (lng !== undefined) {
      if (lng.properties.bgpSettings === undefined) {
        report.add(
          [...at, "enableBgp"],
          "BgpSettingsMissing",
          `local network gateway "${lng.name}" has no bgpSettings`,
          "false, or bgpSettings in the local network gateway",
          true,
        );
      } else if (lng.properties.bgpSettings.asn === asnOf(gateway)) {
        report.add(
          [
            "localNetworkGateways",
            file.localNetworkGateways.indexOf(lng),
            "properties",
            "bgpSettings",
            "asn",
          ],
          "SameAsn",
          `both ends of "${connection.name}" have ASN ${asnOf(gateway)}`,
          "two different ASNs",
          asnOf(gateway),
        );
      }
      const peer = lng.properties.bgpSettings?.bgpPeeringAddress;
      if (
        peer !== undefined &&
        isApipa(peer) &&
        seatsOf(file, gateway).some((s) => s.customBgpIps.length === 0)
      ) {
        report.add(
          [...at, "enableBgp"],
          "ApipaAddressMissing",
          `"${lng.name}" has an APIPA address but gateway "${gateway.name}" has none for every instance`,
          "customBgpIpAddresses in the gateway's bgpPeeringAddresses",
          peer,
        );
      }
    }
    const far = find(file.virtualNetworkGateways, p.virtualNetworkGateway2);
    if (far !== undefined && asnOf(far) === asnOf(gateway) && far !== gateway) {
      report.add(
        [
          "virtualNetworkGateways",
          file.virtualNetworkGateways.indexOf(gateway),
          "properties",
          "bgpSettings",
          "asn",
        ],
        "SameAsn",
        `both ends of "${connection.name}" have ASN ${asnOf(gateway)}`,
        "two different ASNs",
        asnOf(gateway),
      );
    }
    (p.gatewayCustomBgpIpAddresses ?? []).forEach((entry, k) => {
      const seat = seatsOf(file, gateway).find(
        (s) => s.ipConfiguration === entry.ipConfigurationId.split("/").at(-1),
      );
      if (seat === undefined || !seat.customBgpIps.includes(entry.customBgpIpAddress)) {
        report.add(
          [...at, "gatewayCustomBgpIpAddresses", k],
          "ResourceNotFound",
          "the gateway has no such custom BGP address on this IP configuration",
          "one of its customBgpIpAddresses",
          entry.customBgpIpAddress,
        );
      }
    });
  });
  for (const gateway of file.virtualNetworkGateways) sameSite(file, gateway, report);
}

/** Two connections of one gateway to the same site need BGP on both (§1.1). */
function sameSite(file: LabFile, gateway: LabFile["virtualNetworkGateways"][number], report: Report): void {
  const bySite = new Map<string, LabFile["connections"]>();
  for (const connection of connectionsOf(file, gateway)) {
    const lng = find(file.localNetworkGateways, connection.properties.localNetworkGateway2);
    const device = lng === undefined ? undefined : deviceBehind(file, lng);
    if (device !== undefined) bySite.set(siteOf(device), [...(bySite.get(siteOf(device)) ?? []), connection]);
  }
  for (const [site, connections] of bySite) {
    if (connections.length < 2) continue;
    for (const connection of connections.filter((c) => !c.properties.enableBgp)) {
      report.add(
        ["connections", file.connections.indexOf(connection), "properties", "enableBgp"],
        "BgpRequired",
        `${connections.length} connections lead to site "${site}"; that needs BGP on each`,
        "true",
        false,
      );
    }
  }
}
