/** One refusal per rule: a change to a good lab file, and the finding that it must give. */
import { describe, expect, test } from "vitest";
import { checkRules, formatPath, type LabFileInput, parseLabFile } from "../../src/index.ts";
import { readLab, topologies } from "./lab-files.ts";

// biome-ignore lint/suspicious/noExplicitAny: the point is to write what the types forbid
type Any = any;

interface Case {
  readonly rule: string;
  readonly topology?: string;
  readonly change: (file: Any) => void;
  readonly code: string;
  readonly path: string;
}

const gw = (f: Any): Any => f.virtualNetworkGateways[0].properties;
const conn = (f: Any, i = 0): Any => f.connections[i].properties;
const lng = (f: Any, i = 0): Any => f.localNetworkGateways[i].properties;
const policy = (f: Any): Any => conn(f).ipsecPolicies[0];
const GATEWAY = "virtualNetworkGateways[0].properties";
const CONNECTION = "connections[0].properties";
const LNG = "localNetworkGateways[0].properties";
const POLICY = `${CONNECTION}.ipsecPolicies[0]`;

const manyConnections = (n: number) => (f: Any) => {
  for (let i = 0; i < n; i++) {
    f.localNetworkGateways.push({
      name: `l${i}`,
      properties: {
        gatewayIpAddress: `192.0.2.${i + 1}`,
        localNetworkAddressSpace: { addressPrefixes: [`10.${100 + i}.0.0/16`] },
      },
    });
    f.tandem.devices.push({ name: `d${i}`, publicIpAddress: `192.0.2.${i + 1}` });
    f.connections.push({
      name: `c${i}`,
      properties: { connectionType: "IPsec", virtualNetworkGateway1: "gw", localNetworkGateway2: `l${i}` },
    });
  }
};

