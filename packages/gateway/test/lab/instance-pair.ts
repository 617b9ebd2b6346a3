/**
 * A pair of instances with one seat, a fabric that is one route, and a device.
 *
 *                 ┌─ in0 [gw0] out0 ─┐
 *      h0 ── vnet ┤      partner     ├ fab ── out [dev] in ── h1
 *                 └─ in1 [gw1] out1 ─┘
 *
 * The fabric is one node here: it routes the public IP and the site's prefixes to the owner.
 */
import { join } from "node:path";
import type { InstanceConfigInput } from "@tandem/contract";
import { instanceConfig, pskConnection } from "../../src/testing/index.ts";
import { Net } from "./namespaces.ts";

type ConnectionInput = InstanceConfigInput["connections"][number];
type Profile = InstanceConfigInput["profile"];

export interface InstancePair {
  readonly net: Net;
  readonly instances: readonly [InstanceConfigInput, InstanceConfigInput];
  readonly device: InstanceConfigInput;
  /** Changes the owner of the seat in the fabric. */
  own(index: 0 | 1): void;
}

export const SEAT = { name: "gw/0", publicIps: ["203.0.113.1"], bgpIp: "10.1.255.4" };

export function instancePair(prefix: string, profile: Profile, bgp = false): InstancePair {
  const net = new Net(prefix);
  for (const node of ["h0", "fab", "gw0", "gw1", "dev", "h1"]) net.node(node);
  net.link("h0:eth0 10.1.0.10/24", "fab:vnet 10.1.0.1/24");
  for (const i of [0, 1]) {
    net.link(`gw${i}:out 100.64.${i}.1/31`, `fab:out${i} 100.64.${i}.0/31`);
    net.link(`gw${i}:in 100.65.${i}.1/31`, `fab:in${i} 100.65.${i}.0/31`);
    net.route(`gw${i}`, `default via 100.64.${i}.0`);
    net.route(`gw${i}`, `10.1.0.0/16 via 100.65.${i}.0`);
  }
  net.link("gw0:partner 100.66.0.0/31", "gw1:partner 100.66.0.1/31");
  net.link("dev:out 100.64.9.1/31", "fab:dev0 100.64.9.0/31");
  net.link("h1:eth0 192.168.0.10/24", "dev:in 192.168.0.1/24");
  net.route("h0", "default via 10.1.0.1");
  net.route("h1", "default via 192.168.0.1");
  net.route("dev", "default via 100.64.9.0");
  net.route("fab", "198.51.100.1/32 via 100.64.9.1");
  const own = (index: 0 | 1): void => {
    net.exec(
      "fab",
      `ip route replace 203.0.113.1/32 via 100.64.${index}.1 && ip route replace 192.168.0.0/24 via 100.65.${index}.1`,
    );
  };
  own(0);

  const gatewaySide: Partial<ConnectionInput> = bgp
    ? { staticPrefixes: [], bgp: { neighbor: "192.168.255.1", asn: 65010 } }
    : {};
  const deviceSide: Partial<ConnectionInput> = bgp
    ? { staticPrefixes: [], bgp: { neighbor: SEAT.bgpIp, asn: 65515, passive: true } }
    : { staticPrefixes: ["10.1.0.0/16"] };
  const instance = (index: 0 | 1): InstanceConfigInput =>
    instanceConfig({
      name: `gw/IN_${index}`,
      profile,
      controlSocket: join(net.folder, `gw${index}.sock`),
      seats: index === 0 ? [{ ...SEAT, epoch: 1 }] : [],
      connections: [pskConnection(gatewaySide)],
      partner: {
        name: `gw/IN_${1 - index}`,
        localAddress: `100.66.0.${index}`,
        address: `100.66.0.${1 - index}`,
        key: "5a".repeat(32),
      },
    });
  return {
    net,
    own,
    instances: [instance(0), instance(1)],
    device: {
      ...instanceConfig(),
      name: "device",
      kind: "device",
      gateway: "device",
      profile,
      asn: 65010,
      controlSocket: join(net.folder, "dev.sock"),
      localPrefixes: ["192.168.0.0/24"],
      seats: [{ name: "device/0", publicIps: ["198.51.100.1"], bgpIp: "192.168.255.1", epoch: 1 }],
      connections: [
        pskConnection({
          seat: "device/0",
          tunnel: "to-site|device/0|gw/0",
          remote: { name: "gw/0", address: "203.0.113.1", id: "203.0.113.1" },
          localId: "198.51.100.1",
          mode: "ResponderOnly",
          ...deviceSide,
        }),
      ],
    },
  };
}
