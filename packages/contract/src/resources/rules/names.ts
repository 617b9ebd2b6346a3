/** Names are unique in their kind, references lead somewhere, and to the right kind of resource. */
import type { LabFile, ResourceReference } from "../lab-file.ts";
import { deviceBehind, find, referencedName, subnetReference } from "../resolve.ts";
import type { Report } from "./report.ts";

const COLLECTIONS = [
  "virtualNetworks",
  "publicIPAddresses",
  "virtualNetworkGateways",
  "localNetworkGateways",
  "connections",
] as const;

/** Node names become namespaces and file names. */
const NODE_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/;

export function checkNames(file: LabFile, report: Report): void {
  for (const collection of COLLECTIONS) unique(file[collection], [collection], report);
  const { devices, clients, hosts = [] } = file.tandem;
  const nodes = [
    ...devices.map((d, i) => ({ name: d.name, path: ["tandem", "devices", i, "name"] })),
    ...clients.map((c, i) => ({ name: c.name, path: ["tandem", "clients", i, "name"] })),
    ...hosts.map((h, i) => ({ name: h.name, path: ["tandem", "hosts", i, "name"] })),
    ...file.virtualNetworkGateways.map((g, i) => ({
      name: g.name,
      path: ["virtualNetworkGateways", i, "name"],
    })),
  ];
  const seen = new Set(["fabric", "supervisor"]);
  for (const { name, path } of nodes) {
    if (!NODE_NAME.test(name)) {
      report.add(
        path,
        "InvalidResourceName",
        "the name cannot become a node of the lab",
        "letters, digits, - and _, at most 40",
        name,
      );
    }
    if (seen.has(name))
      report.add(path, "NameInUse", `"${name}" is the name of another node`, "a name of its own", name);
    seen.add(name);
  }
  file.virtualNetworkGateways.forEach((gateway, i) => {
    gateway.properties.ipConfigurations.forEach((configuration, k) => {
      const at = ["virtualNetworkGateways", i, "properties", "ipConfigurations", k, "properties"];
      reference(
        file,
        configuration.properties.publicIPAddress,
        "publicIPAddresses",
        [...at, "publicIPAddress"],
        report,
      );
      const subnet = subnetReference(configuration.properties.subnet);
      if (subnet === undefined || !file.virtualNetworks.some((v) => v.name === subnet.vnet)) {
        report.add(
          [...at, "subnet"],
          "ResourceNotFound",
          "the subnet reference leads to no virtual network of this file",
          "virtualNetworks/NAME/subnets/GatewaySubnet",
          referenceText(configuration.properties.subnet),
        );
      }
    });
  });
  file.connections.forEach((connection, i) => {
    const p = connection.properties;
    const at = ["connections", i, "properties"];
    reference(
      file,
      p.virtualNetworkGateway1,
      "virtualNetworkGateways",
      [...at, "virtualNetworkGateway1"],
      report,
    );
    if (p.connectionType === "IPsec") {
      if (p.localNetworkGateway2 === undefined) {
        report.add(
          at,
          "MissingRequiredParameter",
          `connection "${connection.name}" has no localNetworkGateway2`,
          "a local network gateway",
        );
      } else
        reference(
          file,
          p.localNetworkGateway2,
          "localNetworkGateways",
          [...at, "localNetworkGateway2"],
          report,
        );
    }
    if (p.connectionType === "Vnet2Vnet") {
      if (p.virtualNetworkGateway2 === undefined) {
        report.add(
          at,
          "MissingRequiredParameter",
          `connection "${connection.name}" has no virtualNetworkGateway2`,
          "the other gateway",
        );
      } else
        reference(
          file,
          p.virtualNetworkGateway2,
          "virtualNetworkGateways",
          [...at, "virtualNetworkGateway2"],
          report,
        );
    }
  });
  checkTandem(file, report);
}

