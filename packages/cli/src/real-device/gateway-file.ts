/** A lab file for a gateway on a real network, in the cloud's resource shapes. */
import { randomBytes } from "node:crypto";

export interface RealDevice {
  readonly name: string;
  readonly publicIp: string;
  readonly asn?: number;
  readonly bgpIp?: string;
  readonly prefixes: readonly string[];
  readonly psk?: string;
}

export interface RealGateway {
  readonly name: string;
  readonly outside: { readonly interface: string; readonly nextHop?: string; readonly address?: string };
  readonly publicIps: readonly string[];
  readonly devices: readonly RealDevice[];
  readonly vnetPrefixes: readonly string[];
  readonly asn: number;
  readonly profile?: string;
}

const VNET = "vnet";
const GATEWAY = "gw";
const PSK_BYTES = 24;

/** What of the file is read again; somebody may have edited it. */
export interface GatewayFile {
  readonly [section: string]: unknown;
  readonly connections?: readonly {
    readonly name: string;
    readonly properties?: { readonly sharedKey?: string };
  }[];
}

export function gatewayFile(real: RealGateway): GatewayFile {
  const bgp = real.devices.some(({ asn }) => asn !== undefined);
  const activeActive = real.publicIps.length === 2;
  return {
    name: real.name,
    description: `A gateway on ${real.outside.interface} for real devices.`,
    virtualNetworks: [
      {
        name: VNET,
        properties: {
          addressSpace: { addressPrefixes: real.vnetPrefixes },
          subnets: subnetsOf(real.vnetPrefixes[0] ?? ""),
        },
      },
    ],
    publicIPAddresses: real.publicIps.map((ipAddress, i) => ({
      name: `${GATEWAY}-ip${i}`,
      sku: { name: "Standard" },
      properties: { publicIPAllocationMethod: "Static", ipAddress },
    })),
    virtualNetworkGateways: [
      {
        name: GATEWAY,
        properties: {
          gatewayType: "Vpn",
          vpnType: "RouteBased",
          vpnGatewayGeneration: "Generation2",
          sku: { name: "VpnGw2AZ", tier: "VpnGw2AZ" },
          activeActive,
          enableBgp: bgp,
          ipConfigurations: real.publicIps.map((_, i) => ({
            name: i === 0 ? "default" : "activeActive",
            properties: {
              publicIPAddress: { id: `publicIPAddresses/${GATEWAY}-ip${i}` },
              subnet: { id: `virtualNetworks/${VNET}/subnets/GatewaySubnet` },
            },
          })),
          bgpSettings: { asn: real.asn },
        },
      },
    ],
    localNetworkGateways: real.devices.map((device) => ({
      name: `lng-${device.name}`,
      properties: {
        gatewayIpAddress: device.publicIp,
        localNetworkAddressSpace: { addressPrefixes: device.prefixes },
        ...(device.asn === undefined
          ? {}
          : { bgpSettings: { asn: device.asn, bgpPeeringAddress: device.bgpIp } }),
      },
    })),
    connections: real.devices.map((device) => ({
      name: `to-${device.name}`,
      properties: {
        connectionType: "IPsec",
        virtualNetworkGateway1: { id: `virtualNetworkGateways/${GATEWAY}` },
        localNetworkGateway2: { id: `localNetworkGateways/lng-${device.name}` },
        sharedKey: device.psk ?? randomBytes(PSK_BYTES).toString("hex"),
        enableBgp: device.asn !== undefined,
      },
    })),
    tandem: {
      ...(real.profile === undefined ? {} : { profile: real.profile }),
      outside: real.outside,
      devices: real.devices.map((device) => ({
        name: device.name,
        kind: "external",
        publicIpAddress: device.publicIp,
        ...(device.prefixes.length > 0
          ? { addressPrefixes: device.prefixes }
          : { addressPrefixes: [`${device.bgpIp}/32`] }),
      })),
    },
  };
}

/** Of an IPv4 /16 to /24: the first /26 for hosts, the last /27 for the gateway. */
function subnetsOf(prefix: string): { name: string; properties: { addressPrefix: string } }[] {
  const [address = "", length = "0"] = prefix.split("/");
  const base = address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const size = 2 ** (32 - Number(length));
  const text = (n: number): string =>
    [24, 16, 8, 0].map((shift) => Math.floor(n / 2 ** shift) % 256).join(".");
  return [
    { name: "backend", properties: { addressPrefix: `${text(base)}/26` } },
    { name: "GatewaySubnet", properties: { addressPrefix: `${text(base + size - 32)}/27` } },
  ];
}