const cases: readonly Case[] = [
  // Local network gateways
  {
    rule: "LNG public IPs are unique",
    topology: "dual-redundancy",
    change: (f) => {
      lng(f, 1).gatewayIpAddress = lng(f, 0).gatewayIpAddress;
    },
    code: "LocalNetworkGatewayIpAddressInUse",
    path: "localNetworkGateways[1].properties.gatewayIpAddress",
  },
  {
    rule: "BGP peer addresses are unique",
    topology: "dual-redundancy",
    change: (f) => {
      lng(f, 1).bgpSettings.bgpPeeringAddress = lng(f, 0).bgpSettings.bgpPeeringAddress;
    },
    code: "BgpPeeringAddressInUse",
    path: "localNetworkGateways[1].properties.bgpSettings.bgpPeeringAddress",
  },
  {
    rule: "LNG prefixes do not overlap",
    topology: "dual-redundancy",
    change: (f) => {
      for (const i of [0, 1]) lng(f, i).localNetworkAddressSpace.addressPrefixes = ["10.60.0.0/16"];
    },
    code: "AddressPrefixOverlap",
    path: "localNetworkGateways[1].properties.localNetworkAddressSpace.addressPrefixes[0]",
  },
  {
    rule: "LNG and VNet prefixes do not overlap",
    change: (f) => {
      lng(f).localNetworkAddressSpace.addressPrefixes = ["10.11.128.0/17"];
    },
    code: "AddressPrefixOverlap",
    path: `${LNG}.localNetworkAddressSpace.addressPrefixes[0]`,
  },
  {
    rule: "an LNG has no list of peering addresses",
    topology: "active-standby",
    change: (f) => {
      lng(f).bgpSettings.bgpPeeringAddresses = [{}];
    },
    code: "LocalNetworkGatewayBgpPeeringAddressesMustbeNull",
    path: `${LNG}.bgpSettings.bgpPeeringAddresses`,
  },
  {
    rule: "a BGP address is not the device's public IP",
    topology: "active-standby",
    change: (f) => {
      lng(f).bgpSettings.bgpPeeringAddress = lng(f).gatewayIpAddress;
    },
    code: "InvalidBgpPeeringAddress",
    path: `${LNG}.bgpSettings.bgpPeeringAddress`,
  },
  {
    rule: "a BGP address is not in the VNet",
    topology: "active-standby",
    change: (f) => {
      lng(f).bgpSettings.bgpPeeringAddress = "10.11.0.9";
    },
    code: "InvalidBgpPeeringAddress",
    path: `${LNG}.bgpSettings.bgpPeeringAddress`,
  },
  {
    rule: "an LNG has prefixes or BGP",
    change: (f) => {
      lng(f).localNetworkAddressSpace.addressPrefixes = [];
    },
    code: "EmptyAddressSpace",
    path: LNG,
  },
  // BGP
  {
    rule: "two connections to one site need BGP",
    topology: "dual-redundancy",
    change: (f) => {
      conn(f, 1).enableBgp = false;
    },
    code: "BgpRequired",
    path: "connections[1].properties.enableBgp",
  },
  ...[23_456, 64_500, 65_540, 0].map((asn) => ({
    rule: `ASN ${asn} is not for a gateway`,
    topology: "active-standby",
    change: (f: Any) => {
      gw(f).bgpSettings.asn = asn;
    },
    code: "InvalidAsn",
    path: `${GATEWAY}.bgpSettings.asn`,
  })),
  ...[8074, 8075, 12_076, 65_515, 65_517, 65_518, 65_519, 65_520, 64_496].map((asn) => ({
    rule: `ASN ${asn} is not for a device`,
    topology: "active-standby",
    change: (f: Any) => {
      lng(f).bgpSettings.asn = asn;
    },
    code: "InvalidAsn",
    path: `${LNG}.bgpSettings.asn`,
  })),
  {
    rule: "the two ends have different ASNs",
    topology: "active-standby",
    change: (f) => {
      gw(f).bgpSettings.asn = 65_050;
    },
    code: "SameAsn",
    path: `${LNG}.bgpSettings.asn`,
  },
  {
    rule: "a BGP connection needs BGP on the gateway",
    topology: "active-standby",
    change: (f) => {
      gw(f).enableBgp = false;
    },
    code: "BgpNotEnabledOnGateway",
    path: `${CONNECTION}.enableBgp`,
  },
  {
    rule: "a BGP connection needs BGP settings in the LNG",
    topology: "active-standby",
    change: (f) => {
      delete lng(f).bgpSettings;
    },
    code: "BgpSettingsMissing",
    path: `${CONNECTION}.enableBgp`,
  },
  {
    rule: "the gateway's APIPA addresses are in 169.254.21.0-22.255",
    topology: "active-standby",
    change: (f) => {
      gw(f).bgpSettings.bgpPeeringAddresses = [{ customBgpIpAddresses: ["169.254.30.1"] }];
    },
    code: "InvalidApipaAddress",
    path: `${GATEWAY}.bgpSettings.bgpPeeringAddresses[0].customBgpIpAddresses[0]`,
  },
  {
    rule: "active-standby has one APIPA address",
    topology: "active-standby",
    change: (f) => {
      gw(f).bgpSettings.bgpPeeringAddresses = [{ customBgpIpAddresses: ["169.254.21.1", "169.254.21.5"] }];
    },
    code: "InvalidApipaAddress",
    path: `${GATEWAY}.bgpSettings.bgpPeeringAddresses[0].customBgpIpAddresses`,
  },
  {
    rule: "an APIPA peer needs an APIPA address on the gateway",
    topology: "active-standby",
    change: (f) => {
      lng(f).bgpSettings.bgpPeeringAddress = "169.254.21.2";
      lng(f).localNetworkAddressSpace.addressPrefixes = [];
    },
    code: "ApipaAddressMissing",
    path: `${CONNECTION}.enableBgp`,
  },
  // Gateways
  ...["Basic", "Standard"].map((name) => ({
    rule: `${name} does not allow active-active`,
    topology: "active-active",
    change: (f: Any) => {
      gw(f).sku.name = name;
      gw(f).vpnGatewayGeneration = "None";
    },
    code: "InvalidGatewaySize",
    path: `${GATEWAY}.sku.name`,
  })),
  {
    rule: "Basic has no BGP",
    topology: "active-standby",
    change: (f) => {
      gw(f).sku.name = "Basic";
      gw(f).vpnGatewayGeneration = "None";
    },
    code: "InvalidGatewaySize",
    path: `${GATEWAY}.enableBgp`,
  },
  {
    rule: "a SKU has a name that exists",
    change: (f) => {
      gw(f).sku.name = "VpnGw9";
    },
    code: "InvalidGatewaySize",
    path: `${GATEWAY}.sku.name`,
  },
  {
    rule: "VpnGw5 is of generation 2",
    change: (f) => {
      gw(f).sku.name = "VpnGw5";
      gw(f).vpnGatewayGeneration = "Generation1";
    },
    code: "InvalidGatewaySize",
    path: `${GATEWAY}.vpnGatewayGeneration`,
  },
  {
    rule: "active-active has exactly two public IPs",
    topology: "active-active",
    change: (f) => {
      gw(f).ipConfigurations.pop();
    },
    code: "ActiveActiveGatewayMustHaveExactlyTwoIpConfigurations",
    path: `${GATEWAY}.ipConfigurations`,
  },
  {
    rule: "active-standby has one public IP",
    topology: "active-active",
    change: (f) => {
      gw(f).activeActive = false;
    },
    code: "ActiveStandbyGatewayMustHaveExactlyOneIpConfiguration",
    path: `${GATEWAY}.ipConfigurations`,
  },
  {
    rule: "active-active has public IPs of SKU Standard",
    topology: "active-active",
    change: (f) => {
      f.publicIPAddresses[1].properties.publicIPAllocationMethod = "Dynamic";
    },
    code: "PublicIPAddressMustBeStandardStatic",
    path: `${GATEWAY}.ipConfigurations[1].properties.publicIPAddress`,
  },
  {
    rule: "two configurations have two public IPs",
    topology: "active-active",
    change: (f) => {
      gw(f).ipConfigurations[1].properties.publicIPAddress = "gw-ip0";
    },
    code: "PublicIPAddressInUse",
    path: `${GATEWAY}.ipConfigurations[1].properties.publicIPAddress`,
  },
  ...[
    { sku: "Basic", n: 10 },
    { sku: "Standard", n: 10 },
    { sku: "HighPerformance", n: 30 },
    { sku: "VpnGw2AZ", n: 30 },
    { sku: "VpnGw4", n: 100 },
  ].map(({ sku, n }) => ({
    rule: `${sku} has at most ${n} connections`,
    change: (f: Any) => {
      gw(f).sku.name = sku;
      gw(f).vpnGatewayGeneration = "None";
      manyConnections(n)(f);
    },
    code: "TunnelLimitExceeded",
    path: `${GATEWAY}.sku.name`,
  })),
  {
    rule: "a GatewaySubnet is a /29 at least",
    change: (f) => {
      f.virtualNetworks[0].properties.subnets[1].properties.addressPrefix = "10.12.255.0/30";
    },
    code: "GatewaySubnetTooSmall",
    path: "virtualNetworks[0].properties.subnets[1].properties.addressPrefix",
  },
  {
    rule: "the gateway's subnet is named GatewaySubnet",
    change: (f) => {
      gw(f).ipConfigurations[0].properties.subnet = "vnet1/backend";
    },
    code: "InvalidGatewaySubnet",
    path: `${GATEWAY}.ipConfigurations[0].properties.subnet`,
  },
  {
    rule: "one gateway per virtual network",
    topology: "vnet-to-vnet",
    change: (f) => {
      for (const c of f.virtualNetworkGateways[1].properties.ipConfigurations) {
        c.properties.subnet = "vnet1/GatewaySubnet";
      }
    },
    code: "VnetHasGateway",
    path: "virtualNetworkGateways[1].properties",
  },
  {
    rule: "a subnet lies in its virtual network",
    change: (f) => {
      f.virtualNetworks[0].properties.subnets[0].properties.addressPrefix = "10.99.0.0/24";
    },
    code: "NetcfgInvalidSubnet",
    path: "virtualNetworks[0].properties.subnets[0].properties.addressPrefix",
  },
  {
    rule: "subnets do not overlap",
    change: (f) => {
      f.virtualNetworks[0].properties.subnets[0].properties.addressPrefix = "10.12.0.0/16";
    },
    code: "NetcfgSubnetRangesOverlap",
    path: "virtualNetworks[0].properties.subnets[1].properties.addressPrefix",
  },
  // Connections
  {
    rule: "a shared key has no hyphen",
    change: (f) => {
      conn(f).sharedKey = "with-hyphen";
    },
    code: "InvalidSharedKey",
    path: `${CONNECTION}.sharedKey`,
  },
  {
    rule: "a shared key has at most 128 characters",
    change: (f) => {
      conn(f).sharedKey = "x".repeat(129);
    },
    code: "InvalidSharedKey",
    path: `${CONNECTION}.sharedKey`,
  },
  ...[8, 3601].map((n) => ({
    rule: `a DPD timeout of ${n} s is out of range`,
    change: (f: Any) => {
      conn(f).dpdTimeoutSeconds = n;
    },
    code: "InvalidDpdTimeout",
    path: `${CONNECTION}.dpdTimeoutSeconds`,
  })),
  {
    rule: "a policy is complete",
    topology: "active-standby",
    change: (f) => {
      delete policy(f).pfsGroup;
    },
    code: "IncompleteIpsecPolicy",
    path: POLICY,
  },
  {
    rule: "a policy's words are known",
    topology: "active-standby",
    change: (f) => {
      policy(f).dhGroup = "DHGroup5";
    },
    code: "InvalidIpsecPolicy",
    path: `${POLICY}.dhGroup`,
  },
  {
    rule: "GCM stands in both ESP fields",
    topology: "active-standby",
    change: (f) => {
      policy(f).ipsecIntegrity = "SHA256";
    },
    code: "InvalidIpsecPolicy",
    path: `${POLICY}.ipsecIntegrity`,
  },
  {
    rule: "an SA lives 300 s at least",
    topology: "active-standby",
    change: (f) => {
      policy(f).saLifeTimeSeconds = 299;
    },
    code: "InvalidIpsecPolicy",
    path: `${POLICY}.saLifeTimeSeconds`,
  },
  {
    rule: "an SA carries 1024 KB at least",
    topology: "active-standby",
    change: (f) => {
      policy(f).saDataSizeKilobytes = 1000;
    },
    code: "InvalidIpsecPolicy",
    path: `${POLICY}.saDataSizeKilobytes`,
  },
  {
    rule: "a connection has one policy at most",
    topology: "active-standby",
    change: (f) => {
      conn(f).ipsecPolicies.push(policy(f));
    },
    code: "TooManyIpsecPolicies",
    path: `${CONNECTION}.ipsecPolicies`,
  },
  {
    rule: "policy-based selectors need a policy",
    change: (f) => {
      conn(f).usePolicyBasedTrafficSelectors = true;
    },
    code: "IpsecPolicyRequired",
    path: `${CONNECTION}.usePolicyBasedTrafficSelectors`,
  },
  {
    rule: "a connection mode exists",
    change: (f) => {
      conn(f).connectionMode = "Both";
    },
    code: "InvalidConnectionMode",
    path: `${CONNECTION}.connectionMode`,
  },
  {
    rule: "one connection per pair",
    change: (f) => {
      f.connections.push({ ...f.connections[0], name: "again" });
    },
    code: "ConnectionExists",
    path: "connections[1].properties",
  },
  // VNet-to-VNet
  {
    rule: "VNet-to-VNet has a connection on each side",
    topology: "vnet-to-vnet",
    change: (f) => {
      f.connections.pop();
    },
    code: "CounterpartMissing",
    path: CONNECTION,
  },
  {
    rule: "both sides have the same shared key",
    topology: "vnet-to-vnet",
    change: (f) => {
      conn(f, 1).sharedKey = "Other1";
    },
    code: "SharedKeyMismatch",
    path: "connections[1].properties.sharedKey",
  },
  {
    rule: "both sides have the same policy",
    topology: "vnet-to-vnet",
    change: (f) => {
      conn(f, 1).ipsecPolicies = [{ ...policy(f), dhGroup: "ECP384" }];
    },
    code: "IpsecPolicyMismatch",
    path: "connections[1].properties.ipsecPolicies",
  },
  {
    rule: "both sides agree about BGP",
    topology: "vnet-to-vnet",
    change: (f) => {
      conn(f, 1).enableBgp = false;
    },
    code: "EnableBgpMismatch",
    path: "connections[1].properties.enableBgp",
  },
  {
    rule: "both sides have different ASNs",
    topology: "vnet-to-vnet",
    change: (f) => {
      f.virtualNetworkGateways[1].properties.bgpSettings.asn = 65_010;
    },
    code: "SameAsn",
    path: `${GATEWAY}.bgpSettings.asn`,
  },
  // References and names
  {
    rule: "a reference leads somewhere",
    change: (f) => {
      conn(f).localNetworkGateway2 = "nowhere";
    },
    code: "ResourceNotFound",
    path: `${CONNECTION}.localNetworkGateway2`,
  },
  {
    rule: "a reference leads to the right kind",
    change: (f) => {
      conn(f).virtualNetworkGateway1 = { id: "/subscriptions/x/localNetworkGateways/onprem" };
    },
    code: "InvalidJsonReferenceWrongType",
    path: `${CONNECTION}.virtualNetworkGateway1`,
  },
  {
    rule: "an LNG has a device",
    change: (f) => {
      lng(f).gatewayIpAddress = "198.51.100.99";
    },
    code: "NoDevice",
    path: `${LNG}.gatewayIpAddress`,
  },
  {
    rule: "a prefix is a prefix",
    change: (f) => {
      lng(f).localNetworkAddressSpace.addressPrefixes = ["10.52.0.0/33"];
    },
    code: "InvalidAddressPrefixFormat",
    path: `${LNG}.localNetworkAddressSpace.addressPrefixes[0]`,
  },
  {
    rule: "a prefix has no host bits",
    change: (f) => {
      lng(f).localNetworkAddressSpace.addressPrefixes = ["10.52.1.1/16"];
    },
    code: "InvalidCIDRNotation",
    path: `${LNG}.localNetworkAddressSpace.addressPrefixes[0]`,
  },
  {
    rule: "the lab's own links are not for resources",
    change: (f) => {
      lng(f).localNetworkAddressSpace.addressPrefixes = ["100.64.0.0/24"];
    },
    code: "ReservedForLab",
    path: `${LNG}.localNetworkAddressSpace.addressPrefixes[0]`,
  },
  // What Tandem does not have
  ...(
    [
      ["IKEv1", (f) => (conn(f).connectionProtocol = "IKEv1"), `${CONNECTION}.connectionProtocol`],
      ["PolicyBased", (f) => (gw(f).vpnType = "PolicyBased"), `${GATEWAY}.vpnType`],
      ["ExpressRoute gateways", (f) => (gw(f).gatewayType = "ExpressRoute"), `${GATEWAY}.gatewayType`],
      [
        "ExpressRoute connections",
        (f) => (conn(f).connectionType = "ExpressRoute"),
        `${CONNECTION}.connectionType`,
      ],
      ["NAT rules", (f) => (gw(f).natRules = [{ name: "n" }]), `${GATEWAY}.natRules`],
      [
        "NAT rules on connections",
        (f) => (conn(f).egressNatRules = [{ id: "n" }]),
        `${CONNECTION}.egressNatRules`,
      ],
      ["customRoutes", (f) => (gw(f).customRoutes = { addressPrefixes: [] }), `${GATEWAY}.customRoutes`],
      [
        "certificate site-to-site",
        (f) => (conn(f).authenticationType = "Certificate"),
        `${CONNECTION}.authenticationType`,
      ],
      ["private IPs", (f) => (gw(f).enablePrivateIpAddress = true), `${GATEWAY}.enablePrivateIpAddress`],
    ] as [string, (f: Any) => void, string][]
  ).map(([what, change, path]) => ({
    rule: `${what}: refused by name`,
    change,
    code: "NotSupportedByTandem",
    path,
  })),
  ...(
    [
      ["OpenVPN", (c) => (c.vpnClientProtocols = ["OpenVPN"]), "vpnClientProtocols[0]"],
      ["SSTP", (c) => (c.vpnClientProtocols = ["SSTP"]), "vpnClientProtocols[0]"],
      ["RADIUS", (c) => (c.vpnAuthenticationTypes = ["Radius"]), "vpnAuthenticationTypes[0]"],
      ["AAD", (c) => (c.aadTenant = "x"), "aadTenant"],
    ] as [string, (c: Any) => void, string][]
  ).map(([what, change, path]) => ({
    rule: `${what}: refused by name`,
    topology: "point-to-site",
    change: (f: Any) => change(gw(f).vpnClientConfiguration),
    code: "NotSupportedByTandem",
    path: `${GATEWAY}.vpnClientConfiguration.${path}`,
  })),
];

