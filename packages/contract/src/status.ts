/** `status --json`: one of the three fixed shapes. Fields may be added, never renamed. */
import { z } from "zod";

export const InstanceState = z.enum(["active", "standby", "draining", "down"]);
export const Profile = z.enum(["fast", "hitless", "azure"]);

export const ChildStatus = z.object({
  spiIn: z.string().describe("8 hex digits"),
  spiOut: z.string().describe("8 hex digits"),
  esp: z.string().describe("for example AES_GCM_16-128"),
  bytesIn: z.number(),
  bytesOut: z.number(),
  packetsIn: z.number().optional(),
  packetsOut: z.number().optional(),
  localTs: z.array(z.string()).optional(),
  remoteTs: z.array(z.string()).optional(),
  installedSeconds: z.number().optional(),
  rekeySeconds: z.number().optional(),
  lifeSeconds: z.number().optional(),
  childSa: z.string().optional().describe("the name in events and counters"),
  policy: z.string().optional().describe("name of the selectors' policy"),
  encapsulated: z.boolean().optional().describe("ESP in UDP"),
  lastInAt: z.number().optional().describe("Unix milliseconds of the last packet"),
  lastOutAt: z.number().optional(),
});

export const TunnelStatus = z.object({
  connection: z.string(),
  seat: z.string(),
  instance: z.string(),
  remote: z.string(),
  ike: z.enum(["CREATED", "CONNECTING", "ESTABLISHED", "REKEYING", "DELETING", "DOWN"]),
  flows: z.number().describe("flows seen on this tunnel in the last 10 seconds"),
  children: z.array(ChildStatus),
  /** Why it is not up, in words, when it is not. */
  reason: z.string().optional(),
  tunnel: z.string().optional(),
  localHost: z.string().optional(),
  remoteHost: z.string().optional().describe("the remote's outer address; `remote` is its name"),
  localPort: z.number().optional(),
  remotePort: z.number().optional(),
  localId: z.string().optional(),
  remoteId: z.string().optional(),
  initiatorSpi: z.string().optional(),
  responderSpi: z.string().optional(),
  initiator: z.boolean().optional(),
  ikeSuite: z.string().optional(),
  virtualAddresses: z.object({ local: z.array(z.string()), remote: z.array(z.string()) }).optional(),
  establishedSeconds: z.number().optional(),
  rekeySeconds: z.number().optional(),
});

export const BgpPeerStatus = z.object({
  seat: z.string(),
  neighbor: z.string(),
  asn: z.number(),
  state: z.enum(["Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"]),
  routesReceived: z.number(),
  instance: z.string().optional(),
  peer: z.string().optional().describe("the tunnel's id, or the name of an iBGP peer"),
  routesAdvertised: z.number().optional(),
  localAddress: z.string().optional(),
  connectedSeconds: z.number().optional(),
  messagesSent: z.number().optional(),
  messagesReceived: z.number().optional(),
  gracefulRestart: z.boolean().optional().describe("whether the peer will keep our routes through a restart"),
  reason: z.string().optional(),
});

export const SeatStatus = z.object({
  name: z.string(),
  publicIp: z.string(),
  bgpIp: z.string(),
  owner: z.string().nullable(),
  epoch: z.number(),
});

export const InstanceStatus = z.object({
  name: z.string(),
  state: InstanceState,
  pid: z.number().nullable(),
  seats: z.array(z.string()),
});

export const LabStatus = z.object({
  ready: z.boolean(),
  state: z.enum(["ready", "degraded", "down"]),
  reasons: z.array(z.string()),
  profile: Profile,
  instances: z.array(InstanceStatus),
  seats: z.array(SeatStatus),
  tunnels: z.array(TunnelStatus),
  bgpPeers: z.array(BgpPeerStatus),
  supervision: z
    .array(z.object({ subject: z.string(), reason: z.string() }))
    .optional()
    .describe("of `reasons`, what only the supervisor can know: the fabric, health, where packets are sent"),
});

/** What one process (instance or device) says of itself; `status` aggregates these. */
export const ProcessStatus = z.object({
  name: z.string(),
  kind: z.enum(["instance", "device"]),
  gateway: z.string(),
  pid: z.number(),
  version: z.string(),
  draining: z.boolean(),
  seats: z.array(z.object({ name: z.string(), publicIp: z.string(), bgpIp: z.string(), epoch: z.number() })),
  tunnels: z.array(TunnelStatus),
  bgpPeers: z.array(BgpPeerStatus),
  dataPlane: z.object({
    backend: z.string().describe("AEAD backend in use"),
    offloads: z.array(z.string()).describe("TUN and UDP offloads in use"),
    counters: z.record(z.string(), z.number()),
    drops: z.record(z.string(), z.number()),
    stalledMilliseconds: z
      .number()
      .optional()
      .describe("since the packet loop last turned; it turns every second"),
  }),
});

export type ChildStatus = z.infer<typeof ChildStatus>;
export type TunnelStatus = z.infer<typeof TunnelStatus>;
export type BgpPeerStatus = z.infer<typeof BgpPeerStatus>;
export type SeatStatus = z.infer<typeof SeatStatus>;
export type InstanceStatus = z.infer<typeof InstanceStatus>;
export type LabStatus = z.infer<typeof LabStatus>;
export type ProcessStatus = z.infer<typeof ProcessStatus>;
export type Profile = z.infer<typeof Profile>;
