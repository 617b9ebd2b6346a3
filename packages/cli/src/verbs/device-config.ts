/** `device-config`: what the cloud calls the VPN device configuration script, for software that one has at hand. */
import { InstanceConfig } from "@tandem/contract";
import { birdConf, findLab, frrConf, LabError, readPlan, swanctlConf } from "@tandem/lab";
import { print } from "../render/output.ts";
import { NAME_OPTION, oneOf, requiredPositional, stringValue, UsageError, type Verb } from "../verb.ts";

const FORMATS = ["swanctl", "bird", "frr", "tandem"] as const;

export const verb: Verb = {
  usage: "device-config DEVICE --format swanctl|bird|frr|tandem",
  about:
    "Prints a configuration that matches the lab's connections to a device. It contains the shared keys.",
  options: {
    ...NAME_OPTION,
    format: { type: "string", value: FORMATS.join("|"), about: "for which software" },
  },
  examples: ["./tandem device-config device1 --format swanctl"],
  async run(invocation) {
    const { folder } = findLab(stringValue(invocation, "name"));
    const name = requiredPositional(invocation, 0, "the device");
    const format = oneOf(invocation, "format", FORMATS);
    if (format === undefined) throw new UsageError(`--format is missing: ${FORMATS.join(", ")}`);
    const devices = readPlan(folder).nodes.filter((node) => node.kind === "device");
    const node = devices.find((one) => one.name === name);
    if (node === undefined)
      throw new LabError(
        `there is no device "${name}"`,
        `devices: ${devices.map((one) => one.name).join(", ")}`,
      );
    const config = InstanceConfig.parse(node.config);
    const localAddress = config.seats[0]?.publicIps[0] ?? "%any";
    if (format === "tandem") print(JSON.stringify(node.config, null, 2));
    else if (format === "swanctl") print(swanctlConf(config.connections, { localAddress }));
    else if (format === "frr") print(frrConf(config));
    else print(birdConf(config, { kernelTable: 254, gatewayOf: () => undefined }));
    return 0;
  },
};
