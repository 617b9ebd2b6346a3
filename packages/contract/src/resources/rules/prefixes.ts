/** Addresses and prefixes: well formed, inside what holds them, and not overlapping what they must not. */

import { UNDERLAY_PREFIXES } from "../compile/underlay.ts";
import type { Finding } from "../finding.ts";
import { networkContains, networkContainsIp, networksOverlap, parseIp, parseNetwork } from "../ip-network.ts";
import type { LabFile } from "../lab-file.ts";
import { deviceBehind, lngPrefixes, lngStaticPrefixes, siteOf } from "../resolve.ts";
import type { Report } from "./report.ts";

interface Place {
  readonly text: string;
  readonly path: Finding["path"];
  readonly owner: string;
  /** Places with the same group may overlap (one site seen through two LNGs with BGP). */
  readonly group: string;
}

export function checkPrefixes(file: LabFile, report: Report): void {
  checkAddresses(file, report);
  const vnets = vnetPlaces(file);
  const lngs = lngPlaces(file);
  const sites = file.tandem.devices.flatMap((device, i) =>
    (device.addressPrefixes ?? []).map((text, k) => ({
      text,
      path: ["tandem", "devices", i, "addressPrefixes", k],
      owner: `device "${device.name}"`,
      group: `site:${siteOf(device)}`,
    })),
  );
  const pools = file.virtualNetworkGateways.flatMap((gateway, i) =>
    (gateway.properties.vpnClientConfiguration?.vpnClientAddressPool.addressPrefixes ?? []).map(
      (text, k) => ({
        text,
        path: [
          "virtualNetworkGateways",
          i,
          "properties",
          "vpnClientConfiguration",
          "vpnClientAddressPool",
          "addressPrefixes",
          k,
        ],
        owner: `the client pool of "${gateway.name}"`,
        group: `pool:${gateway.name}`,
      }),
    ),
  );
  const all = [...vnets, ...lngs, ...sites, ...pools];
  const good = all.filter((place) => wellFormed(place, report));
  checkSubnets(file, report);
  overlaps(good, report);
  checkSitePrefixes(file, report);
}

function vnetPlaces(file: LabFile): Place[] {
  return file.virtualNetworks.flatMap((vnet, i) =>
    vnet.properties.addressSpace.addressPrefixes.map((text, k) => ({
      text,
      path: ["virtualNetworks", i, "properties", "addressSpace", "addressPrefixes", k],
      owner: `virtual network "${vnet.name}"`,
      group: `vnet:${vnet.name}`,
    })),
  );
}

function lngPlaces(file: LabFile): Place[] {
  return file.localNetworkGateways.flatMap((lng, i) => {
    const device = deviceBehind(file, lng);
    return lngPrefixes(lng).map((text, k) => ({
      text,
      path: ["localNetworkGateways", i, "properties", "localNetworkAddressSpace", "addressPrefixes", k],
      owner: `local network gateway "${lng.name}"`,
      group: device === undefined ? `lng:${lng.name}` : `site:${siteOf(device)}`,
    }));
  });
}

function wellFormed(place: Place, report: Report): boolean {
  const network = parseNetwork(place.text);
  if (network === undefined) {
    report.add(
      place.path,
      "InvalidAddressPrefixFormat",
      "no address prefix",
      "for example 10.52.0.0/16",
      place.text,
    );
    return false;
  }
  if (network.address !== network.first) {
    report.add(
      place.path,
      "InvalidCIDRNotation",
      "bits are set behind the prefix length",
      "the network's first address",
      place.text,
    );
    return false;
  }
  return true;
}

function overlaps(places: readonly Place[], report: Report): void {
  const underlay = UNDERLAY_PREFIXES.map((p) => parseNetwork(p)!);
  places.forEach((b, j) => {
    const nb = parseNetwork(b.text)!;
    if (nb.length > 0 && underlay.some((u) => networksOverlap(u, nb))) {
      report.add(
        b.path,
        "ReservedForLab",
        `${b.text} overlaps the lab's own links`,
        `outside ${UNDERLAY_PREFIXES.join(" and ")}`,
        b.text,
      );
    }
    for (const a of places.slice(0, j)) {
      const na = parseNetwork(a.text)!;
      if (!networksOverlap(na, nb) || allowed(a, b)) continue;
      report.add(
        b.path,
        "AddressPrefixOverlap",
        `${b.text} of ${b.owner} overlaps ${a.text} of ${a.owner}`,
        "prefixes that do not overlap",
        b.text,
      );
    }
  });
}

/** One site described by its device and by local network gateways is one network; two LNGs must still be disjoint. */
function allowed(a: Place, b: Place): boolean {
  if (a.group !== b.group || a.owner === b.owner) return false;
  const lng = (p: Place): boolean => p.owner.startsWith("local network gateway");
  return !(lng(a) && lng(b));
}

/** Every site needs something behind it, and every LNG says where its packets go: by prefixes or by BGP. */
function checkSitePrefixes(file: LabFile, report: Report): void {
  file.localNetworkGateways.forEach((lng, i) => {
    const at = ["localNetworkGateways", i, "properties"];
    const device = deviceBehind(file, lng);
    if (lngStaticPrefixes(lng).length === 0 && lng.properties.bgpSettings === undefined) {
      report.add(
        at,
        "EmptyAddressSpace",
        `"${lng.name}" has neither prefixes nor BGP`,
        "localNetworkAddressSpace.addressPrefixes, or bgpSettings",
      );
    } else if (
      device !== undefined &&
      lngStaticPrefixes(lng).length === 0 &&
      (device.addressPrefixes ?? []).length === 0
    ) {
      const d = file.tandem.devices.indexOf(device);
      report.add(
        ["tandem", "devices", d],
        "EmptySite",
        `nothing is behind device "${device.name}"`,
        "addressPrefixes for the device, or prefixes in its local network gateway",
        device.name,
      );
    }
  });
}

