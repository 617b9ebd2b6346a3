/**
 * References between resources, and the facts that several rules and the compiler derive from them. Everything here
 * answers `undefined` for what is missing or malformed: the rules report it, the compiler never sees it.
 */
import { addressAt, addressFromEnd, canonicalIp, type Network, parseNetwork } from "./ip-network.ts";
import type {
  Connection,
  LabDevice,
  LabFile,
  LocalNetworkGateway,
  ResourceReference,
  VirtualNetwork,
  VirtualNetworkGateway,
} from "./lab-file.ts";

/** The last segment of an id, or the name itself. */
export function referencedName(reference: ResourceReference): string {
  const text = typeof reference === "string" ? reference : reference.id;
  return text.split("/").at(-1)!;
}

export function find<T extends { readonly name: string }>(
  resources: readonly T[],
  reference: ResourceReference | undefined,
): T | undefined {
  if (reference === undefined) return undefined;
  const name = referencedName(reference);
  return resources.find((r) => r.name === name);
}

/** "…/virtualNetworks/vnet1/subnets/GatewaySubnet" or "vnet1/GatewaySubnet". */
export function subnetReference(reference: ResourceReference): { vnet: string; subnet: string } | undefined {
  const text = typeof reference === "string" ? reference : reference.id;
  const parts = text.split("/").filter((p) => p !== "" && p !== "subnets");
  const subnet = parts.at(-1);
  const vnet = parts.at(-2);
  return subnet === undefined || vnet === undefined ? undefined : { vnet, subnet };
}

export const activeActive = (gateway: VirtualNetworkGateway): boolean => gateway.properties.activeActive;

export function vnetOf(file: LabFile, gateway: VirtualNetworkGateway): VirtualNetwork | undefined {
  const subnet = gateway.properties.ipConfigurations[0]?.properties.subnet;
  const reference = subnet === undefined ? undefined : subnetReference(subnet);
  return reference === undefined ? undefined : file.virtualNetworks.find((v) => v.name === reference.vnet);
}

export function subnetPrefix(vnet: VirtualNetwork, name: string): Network | undefined {
  const properties = vnet.properties.subnets.find((s) => s.name === name)?.properties;
  const texts = [properties?.addressPrefix, ...(properties?.addressPrefixes ?? [])];
  return texts.map((t) => (t === undefined ? undefined : parseNetwork(t))).find((n) => n !== undefined);
}

export const gatewaySubnet = (file: LabFile, gateway: VirtualNetworkGateway): Network | undefined => {
  const vnet = vnetOf(file, gateway);
  return vnet === undefined ? undefined : subnetPrefix(vnet, "GatewaySubnet");
};

export interface ResolvedSeat {
  readonly name: string;
  readonly index: number;
  readonly publicIps: readonly string[];
  /** From the GatewaySubnet. */
  readonly bgpIp: string;
  /** APIPA addresses given to this IP configuration. */
  readonly customBgpIps: readonly string[];
  readonly ipConfiguration: string;
}

/**
 * Seats of a gateway: one per IP configuration. The order of public IPs and BGP addresses is the same (§1.4).
 * Active-standby: the last usable address of the GatewaySubnet; active-active: .4 and .5.
 */
export function seatsOf(file: LabFile, gateway: VirtualNetworkGateway): ResolvedSeat[] {
  const subnet = gatewaySubnet(file, gateway);
  const configurations = gateway.properties.ipConfigurations.slice(0, activeActive(gateway) ? 2 : 1);
  return configurations.flatMap((configuration, index) => {
    const publicIp = find(file.publicIPAddresses, configuration.properties.publicIPAddress);
    const address = publicIp === undefined ? undefined : canonicalIp(publicIp.properties.ipAddress);
    if (subnet === undefined || address === undefined) return [];
    const addresses = gateway.properties.bgpSettings?.bgpPeeringAddresses ?? [];
    const custom =
      addresses.find((a) => a.ipconfigurationId?.split("/").at(-1) === configuration.name) ??
      (addresses[index]?.ipconfigurationId === undefined ? addresses[index] : undefined);
    return [
      {
        name: `${gateway.name}/${index}`,
        index,
        publicIps: [address],
        bgpIp: activeActive(gateway) ? addressAt(subnet, 4 + index) : addressFromEnd(subnet, 1),
        customBgpIps: custom?.customBgpIpAddresses ?? [],
        ipConfiguration: configuration.name,
      },
    ];
  });
}

export const asnOf = (gateway: VirtualNetworkGateway): number => gateway.properties.bgpSettings?.asn ?? 65515;

export const vnetPrefixes = (file: LabFile, gateway: VirtualNetworkGateway): string[] =>
  vnetOf(file, gateway)?.properties.addressSpace.addressPrefixes ?? [];

export const connectionsOf = (file: LabFile, gateway: VirtualNetworkGateway): Connection[] =>
  file.connections.filter((c) => referencedName(c.properties.virtualNetworkGateway1) === gateway.name);

export const deviceBehind = (file: LabFile, lng: LocalNetworkGateway): LabDevice | undefined =>
  file.tandem.devices.find(
    (d) =>
      lng.properties.gatewayIpAddress !== undefined &&
      canonicalIp(d.publicIpAddress) === canonicalIp(lng.properties.gatewayIpAddress),
  );

export const lngOf = (file: LabFile, device: LabDevice): LocalNetworkGateway | undefined =>
  file.localNetworkGateways.find((l) => deviceBehind(file, l)?.name === device.name);

export const siteOf = (device: LabDevice): string => device.site ?? device.name;

export const lngPrefixes = (lng: LocalNetworkGateway): string[] =>
  lng.properties.localNetworkAddressSpace?.addressPrefixes ?? [];

/** LNG prefixes without the host prefix of its BGP peer, which the gateway installs by itself (reference §3, §9.10). */
export function lngStaticPrefixes(lng: LocalNetworkGateway): string[] {
  const peer = lng.properties.bgpSettings?.bgpPeeringAddress;
  return lngPrefixes(lng).filter((p) => peer === undefined || (p !== `${peer}/32` && p !== `${peer}/128`));
}

/** What stands behind a site's devices. */
export function sitePrefixes(file: LabFile, site: string): string[] {
  const prefixes = new Set<string>();
  for (const device of file.tandem.devices.filter((d) => siteOf(d) === site)) {
    const lng = lngOf(file, device);
    for (const p of device.addressPrefixes ?? (lng === undefined ? [] : lngStaticPrefixes(lng)))
      prefixes.add(p);
  }
  return [...prefixes];
}

/** The other connection resource of a VNet-to-VNet pair. */
export const counterpart = (file: LabFile, connection: Connection): Connection | undefined => {
  const { virtualNetworkGateway1, virtualNetworkGateway2 } = connection.properties;
  if (virtualNetworkGateway2 === undefined) return undefined;
  return file.connections.find(
    (c) =>
      c.properties.virtualNetworkGateway2 !== undefined &&
      referencedName(c.properties.virtualNetworkGateway1) === referencedName(virtualNetworkGateway2) &&
      referencedName(c.properties.virtualNetworkGateway2) === referencedName(virtualNetworkGateway1),
  );
};

export const isApipa = (address: string): boolean => address.startsWith("169.254.");
