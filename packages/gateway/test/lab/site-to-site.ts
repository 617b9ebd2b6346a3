/** The smallest network with a tunnel: a host, an instance, the outside, a device, a host. */
import { join } from "node:path";
import type { InstanceConfigInput } from "@tandem/contract";
import { instanceConfig, pskConnection } from "../../src/testing/index.ts";
import { Net } from "./namespaces.ts";

type ConnectionInput = InstanceConfigInput["connections"][number];

export interface SiteToSite {
  readonly net: Net;
  readonly gateway: InstanceConfigInput;
  readonly device: InstanceConfigInput;
}

/** `connection` applies to both ends, mirrored where it must be. */
export function siteToSite(
  prefix: string,
  over: { gateway?: Partial<ConnectionInput>; device?: Partial<ConnectionInput> } = {},
): SiteToSite {
  const net = new Net(prefix);
  for (const node of ["h0", "gw", "fab", "dev", "h1"]) net.node(node);
  net.link("h0:eth0 10.1.0.10/24 fd01::10/64", "gw:in 10.1.0.1/24 fd01::1/64");
  net.link("gw:out 100.64.0.1/31 fd64::/127", "fab:to-gw 100.64.0.0/31 fd64::1/127");
  net.link("dev:out 100.64.0.3/31 fd64::2/127", "fab:to-dev 100.64.0.2/31 fd64::3/127");
  net.link("h1:eth0 192.168.0.10/24 fd92::10/64", "dev:in 192.168.0.1/24 fd92::1/64");
  net.route("h0", "default via 10.1.0.1");
  net.route("h0", "default via fd01::1");
  net.route("h1", "default via 192.168.0.1");
  net.route("h1", "default via fd92::1");
  net.route("gw", "default via 100.64.0.0");
  net.route("dev", "default via 100.64.0.2");
  net.route("fab", "203.0.113.1/32 via 100.64.0.1");
  net.route("fab", "198.51.100.1/32 via 100.64.0.3");
  const gateway = instanceConfig({
    controlSocket: join(net.folder, "gw.sock"),
    localPrefixes: ["10.1.0.0/16", "fd01::/64"],
    connections: [pskConnection({ staticPrefixes: ["192.168.0.0/24", "fd92::/64"], ...over.gateway })],
  });
  const device: InstanceConfigInput = {
    ...instanceConfig(),
    name: "device",
    kind: "device",
    gateway: "device",
    asn: 65010,
    controlSocket: join(net.folder, "dev.sock"),
    localPrefixes: ["192.168.0.0/24", "fd92::/64"],
    seats: [{ name: "device/0", publicIps: ["198.51.100.1"], bgpIp: "192.168.255.1", epoch: 1 }],
    connections: [
      pskConnection({
        seat: "device/0",
        tunnel: "to-site|device/0|gw/0",
        remote: { name: "gw/0", address: "203.0.113.1", id: "203.0.113.1" },
        localId: "198.51.100.1",
        staticPrefixes: ["10.1.0.0/16", "fd01::/64"],
        ...over.device,
      }),
    ],
  };
  return { net, gateway, device };
}