const findingsOf = (file: LabFileInput) => {
  const parsed = parseLabFile(file);
  return parsed.ok ? checkRules(parsed.file) : parsed.findings;
};

describe("rules", () => {
  test.each(topologies)("%s has no findings", (topology) => {
    expect(findingsOf(readLab(topology))).toEqual([]);
  });

  test.each(cases.map((c) => [c.rule, c] as const))("%s", (_rule, { topology, change, code, path }) => {
    const file = readLab(topology ?? "site-to-site");
    change(file);
    const found = findingsOf(file).map((f) => ({ code: f.code, path: formatPath(f.path) }));
    expect(found).toContainEqual({ code, path });
  });

  test("a finding never shows a shared key", () => {
    const file = readLab("site-to-site") as Any;
    conn(file).sharedKey = "secret-with-hyphen";
    const found = findingsOf(file);
    conn(file).sharedKey = { secret: "secret-with-hyphen" };
    expect(JSON.stringify([found, findingsOf(file)])).not.toContain("secret-with");
  });

  test("a limit is met exactly", () => {
    const file = readLab("site-to-site") as Any;
    manyConnections(29)(file);
    expect(findingsOf(file)).toEqual([]);
  });
});

describe("shape", () => {
  test("an unknown word in the tandem section is refused", () => {
    const file = readLab("site-to-site") as Any;
    file.tandem.optoins = {};
    expect(findingsOf(file)[0]).toMatchObject({
      path: ["tandem", "optoins"],
      accepted: expect.stringContaining("optoins"),
    });
  });

  test("unknown properties of a resource are kept", () => {
    const file = readLab("site-to-site") as Any;
    gw(file).resourceGuid = "x";
    expect(findingsOf(file)).toEqual([]);
  });
});
