/** What the cloud has and Tandem has not, refused by name instead of ignored (DESIGN §4). */
import type { LabFile } from "../lab-file.ts";
import type { Report } from "./report.ts";

const NOT_YET = "NotSupportedByTandem";

export function checkUnsupported(file: LabFile, report: Report): void {
  file.virtualNetworkGateways.forEach((gateway, i) => {
    const p = gateway.properties;
    const at = ["virtualNetworkGateways", i, "properties"];
    if (p.gatewayType !== "Vpn") {
      report.add(
        [...at, "gatewayType"],
        NOT_YET,
        `gateways of type ${p.gatewayType} are not supported`,
        "Vpn",
        p.gatewayType,
      );
    }
    if (p.vpnType !== "RouteBased") {
      report.add(
        [...at, "vpnType"],
        NOT_YET,
        `${p.vpnType} gateways are not supported`,
        "RouteBased",
        p.vpnType,
      );
    }
    refusePresent(p, at, report, {
      natRules: "NAT rules",
      customRoutes: "custom routes for clients",
      gatewayDefaultSite: "a default site (forced tunnelling by resource; a default route by BGP works)",
      autoScaleConfiguration: "autoscaling",
      virtualNetworkGatewayPolicyGroups: "policy groups",
      extendedLocation: "extended locations",
    });
    refuseTrue(p, at, report, {
      enablePrivateIpAddress: "private IP gateways",
      enableBgpRouteTranslationForNat: "BGP route translation for NAT",
      enableHighBandwidthVpnGateway: "high-bandwidth gateways",
      allowVirtualWanTraffic: "Virtual WAN traffic",
      allowRemoteVnetTraffic: "gateway transit from peered networks",
    });
    const clients = p.vpnClientConfiguration;
    if (clients === undefined) return;
    const path = [...at, "vpnClientConfiguration"];
    (clients.vpnClientProtocols ?? []).forEach((protocol, k) => {
      if (protocol !== "IkeV2")
        report.add(
          [...path, "vpnClientProtocols", k],
          NOT_YET,
          `point-to-site by ${protocol} is not supported`,
          "IkeV2",
          protocol,
        );
    });
    (clients.vpnAuthenticationTypes ?? []).forEach((type, k) => {
      if (type !== "Certificate")
        report.add(
          [...path, "vpnAuthenticationTypes", k],
          NOT_YET,
          `${type} authentication of clients is not supported`,
          "Certificate",
          type,
        );
    });
    refusePresent(clients, path, report, {
      radiusServerAddress: "RADIUS",
      radiusServers: "RADIUS",
      aadTenant: "Entra ID (AAD) authentication",
      vngClientConnectionConfigurations: "address pools per group",
      vpnClientIpsecPolicies: "a policy of its own for clients",
      vpnClientRootCertificates: "root certificates from outside (the lab makes its own authority)",
      vpnClientRevokedCertificates: "revoked certificates by thumbprint",
    });
  });
  file.localNetworkGateways.forEach((lng, i) => {
    if (lng.properties.gatewayIpAddress === undefined && lng.properties.fqdn !== undefined) {
      report.add(
        ["localNetworkGateways", i, "properties", "fqdn"],
        NOT_YET,
        "devices named by fqdn are not supported",
        "gatewayIpAddress",
        lng.properties.fqdn,
      );
    }
  });
  file.connections.forEach((connection, i) => {
    const p = connection.properties;
    const at = ["connections", i, "properties"];
    if (p.connectionType !== "IPsec" && p.connectionType !== "Vnet2Vnet") {
      report.add(
        [...at, "connectionType"],
        NOT_YET,
        `connections of type ${p.connectionType} are not supported`,
        "IPsec, Vnet2Vnet",
        p.connectionType,
      );
    }
    if (p.connectionProtocol !== undefined && p.connectionProtocol !== "IKEv2") {
      report.add(
        [...at, "connectionProtocol"],
        NOT_YET,
        `${p.connectionProtocol} is not supported`,
        "IKEv2",
        p.connectionProtocol,
      );
    }
    if (p.authenticationType !== undefined && p.authenticationType !== "PSK") {
      report.add(
        [...at, "authenticationType"],
        NOT_YET,
        `${p.authenticationType} authentication of site-to-site connections is not supported`,
        "PSK",
        p.authenticationType,
      );
    }
    refusePresent(p, at, report, {
      ingressNatRules: "NAT rules",
      egressNatRules: "NAT rules",
      peer: "ExpressRoute circuits",
      authorizationKey: "ExpressRoute authorisation",
      tunnelProperties: "tunnel properties",
      certificateAuthentication: "certificate authentication of site-to-site connections",
    });
    refuseTrue(p, at, report, {
      useLocalAzureIpAddress: "IPsec over private peering",
      expressRouteGatewayBypass: "ExpressRoute FastPath",
      enablePrivateLinkFastPath: "ExpressRoute FastPath",
    });
  });
}

function refusePresent(
  properties: Record<string, unknown>,
  at: (string | number)[],
  report: Report,
  names: Readonly<Record<string, string>>,
): void {
  for (const [key, what] of Object.entries(names)) {
    const value = properties[key];
    if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) continue;
    report.add([...at, key], NOT_YET, `${what}: not supported`, `no "${key}"`);
  }
}

function refuseTrue(
  properties: Record<string, unknown>,
  at: (string | number)[],
  report: Report,
  names: Readonly<Record<string, string>>,
): void {
  for (const [key, what] of Object.entries(names)) {
    if (properties[key] === true) report.add([...at, key], NOT_YET, `${what}: not supported`, "false", true);
  }
}
