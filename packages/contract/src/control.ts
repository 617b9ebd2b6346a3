/**
 * The control protocol: every process (instance, device, fabric agent, supervisor) listens on a Unix socket
 * (mode 0600) and speaks one JSON value per line.
 *
 *      ──▶ { "id": 1, "method": "status" }
 *      ◀── { "id": 1, "ok": true, "result": {...} }      or  { "id": 1, "ok": false, "error": { "message", "cure"? } }
 *      ◀── { "event": {...} }                            after `subscribe`
 */
import { z } from "zod";

export const MAX_CONTROL_LINE = 8 * 1024 * 1024;

export const ControlRequest = z.object({
  id: z.number().int(),
  method: z.string(),
  params: z.unknown().optional(),
});

export const ControlError = z.object({ message: z.string(), cure: z.string().optional() });

export const ControlResponse = z.union([
  z.object({ id: z.number().int(), ok: z.literal(true), result: z.unknown() }),
  z.object({ id: z.number().int(), ok: z.literal(false), error: ControlError }),
]);

/**
 * Methods of an instance or device:
 *   status -> ProcessStatus          configure(InstanceConfig) -> { changed: string[] }
 *   sas -> TunnelStatus[]            routes -> FIB                 explain({source,destination,...})
 *   events / subscribe               capture({path, on})           transcript({connection})
 *   seat-take({seat, epoch, ...})    seat-drop({seat, epoch})      drain({seat})              ping
 *   initiate({connection})           terminate({connection})       rekey({connection, what})  stop
 *   bgp-summary bgp-routes bgp-advertised bgp-why bgp-refresh
 * Their parameters: instance-methods.ts and seat-control.ts.
 */
export type ControlRequest = z.infer<typeof ControlRequest>;
export type ControlResponse = z.infer<typeof ControlResponse>;
export type ControlError = z.infer<typeof ControlError>;
