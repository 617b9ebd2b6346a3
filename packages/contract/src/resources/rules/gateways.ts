/** A gateway's SKU, its IP configurations, its subnet (azure-vpn-gateway §1.1, §4, §5.1). */
import { parseNetwork } from "../ip-network.ts";
import type { LabFile } from "../lab-file.ts";
import { activeActive, connectionsOf, find, referencedName, subnetReference, vnetOf } from "../resolve.ts";
import type { Report } from "./report.ts";
import { SKU_NAMES, skuLimits } from "./sku-limits.ts";

/** A /29 is the smallest GatewaySubnet (§5.1); active-active addresses .4 and .5 fit into it. */
const SMALLEST_SUBNET = 29;

export function checkGateways(file: LabFile, report: Report): void {
  const vnets = new Map<string, string>();
  const usedIps = new Map<string, string>();
  file.virtualNetworkGateways.forEach((gateway, i) => {
    const p = gateway.properties;
    const at = ["virtualNetworkGateways", i, "properties"];
    const limits = skuLimits(p.sku.name, p.vpnGatewayGeneration);
    if (limits === undefined) {
      const known = SKU_NAMES.includes(p.sku.name);
      report.add(
        [...at, known ? "vpnGatewayGeneration" : "sku", ...(known ? [] : ["name"])],
        "InvalidGatewaySize",
        known ? `${p.sku.name} does not exist in ${p.vpnGatewayGeneration}` : "no such SKU",
        known ? "the other generation" : SKU_NAMES.join(", "),
        known ? p.vpnGatewayGeneration : p.sku.name,
      );
    } else {
      if (activeActive(gateway) && !limits.activeActive) {
        report.add(
          [...at, "sku", "name"],
          "InvalidGatewaySize",
          "this SKU does not allow active-active",
          "HighPerformance or VpnGw1 and above (not Basic, not Standard)",
          p.sku.name,
        );
      }
      if (p.enableBgp && !limits.bgp) {
        report.add(
          [...at, "enableBgp"],
          "InvalidGatewaySize",
          `${p.sku.name} has no BGP`,
          "false, or another SKU",
          true,
        );
      }
      const count = connectionsOf(file, gateway).length;
      if (count > limits.tunnels) {
        report.add(
          [...at, "sku", "name"],
          "TunnelLimitExceeded",
          `${count} connections are more than ${p.sku.name} allows`,
          `at most ${limits.tunnels} connections`,
          p.sku.name,
        );
      }
      const clients = file.tandem.clients.length;
      if (p.vpnClientConfiguration !== undefined && clients > limits.clients) {
        report.add(
          [...at, "vpnClientConfiguration"],
          "VpnClientLimitExceeded",
          limits.clients === 0
            ? `${p.sku.name} has no point-to-site by IKEv2`
            : `${clients} clients are too many`,
          limits.clients === 0 ? "another SKU" : `at most ${limits.clients} clients`,
        );
      }
    }
    checkIpConfigurations(file, gateway, at, report);
    gateway.properties.ipConfigurations.forEach((configuration, k) => {
      const ip = referencedName(configuration.properties.publicIPAddress);
      const owner = usedIps.get(ip);
      if (owner !== undefined) {
        report.add(
          [...at, "ipConfigurations", k, "properties", "publicIPAddress"],
          "PublicIPAddressInUse",
          `public IP "${ip}" belongs to ${owner} already`,
          "a public IP of its own",
          ip,
        );
      }
      usedIps.set(ip, `${gateway.name}/${configuration.name}`);
    });
    const vnet = vnetOf(file, gateway);
    if (vnet !== undefined) {
      const other = vnets.get(vnet.name);
      if (other !== undefined) {
        report.add(
          at,
          "VnetHasGateway",
          `virtual network "${vnet.name}" has gateway "${other}" already`,
          "one VPN gateway per virtual network",
          vnet.name,
        );
      }
      vnets.set(vnet.name, gateway.name);
    }
  });
}

function checkIpConfigurations(
  file: LabFile,
  gateway: LabFile["virtualNetworkGateways"][number],
  at: (string | number)[],
  report: Report,
): void {
  const configurations = gateway.properties.ipConfigurations;
  if (activeActive(gateway) && configurations.length !== 2) {
    report.add(
      [...at, "ipConfigurations"],
      "ActiveActiveGatewayMustHaveExactlyTwoIpConfigurations",
      `gateway "${gateway.name}" has ${configurations.length} IP configurations; an active-active gateway has two`,
      "exactly two, each with a public IP of its own",
      configurations.length,
    );
  }
  if (!activeActive(gateway) && configurations.length !== 1) {
    report.add(
      [...at, "ipConfigurations"],
      "ActiveStandbyGatewayMustHaveExactlyOneIpConfiguration",
      `gateway "${gateway.name}" has ${configurations.length} IP configurations but is not active-active`,
      "exactly one, or activeActive: true",
      configurations.length,
    );
  }
  configurations.forEach((configuration, k) => {
    const path = [...at, "ipConfigurations", k, "properties"];
    const publicIp = find(file.publicIPAddresses, configuration.properties.publicIPAddress);
    if (activeActive(gateway) && publicIp !== undefined) {
      const dynamic =
        publicIp.properties.publicIPAllocationMethod === "Dynamic" || publicIp.sku?.name === "Basic";
      if (dynamic) {
        report.add(
          [...path, "publicIPAddress"],
          "PublicIPAddressMustBeStandardStatic",
          "active-active needs public IPs of SKU Standard with Static allocation",
          'sku.name "Standard", publicIPAllocationMethod "Static"',
          publicIp.name,
        );
      }
    }
    const reference = subnetReference(configuration.properties.subnet);
    if (reference === undefined) return;
    if (reference.subnet !== "GatewaySubnet") {
      report.add(
        [...path, "subnet"],
        "InvalidGatewaySubnet",
        "the gateway's subnet must be named GatewaySubnet",
        "GatewaySubnet",
        reference.subnet,
      );
    }
  });
  const vnet = vnetOf(file, gateway);
  if (vnet === undefined) return;
  const v = file.virtualNetworks.indexOf(vnet);
  const s = vnet.properties.subnets.findIndex((x) => x.name === "GatewaySubnet");
  if (s < 0) {
    report.add(
      ["virtualNetworks", v, "properties", "subnets"],
      "InvalidGatewaySubnet",
      `"${vnet.name}" has no GatewaySubnet`,
      "a subnet named GatewaySubnet",
    );
    return;
  }
  const properties = vnet.properties.subnets[s]!.properties;
  const text = properties.addressPrefix ?? properties.addressPrefixes?.[0];
  const network = text === undefined ? undefined : parseNetwork(text);
  const path = [
    "virtualNetworks",
    v,
    "properties",
    "subnets",
    s,
    "properties",
    properties.addressPrefix === undefined ? "addressPrefixes" : "addressPrefix",
  ];
  if (network === undefined) return; // rules/prefixes.ts says so
  if (network.family === 4 && network.length > SMALLEST_SUBNET) {
    report.add(
      path,
      "GatewaySubnetTooSmall",
      "the GatewaySubnet is too small",
      "a /29 or larger; /27 is recommended",
      text,
    );
  }
}
