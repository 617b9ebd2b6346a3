/** `device-config`: what the cloud calls the VPN device configuration script, for software that one has at hand. */
import { InstanceConfig } from "@tandem/contract";
import { birdConf, findLab, frrConf, LabError, readPlan, swanctlConf } from "@tandem/lab";
import { print } from "../render/output.ts";
import { NAME_OPTION, oneOf, requiredPositional, stringValue, UsageError, type Verb } from "../verb.ts";

const FORMATS = ["swanctl", "bird", "frr", "tandem"] as const;

export const verb: Verb = {
  usage: "device-config DEVICE|CONNECTION --format swanctl|bird|frr|tandem",
  about:
    "Prints a configuration for the other side: of one connection, or of all connections to a device. It contains the shared keys.",
  options: {
    ...NAME_OPTION,
    "tunnel-interface": {
      type: "string",
      value: "IFACE",
      about: "bird: the device's interface into the tunnels (ipsec0, xfrm1), to resolve next hops with",
    },
    "gateway-address": {
      type: "string",
      multiple: true,
      value: "IP",
      about: "what the device dials when the gateway is behind a NAT: one per public IP, in their order",
    },
    format: { type: "string", value: FORMATS.join("|"), about: "for which software" },
  },
  examples: ["./tandem device-config device1 --format swanctl"],
  async run(invocation) {
    const { folder } = findLab(stringValue(invocation, "name"));
    const name = requiredPositional(invocation, 0, "the device or connection");
    const format = oneOf(invocation, "format", FORMATS);
    if (format === undefined) throw new UsageError(`--format is missing: ${FORMATS.join(", ")}`);
    const { nodes, externalDevices } = readPlan(folder);
    const devices = [...nodes.filter((node) => node.kind === "device"), ...externalDevices].map((one) => ({
      name: one.name,
      config: InstanceConfig.parse(one.config),
    }));
    const connectsBy = (config: InstanceConfig): boolean => config.connections.some((c) => c.name === name);
    const found = devices.find((one) => one.name === name) ?? devices.find((one) => connectsBy(one.config));
    if (found === undefined) {
      const connections = new Set(devices.flatMap((one) => one.config.connections.map((c) => c.name)));
      throw new LabError(
        `there is no device and no connection "${name}"`,
        `devices: ${devices.map((one) => one.name).join(", ")}; connections: ${[...connections].join(", ")}`,
      );
    }
    const own = found.config.connections.filter((c) => found.name === name || c.name === name);
    const config = {
      ...found.config,
      connections: dialled(own, listOf(invocation.values["gateway-address"])),
    };
    const tunnelInterface = stringValue(invocation, "tunnel-interface");
    const through = tunnelInterface === undefined ? undefined : `"${tunnelInterface}"`;
    const localAddress = config.seats[0]?.publicIps[0] ?? "%any";
    if (format === "tandem") print(JSON.stringify(config, null, 2));
    else if (format === "swanctl") print(swanctlConf(config.connections, { localAddress }));
    else if (format === "frr") print(frrConf(config));
    else print(birdConf(config, { kernelTable: 254, gatewayOf: () => through }));
    return 0;
  },
};

/** The gateway keeps its public IPs as its IKE identities; behind a NAT it is only reached at other addresses. */
function dialled(
  connections: InstanceConfig["connections"],
  addresses: readonly string[],
): InstanceConfig["connections"] {
  if (addresses.length === 0) return connections;
  const inside = [...new Set(connections.map(({ remote }) => remote.address))];
  if (inside.length !== addresses.length) {
    throw new UsageError(`--gateway-address is expected ${inside.length} times, for ${inside.join(" and ")}`);
  }
  return connections.map((connection) => ({
    ...connection,
    remote: {
      ...connection.remote,
      address: addresses[inside.indexOf(connection.remote.address)] ?? connection.remote.address,
    },
  }));
}

const listOf = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