function checkTandem(file: LabFile, report: Report): void {
  file.localNetworkGateways.forEach((lng, i) => {
    const used = file.connections.some((c) => find([lng], c.properties.localNetworkGateway2) !== undefined);
    if (used && lng.properties.gatewayIpAddress !== undefined && deviceBehind(file, lng) === undefined) {
      report.add(
        ["localNetworkGateways", i, "properties", "gatewayIpAddress"],
        "NoDevice",
        "no device of tandem.devices has this public IP, so nothing would answer",
        "the publicIpAddress of a device",
        lng.properties.gatewayIpAddress,
      );
    }
  });
  file.tandem.devices.forEach((device, i) => {
    if (!file.localNetworkGateways.some((l) => deviceBehind(file, l)?.name === device.name)) {
      report.add(
        ["tandem", "devices", i, "publicIpAddress"],
        "NoLocalNetworkGateway",
        `no local network gateway describes device "${device.name}"`,
        "a localNetworkGateways entry with this gatewayIpAddress",
        device.publicIpAddress,
      );
    }
  });
  const external = file.tandem.devices.findIndex(({ kind }) => kind === "external");
  if (external >= 0 && file.tandem.outside === undefined) {
    report.add(
      ["tandem", "devices", external, "kind"],
      "NoOutside",
      "a real device needs a real network to be reached through, and tandem.outside is missing",
      'tandem.outside: { "interface": "eth0" }, or another kind',
      "external",
    );
  }
  const sites = new Set(file.tandem.devices.map((d) => d.site ?? d.name));
  (file.tandem.hosts ?? []).forEach((host, i) => {
    const at = ["tandem", "hosts", i];
    if ((host.virtualNetwork === undefined) === (host.site === undefined)) {
      report.add(
        at,
        "InvalidHost",
        "a host is in a virtual network or in a site",
        "one of virtualNetwork and site",
        host.name,
      );
    }
    if (
      host.virtualNetwork !== undefined &&
      !file.virtualNetworks.some((v) => v.name === host.virtualNetwork)
    ) {
      report.add(
        [...at, "virtualNetwork"],
        "ResourceNotFound",
        "no such virtual network",
        names(file.virtualNetworks),
        host.virtualNetwork,
      );
    }
    if (host.site !== undefined && !sites.has(host.site)) {
      report.add(
        [...at, "site"],
        "ResourceNotFound",
        "no device has this site",
        [...sites].join(", "),
        host.site,
      );
    }
  });
  file.tandem.clients.forEach((client, i) => {
    const gateway =
      client.gateway === undefined
        ? file.virtualNetworkGateways.find((g) => g.properties.vpnClientConfiguration !== undefined)
        : find(file.virtualNetworkGateways, client.gateway);
    if (gateway?.properties.vpnClientConfiguration === undefined) {
      report.add(
        ["tandem", "clients", i],
        "NoVpnClientConfiguration",
        `client "${client.name}" has no gateway with a vpnClientConfiguration to dial`,
        "a gateway with vpnClientConfiguration",
        client.gateway,
      );
    }
  });
}

const referenceText = (reference: ResourceReference): string =>
  typeof reference === "string" ? reference : reference.id;

const names = (resources: readonly { name: string }[]): string =>
  resources.length === 0 ? "none is defined" : `one of ${resources.map((r) => r.name).join(", ")}`;

function reference(
  file: LabFile,
  to: ResourceReference,
  collection: (typeof COLLECTIONS)[number],
  path: (string | number)[],
  report: Report,
): void {
  const text = referenceText(to);
  const kind = /([A-Za-z]+)\/[^/]+$/.exec(text)?.[1];
  if (kind !== undefined && kind !== collection && (COLLECTIONS as readonly string[]).includes(kind)) {
    report.add(
      path,
      "InvalidJsonReferenceWrongType",
      `the reference is to a resource of a wrong type (${kind})`,
      `a reference to ${collection}`,
      text,
    );
    return;
  }
  const resources: readonly { readonly name: string }[] = file[collection];
  if (find(resources, to) === undefined) {
    report.add(
      path,
      "ResourceNotFound",
      `no ${collection} is named "${referencedName(to)}"`,
      names(resources),
      text,
    );
  }
}

function unique(resources: readonly { name: string }[], at: string[], report: Report): void {
  const seen = new Set<string>();
  resources.forEach((resource, i) => {
    if (seen.has(resource.name)) {
      report.add(
        [...at, i, "name"],
        "NameInUse",
        `two ${at[0]} are named "${resource.name}"`,
        "a name of its own",
        resource.name,
      );
    }
    seen.add(resource.name);
  });
}
