/**
 * What the fabric agent is started with: which interface leads where, and who owns each seat at the start.
 *
 *      VNet hosts ── vnetInterfaces ──┐                       ┌── outside (public IP /32) ── instance
 *                                     │  fabric: table 100+n  │
 *      instances ──── inside ─────────┘  resilient groups     └── edgeInterfaces ── devices, other labs' edges
 *
 * One fabric serves every gateway of a lab. Addresses are canonical text, `via` is the far end of a point-to-point link.
 */
import { z } from "zod";

export const FabricPort = z.object({
  instance: z.string().describe("for example gw/IN_0"),
  /** Interfaces of the fabric's namespace, and the instance's addresses at their far ends, one per family. */
  outside: z.object({ interface: z.string(), via: z.array(z.string()) }),
  inside: z.object({ interface: z.string(), via: z.array(z.string()) }),
});

export const FabricSeat = z.object({
  name: z.string(),
  publicIps: z.array(z.string()).min(1),
  bgpIp: z.string(),
  owner: z.string().nullable(),
  epoch: z.number().int().nonnegative(),
});

export const FabricGateway = z.object({
  name: z.string(),
  ports: z.array(FabricPort),
  seats: z.array(FabricSeat),
  /** Where the VNet's hosts are; what enters here and is not for the VNet goes to the gateway. */
  vnetInterfaces: z.array(z.string()),
  /** The VNet's own prefixes (connected on `vnetInterfaces`, and those of peered hosts). */
  vnetPrefixes: z.array(z.string()),
  /** Number of the routing table of this VNet. */
  table: z.number().int(),
});

export const FabricConfig = z.object({
  name: z.string(),
  controlSocket: z.string(),
  /** Last owners and epochs, so that an agent that starts again refuses what is older. 0600. */
  stateFile: z.string(),
  gateways: z.array(FabricGateway),
  /** Interfaces towards devices and clients. */
  edgeInterfaces: z.array(z.string()),
  /** Buckets of each resilient next-hop group; a power of two. */
  buckets: z.number().int().default(128),
});

/**
 * A site's router between its hosts and several devices: the same agent, with a spread over devices instead of seats.
 * A member whose control socket is given leaves the spread when its process dies and comes back with it.
 */
export const SiteRouterConfig = z.object({
  name: z.string(),
  controlSocket: z.string(),
  table: z.number().int(),
  hostInterfaces: z.array(z.string()),
  sitePrefixes: z.array(z.string()),
  members: z.array(
    z.object({
      device: z.string(),
      interface: z.string(),
      via: z.array(z.string()),
      controlSocket: z.string().optional(),
    }),
  ),
  buckets: z.number().int().default(128),
});

export type FabricConfig = z.infer<typeof FabricConfig>;
export type FabricConfigInput = z.input<typeof FabricConfig>;
export type FabricGateway = z.infer<typeof FabricGateway>;
export type FabricSeat = z.infer<typeof FabricSeat>;
export type FabricPort = z.infer<typeof FabricPort>;
export type SiteRouterConfig = z.infer<typeof SiteRouterConfig>;
