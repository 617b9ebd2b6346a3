/** Remote clients: on the gateway one connection per seat that anyone with a certificate may use, and a device per client. */
import type { LabClient, VirtualNetworkGateway } from "../lab-file.ts";
import { find, type ResolvedSeat, seatsOf, vnetPrefixes } from "../resolve.ts";
import { type ConnectionInput, deviceSeat, tunnelId } from "./connections.ts";
import { type Draft, routerNetwork } from "./draft.ts";
import { interfacesOf } from "./interfaces.ts";

/** Authority that signs gateway and clients. RSA: the cloud takes no other for IKEv2 (reference §6). */
export const CLIENT_AUTHORITY = "point-to-site";

const serverName = (gateway: string): string => `${gateway}.vpn.test`;
const clientName = (client: string): string => `${client}.clients.vpn.test`;

const certificate = (name: string) => ({
  method: "certificate" as const,
  chain: [`pem:chain:${name}`],
  privateKey: `pem:key:${name}`,
  roots: [`pem:root:${CLIENT_AUTHORITY}`],
  crls: [],
});

/** The gateway that a client dials. */
export const gatewayOfClient = (draft: Draft, client: LabClient): VirtualNetworkGateway | undefined =>
  client.gateway === undefined
    ? draft.file.virtualNetworkGateways.find((g) => g.properties.vpnClientConfiguration !== undefined)
    : find(draft.file.virtualNetworkGateways, client.gateway);

export function clientConnection(
  draft: Draft,
  gateway: VirtualNetworkGateway,
  seat: ResolvedSeat,
): ConnectionInput[] {
  const clients = gateway.properties.vpnClientConfiguration;
  if (clients === undefined) return [];
  if (!draft.certificates.some((c) => c.name === gateway.name)) {
    draft.certificates.push({
      name: gateway.name,
      authority: CLIENT_AUTHORITY,
      commonName: serverName(gateway.name),
      dnsNames: [serverName(gateway.name)],
      addresses: seatsOf(draft.file, gateway).flatMap((s) => s.publicIps),
      usage: "server",
    });
  }
  return [
    {
      name: `${gateway.name}-clients`,
      seat: seat.name,
      tunnel: tunnelId(`${gateway.name}-clients`, seat.name, "clients"),
      remote: { name: "clients", address: null, id: "%any" },
      localId: serverName(gateway.name),
      mode: "ResponderOnly",
      authentication: certificate(gateway.name),
      addressPool: clients.vpnClientAddressPool.addressPrefixes,
      trafficSelectors: [],
      staticPrefixes: [],
    },
  ];
}

export function addClient(draft: Draft, client: LabClient, n: number): void {
  const gateway = gatewayOfClient(draft, client)!;
  const seats = seatsOf(draft.file, gateway);
  const seat = seats[n % seats.length]!;
  const own = deviceSeat(client.name);
  const network = routerNetwork();
  draft.edge(client.name, `client${n}`, network, [client.publicIpAddress]);
  draft.certificates.push({
    name: client.name,
    authority: CLIENT_AUTHORITY,
    commonName: client.name,
    dnsNames: [clientName(client.name)],
    addresses: [],
    usage: "client",
  });
  const pool = gateway.properties.vpnClientConfiguration?.vpnClientAddressPool.addressPrefixes ?? [];
  draft.nodes.push({
    name: client.name,
    kind: "device",
    software: draft.options.deviceKind ?? client.kind,
    role: "client",
    site: null,
    config: {
      name: client.name,
      kind: "device",
      gateway: client.name,
      profile: draft.profile,
      asn: 65_000,
      controlSocket: draft.socket(client.name),
      ...interfacesOf(draft.file.tandem.options),
      inside: { interface: "lo" },
      localPrefixes: [],
      seats: [{ name: own, publicIps: [client.publicIpAddress], bgpIp: client.publicIpAddress, epoch: 1 }],
      connections: [
        {
          name: `${gateway.name}-clients`,
          seat: own,
          tunnel: tunnelId(`${gateway.name}-clients`, own, seat.name),
          remote: { name: seat.name, address: seat.publicIps[0]!, id: serverName(gateway.name) },
          localId: clientName(client.name),
          mode: "InitiatorOnly",
          authentication: certificate(client.name),
          requestAddress: true,
          trafficSelectors: [],
          staticPrefixes: [...vnetPrefixes(draft.file, gateway), ...pool],
        },
      ],
    },
    configFile: draft.path("config", client.name, ".json"),
    logFile: draft.path("log", client.name, ".log"),
    ...network,
  });
}
