/** The tunnels of a third-party device: one charon each, wherever it runs. */
import { type DeviceNode, InstanceConfig } from "@tandem/contract";
import { LabError } from "../lab-error.ts";
import { type Tunnel, tunnelAddresses } from "./tunnel-network.ts";

export interface DeviceTunnels {
  readonly config: InstanceConfig;
  readonly publicIp: string;
  readonly tunnels: readonly Tunnel[];
}

/** `place`: where the charon of tunnel number `index` runs, and keeps its files and log. */
export function deviceTunnels(
  device: DeviceNode,
  place: (index: number) => Pick<Tunnel, "netns" | "folder" | "logFile">,
): DeviceTunnels {
  const config = InstanceConfig.parse(device.config);
  const publicIp = config.seats[0]?.publicIps[0];
  if (publicIp === undefined) throw new LabError(`${device.name} has no public IP`);
  const tunnels = config.connections.map(
    (connection, index): Tunnel => ({ index, connection, ...place(index), ...tunnelAddresses(index) }),
  );
  return { config, publicIp, tunnels };
}
