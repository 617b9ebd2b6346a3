/**
 * The lab file: resources in the shape of the cloud's own JSON (azure-vpn-gateway §5.1), plus a `tandem` section
 * for what the cloud does not describe: the devices at the other end, hosts, the clock.
 *
 * Resource objects are open (`loose`): properties that mean nothing here are kept. What would change behaviour and is
 * not supported is refused by name in rules/unsupported.ts, never ignored.
 */
import { z } from "zod";
import { Encapsulation, IpsecPolicy } from "../instance-config.ts";
import { Profile } from "../status.ts";

/** A reference by id, by its last segment, or by a bare name. */
export const ResourceReference = z
  .union([z.string(), z.object({ id: z.string() }).loose()])
  .describe("a name, or { id } whose last segment is the name");

const resource = <T extends z.ZodType>(properties: T) =>
  z
    .object({
      name: z.string().min(1),
      id: z.string().optional(),
      type: z.string().optional(),
      location: z.string().optional(),
      tags: z.record(z.string(), z.string()).optional(),
      properties,
    })
    .loose();

const Prefixes = z.array(z.string());

export const VirtualNetwork = resource(
  z
    .object({
      addressSpace: z.object({ addressPrefixes: Prefixes.min(1) }).loose(),
      subnets: z
        .array(
          z
            .object({
              name: z.string(),
              properties: z
                .object({ addressPrefix: z.string().optional(), addressPrefixes: Prefixes.optional() })
                .loose(),
            })
            .loose(),
        )
        .default([]),
    })
    .loose(),
);

export const PublicIpAddress = z
  .object({
    name: z.string().min(1),
    id: z.string().optional(),
    location: z.string().optional(),
    sku: z.object({ name: z.string() }).loose().optional(),
    properties: z
      .object({
        ipAddress: z.string(),
        publicIPAllocationMethod: z.string().optional(),
        publicIPAddressVersion: z.enum(["IPv4", "IPv6"]).optional(),
      })
      .loose(),
  })
  .loose();

export const BgpSettings = z
  .object({
    asn: z.number().int().optional(),
    bgpPeeringAddress: z.string().optional(),
    peerWeight: z.number().optional(),
    bgpPeeringAddresses: z
      .array(
        z
          .object({
            ipconfigurationId: z.string().optional(),
            customBgpIpAddresses: z.array(z.string()).optional(),
          })
          .loose(),
      )
      .optional(),
  })
  .loose();

export const VpnClientConfiguration = z
  .object({
    vpnClientAddressPool: z.object({ addressPrefixes: Prefixes.min(1) }).loose(),
    vpnClientProtocols: z.array(z.string()).optional(),
    vpnAuthenticationTypes: z.array(z.string()).optional(),
    vpnClientRootCertificates: z.array(z.object({ name: z.string() }).loose()).optional(),
    vpnClientRevokedCertificates: z.array(z.object({ name: z.string() }).loose()).optional(),
    vpnClientIpsecPolicies: z.array(z.record(z.string(), z.unknown())).optional(),
  })
  .loose();

export const VirtualNetworkGateway = resource(
  z
    .object({
      ipConfigurations: z
        .array(
          z
            .object({
              name: z.string(),
              properties: z
                .object({
                  publicIPAddress: ResourceReference,
                  subnet: ResourceReference.describe(
                    "…/virtualNetworks/NAME/subnets/GatewaySubnet, or NAME/GatewaySubnet",
                  ),
                  privateIPAllocationMethod: z.string().optional(),
                })
                .loose(),
            })
            .loose(),
        )
        .min(1),
      sku: z.object({ name: z.string(), tier: z.string().optional() }).loose(),
      gatewayType: z.string().default("Vpn"),
      vpnType: z.string().default("RouteBased"),
      vpnGatewayGeneration: z.enum(["None", "Generation1", "Generation2"]).default("None"),
      enableBgp: z.boolean().default(false),
      activeActive: z.boolean().default(false),
      bgpSettings: BgpSettings.optional(),
      vpnClientConfiguration: VpnClientConfiguration.optional(),
      disableIPSecReplayProtection: z.boolean().optional(),
    })
    .loose(),
);

export const LocalNetworkGateway = resource(
  z
    .object({
      gatewayIpAddress: z.string().optional(),
      fqdn: z.string().optional(),
      localNetworkAddressSpace: z
        .object({ addressPrefixes: Prefixes.default([]) })
        .loose()
        .optional(),
      bgpSettings: BgpSettings.optional(),
    })
    .loose(),
);

/** The algorithm words are checked one by one in rules/ipsec-policy.ts, so that the message names the field. */
const PolicyObject = z.record(z.string(), z.unknown());

export const Connection = resource(
  z
    .object({
      virtualNetworkGateway1: ResourceReference,
      virtualNetworkGateway2: ResourceReference.optional(),
      localNetworkGateway2: ResourceReference.optional(),
      connectionType: z.string(),
      connectionProtocol: z.string().optional(),
      connectionMode: z.string().default("Default"),
      sharedKey: z.string().optional(),
      enableBgp: z.boolean().default(false),
      dpdTimeoutSeconds: z.number().optional(),
      routingWeight: z.number().optional(),
      ipsecPolicies: z.array(PolicyObject).default([]),
      usePolicyBasedTrafficSelectors: z.boolean().default(false),
      trafficSelectorPolicies: z
        .array(z.object({ localAddressRanges: Prefixes, remoteAddressRanges: Prefixes }).loose())
        .default([]),
      gatewayCustomBgpIpAddresses: z
        .array(z.object({ ipConfigurationId: z.string(), customBgpIpAddress: z.string() }).loose())
        .optional(),
      authenticationType: z.string().optional(),
    })
    .loose(),
);