function checkSubnets(file: LabFile, report: Report): void {
  file.virtualNetworks.forEach((vnet, i) => {
    const spaces = vnet.properties.addressSpace.addressPrefixes.flatMap((p) => parseNetwork(p) ?? []);
    const seen: { text: string; name: string }[] = [];
    vnet.properties.subnets.forEach((subnet, k) => {
      const base = ["virtualNetworks", i, "properties", "subnets", k, "properties"];
      const single = subnet.properties.addressPrefix;
      const entries =
        single === undefined
          ? (subnet.properties.addressPrefixes ?? []).map((text, n) => ({
              text,
              path: [...base, "addressPrefixes", n],
            }))
          : [{ text: single, path: [...base, "addressPrefix"] }];
      if (entries.length === 0)
        report.add(base, "InvalidSubnet", `subnet "${subnet.name}" has no prefix`, "addressPrefix");
      for (const { text, path } of entries) {
        if (!wellFormed({ text, path, owner: subnet.name, group: "" }, report)) continue;
        const network = parseNetwork(text)!;
        if (!spaces.some((s) => networkContains(s, network))) {
          report.add(
            path,
            "NetcfgInvalidSubnet",
            `subnet "${subnet.name}" is not in the address space of "${vnet.name}"`,
            vnet.properties.addressSpace.addressPrefixes.join(", "),
            text,
          );
        }
        const clash = seen.find((s) => networksOverlap(parseNetwork(s.text)!, network));
        if (clash !== undefined) {
          report.add(
            path,
            "NetcfgSubnetRangesOverlap",
            `subnet "${subnet.name}" overlaps subnet "${clash.name}"`,
            "prefixes that do not overlap",
            text,
          );
        }
        seen.push({ text, name: subnet.name });
      }
    });
  });
}

function checkAddresses(file: LabFile, report: Report): void {
  const seen = new Map<string, string>();
  const take = (text: string, path: Finding["path"], owner: string, code: string): void => {
    if (parseIp(text) === undefined) {
      report.add(path, "InvalidIpAddress", "no IP address", "for example 203.0.113.10", text);
      return;
    }
    const other = seen.get(text);
    if (other !== undefined)
      report.add(path, code, `${text} is the public IP of ${other} already`, "a unique public IP", text);
    else seen.set(text, owner);
  };
  file.publicIPAddresses.forEach((ip, i) => {
    take(
      ip.properties.ipAddress,
      ["publicIPAddresses", i, "properties", "ipAddress"],
      `"${ip.name}"`,
      "PublicIPAddressInUse",
    );
  });
  const gateways = new Map(seen);
  file.localNetworkGateways.forEach((lng, i) => {
    const at = ["localNetworkGateways", i, "properties"];
    if (lng.properties.gatewayIpAddress === undefined) {
      if (lng.properties.fqdn === undefined) {
        report.add(
          at,
          "MissingRequiredParameter",
          `"${lng.name}" has no gatewayIpAddress`,
          "the device's public IP",
        );
      }
      return;
    }
    take(
      lng.properties.gatewayIpAddress,
      [...at, "gatewayIpAddress"],
      `local network gateway "${lng.name}"`,
      "LocalNetworkGatewayIpAddressInUse",
    );
  });
  const edges = new Map(gateways);
  const takeEdge = (text: string, path: Finding["path"], owner: string): void => {
    if (parseIp(text) === undefined)
      report.add(path, "InvalidIpAddress", "no IP address", "for example 198.51.100.10", text);
    const other = edges.get(text);
    if (other !== undefined)
      report.add(
        path,
        "PublicIPAddressInUse",
        `${text} is the public IP of ${other} already`,
        "a unique public IP",
        text,
      );
    edges.set(text, owner);
  };
  file.tandem.devices.forEach((device, i) => {
    takeEdge(device.publicIpAddress, ["tandem", "devices", i, "publicIpAddress"], `device "${device.name}"`);
  });
  file.tandem.clients.forEach((client, i) => {
    takeEdge(client.publicIpAddress, ["tandem", "clients", i, "publicIpAddress"], `client "${client.name}"`);
  });
  (file.tandem.hosts ?? []).forEach((host, i) => {
    const vnet = file.virtualNetworks.find((v) => v.name === host.virtualNetwork);
    (host.addresses ?? []).forEach((text, k) => {
      const ip = parseIp(text);
      const path = ["tandem", "hosts", i, "addresses", k];
      if (ip === undefined)
        report.add(path, "InvalidIpAddress", "no IP address", "for example 10.11.0.4", text);
      else if (vnet !== undefined) {
        const inside = vnet.properties.addressSpace.addressPrefixes.some((p) => {
          const network = parseNetwork(p);
          return network !== undefined && networkContainsIp(network, ip);
        });
        if (!inside)
          report.add(
            path,
            "InvalidHostAddress",
            `${text} is not in "${vnet.name}"`,
            vnet.properties.addressSpace.addressPrefixes.join(", "),
            text,
          );
      }
    });
  });
}
