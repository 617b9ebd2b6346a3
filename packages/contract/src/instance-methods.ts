/** Parameters of the methods of an instance or device (control.ts lists them; seat-control.ts has those that move seats). */
import { z } from "zod";

/** A connection by its name, which may stand for several tunnels, or one tunnel by its id. */
export const ConnectionParams = z.object({ connection: z.string(), tunnel: z.string().optional() });
export const RekeyParams = ConnectionParams.extend({
  what: z.enum(["ike", "child", "reauthenticate"]).default("child"),
});
/** `hold`: stay down until `initiate`. */
export const TerminateParams = ConnectionParams.extend({ hold: z.boolean().default(false) });
/** `since` is exclusive, milliseconds since the Unix epoch; with it, `subscribe` first sends what came after. */
export const EventsParams = z.object({ since: z.number().optional() });
/** `path`: the pcapng file; keys and a Wireshark profile go into `path` + ".keys". */
export const CaptureParams = z.object({ on: z.boolean().default(true), path: z.string().optional() });
export const ExplainParams = z.object({
  source: z.string(),
  destination: z.string(),
  protocol: z.number().int().min(0).max(255).default(6),
  sourcePort: z.number().int().min(0).max(65_535).default(0),
  destinationPort: z.number().int().min(0).max(65_535).default(0),
});
/** `peer`: its name (the tunnel's id) or its address. */
export const BgpQuery = z.object({
  seat: z.string().optional(),
  peer: z.string().optional(),
  prefix: z.string().optional(),
  limit: z.number().int().min(1).max(100_000).optional(),
});
export const BgpWhyParams = z.object({ seat: z.string().optional(), prefix: z.string() });
export const BgpRefreshParams = z.object({
  seat: z.string().optional(),
  peer: z.string(),
  direction: z.enum(["in", "out"]).default("in"),
});

/** Answer of `capture`. */
export const CaptureResult = z.object({
  file: z.string(),
  /** Value for XDG_CONFIG_HOME, and the profile's name in it: `XDG_CONFIG_HOME=config tshark -C profile -r file`. */
  config: z.string(),
  profile: z.string(),
  packets: z.number(),
});
export type CaptureResult = z.infer<typeof CaptureResult>;