export const LabDevice = z.strictObject({
  name: z.string().min(1),
  /** "external": a real device, reached through `tandem.outside`; the lab makes no node for it. */
  kind: z.enum(["tandem", "strongswan", "external"]).default("tandem"),
  /** Equal to the `gatewayIpAddress` of the local network gateway that describes it. */
  publicIpAddress: z.string(),
  /** Devices with the same site stand in front of the same network. Default: the device's own name. */
  site: z.string().optional(),
  /** What is behind it. Default: the address space of its local network gateway. */
  addressPrefixes: Prefixes.optional(),
  /** Who begins where the gateway's connection has mode Default. Default: both for tandem, the gateway for others. */
  connectionMode: z.enum(["Default", "InitiatorOnly", "ResponderOnly"]).optional(),
  dpdTimeoutSeconds: z.number().optional(),
  bgpHoldSeconds: z.number().optional(),
  bgpKeepaliveSeconds: z.number().optional(),
  gracefulRestart: z.boolean().default(true),
  /** AS-path prepending: makes this device the less preferred one. */
  prepend: z.number().int().min(0).max(16).default(0),
  /** Default: the gateway connection's policy, mirrored. */
  ipsecPolicy: IpsecPolicy.optional(),
  /** Default: the gateway connection's key. Another one is a mistake to study: authentication fails. */
  sharedKey: z.string().min(1).max(128).optional(),
});

export const LabClient = z.strictObject({
  name: z.string().min(1),
  kind: z.enum(["tandem", "strongswan"]).default("tandem"),
  publicIpAddress: z.string(),
  /** The virtual network gateway that it dials; may be left out when only one has point-to-site. */
  gateway: z.string().optional(),
});

/** A real network on the outside: the fabric gets an interface of its own there and answers for the seats' public IPs. */
export const LabOutside = z.strictObject({
  /** Of the machine that the lab runs on. */
  interface: z.string().min(1),
  /** The router on that network; without it every device must be a neighbour there. */
  nextHop: z.string().optional(),
  /** The fabric's own address there, "ip/length"; helps neighbours that check the sender of an ARP request. */
  address: z.string().optional(),
});

export const LabHost = z.strictObject({
  name: z.string().min(1),
  /** One of the two: where it is. */
  virtualNetwork: z.string().optional(),
  site: z.string().optional(),
  /** Default: the fourth address of the first prefix (or of the first subnet that is not GatewaySubnet). */
  addresses: z.array(z.string()).optional(),
});

export const LabOptions = z.strictObject({
  encapsulation: Encapsulation.default("auto"),
  tunMtu: z.number().int().min(576).max(9000).default(1400),
  /** 0: as the cloud, whose gateways are not known to clamp; it asks the device for 1350. */
  mssClamp: z.number().int().min(0).max(8960).default(0),
  /** Packets without DF that do not fit the tunnel are fragmented before encryption; off: refused like those with DF. */
  fragment: z.boolean().default(true),
  /** ESP over IPv4 with DF (RFC 4301 §8.1): routers outside tell what fits instead of cutting it. */
  outerDontFragment: z.boolean().default(false),
  replayWindow: z.number().int().min(64).max(4096).default(1024),
  /** BGP hold and keepalive of the gateway. The cloud's are fixed at 180 and 60 and not negotiated down. */
  bgpHoldSeconds: z.number().int().min(3).default(180),
  bgpKeepaliveSeconds: z.number().int().min(1).default(60),
  bgpFixedTimers: z.boolean().default(true),
  /** Unplanned failover of `azure`: the 2016 text (60 to 90 s) or today's (1 to 3 minutes). */
  unplannedTime: z.enum(["2016", "2024"]).default("2016"),
  restart: z.enum(["auto", "manual"]).default("auto"),
  failback: z.enum(["auto", "manual"]).default("auto"),
  apiPort: z.number().int().min(0).max(65535).default(0),
});

export const TandemSection = z.strictObject({
  profile: Profile.default("fast"),
  devices: z.array(LabDevice).default([]),
  clients: z.array(LabClient).default([]),
  hosts: z.array(LabHost).optional(),
  outside: LabOutside.optional(),
  options: LabOptions.prefault({}),
});

export const LabFile = z.strictObject({
  $schema: z.string().optional(),
  /** The topology's name. Default: the file's name. */
  name: z.string().optional(),
  description: z.string().optional(),
  virtualNetworks: z.array(VirtualNetwork).min(1),
  publicIPAddresses: z.array(PublicIpAddress).min(1),
  virtualNetworkGateways: z.array(VirtualNetworkGateway).min(1),
  localNetworkGateways: z.array(LocalNetworkGateway).default([]),
  connections: z.array(Connection).default([]),
  tandem: TandemSection.prefault({}),
});

export type LabFile = z.infer<typeof LabFile>;
export type LabFileInput = z.input<typeof LabFile>;
export type VirtualNetwork = z.infer<typeof VirtualNetwork>;
export type VirtualNetworkGateway = z.infer<typeof VirtualNetworkGateway>;
export type LocalNetworkGateway = z.infer<typeof LocalNetworkGateway>;
export type Connection = z.infer<typeof Connection>;
export type PublicIpAddress = z.infer<typeof PublicIpAddress>;
export type LabDevice = z.infer<typeof LabDevice>;
export type LabClient = z.infer<typeof LabClient>;
export type LabOutside = z.infer<typeof LabOutside>;
export type LabHost = z.infer<typeof LabHost>;
export type ResourceReference = z.infer<typeof ResourceReference>;
