/** What the supervisor is started with. It learns the rest by asking the processes that run. */
import { z } from "zod";
import { InstanceConfig } from "../instance-config.ts";
import { Profile } from "../status.ts";

/** Documented times of an unplanned failover, active-standby: shortest and longest (reference §1.2, where they conflict). */
export const UNPLANNED_MILLISECONDS: {
  readonly "2016": readonly [number, number];
  readonly "2024": readonly [number, number];
} = {
  "2016": [60_000, 90_000],
  "2024": [60_000, 180_000],
};

export const SupervisedInstance = z.object({
  name: z.string(),
  gateway: z.string(),
  /** The seat that this instance holds when all is well; absent for the standby. */
  homeSeat: z.string().optional(),
  controlSocket: z.string(),
  configFile: z.string(),
  config: InstanceConfig,
  /** How to start it again, program first. Written by the lab (it knows the namespaces); absent: the supervisor cannot restart it. */
  startCommand: z.array(z.string()).optional(),
  logFile: z.string().optional(),
});

export const SupervisedDevice = z.object({
  name: z.string(),
  software: z.enum(["tandem", "strongswan"]),
  controlSocket: z.string().optional(),
});

export const SupervisorConfig = z.object({
  lab: z.string(),
  topology: z.string(),
  profile: Profile,
  controlSocket: z.string(),
  fabricSocket: z.string(),
  /** node:sqlite file, 0600. */
  stateFile: z.string(),
  /** The local API: TCP on this address (port 0: any) and a Unix socket. */
  api: z.object({
    host: z.string().default("127.0.0.1"),
    port: z.number().int(),
    socket: z.string(),
    tokenFile: z.string(),
  }),
  /** The resources as the lab file has them, without shared keys: what the API shows as desired state. */
  resources: z.unknown().optional(),
  gateways: z.array(
    z.object({
      name: z.string(),
      seats: z.array(
        z.object({ name: z.string(), publicIps: z.array(z.string()), bgpIp: z.string(), home: z.string() }),
      ),
    }),
  ),
  instances: z.array(SupervisedInstance),
  devices: z.array(SupervisedDevice).default([]),
  /** How often, and after how many misses a living control socket or data path counts as lost. */
  heartbeatMilliseconds: z.number().default(50),
  /** A living process that has not answered for so long is silent (with the data path silent too; alone after twice that). */
  silentMilliseconds: z.number().default(450),
  probeMilliseconds: z.number().default(150),
  probeMisses: z.number().default(3),
  restart: z.enum(["auto", "manual"]).default("auto"),
  restartDelayMilliseconds: z.number().default(1500),
  /** Whether a seat goes back to its home instance when that returns. */
  failback: z.enum(["auto", "manual"]).default("auto"),
  /** The clock of `azure`: connectivity is back within these times, milliseconds. */
  plannedMilliseconds: z.array(z.number()).length(2).default([10_000, 15_000]),
  unplannedMilliseconds: z.array(z.number()).length(2).default([60_000, 90_000]),
});

export type SupervisorConfig = z.infer<typeof SupervisorConfig>;
export type SupervisorConfigInput = z.input<typeof SupervisorConfig>;
export type SupervisedInstance = z.infer<typeof SupervisedInstance>;
