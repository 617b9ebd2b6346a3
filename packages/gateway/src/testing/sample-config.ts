import type { ConnectionConfig, InstanceConfigInput } from "@tandem/contract";

type ConnectionInput = InstanceConfigInput["connections"][number];

/** A pre-shared-key connection from 203.0.113.1 to a device, any to any. */
export function pskConnection(over: Partial<ConnectionInput> = {}): ConnectionInput {
  return {
    name: "to-site",
    seat: "gw/0",
    tunnel: "to-site|gw/0|device",
    remote: { name: "device", address: "198.51.100.1", id: "198.51.100.1" },
    localId: "203.0.113.1",
    authentication: { method: "psk", secret: "correct horse" },
    staticPrefixes: ["192.168.0.0/24"],
    ...over,
  };
}

/** One instance with one seat and one connection. */
export function instanceConfig(over: Partial<InstanceConfigInput> = {}): InstanceConfigInput {
  return {
    name: "gw/IN_0",
    kind: "instance",
    gateway: "gw",
    profile: "fast",
    asn: 65515,
    controlSocket: "/tmp/none.sock",
    outside: { interface: "out" },
    inside: { interface: "in" },
    tun: {},
    localPrefixes: ["10.1.0.0/16"],
    seats: [{ name: "gw/0", publicIps: ["203.0.113.1"], bgpIp: "10.1.255.4", epoch: 1 }],
    connections: [pskConnection()],
    ...over,
  };
}

export type { ConnectionConfig };
