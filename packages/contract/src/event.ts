/** One line of `tandem events`. `at` is milliseconds since the Unix epoch with fractions. */
import { z } from "zod";

export const TandemEvent = z
  .object({
    at: z.number(),
    node: z.string(),
    /** Dotted name: ike.established, ike.adopted, ike.failed, child.up, child.rekeyed, child.replaced, child.down, bgp.state, route.changed, seat.taken, seat.dropped, failover.phase, dataplane.fault, ... */
    event: z.string(),
    connection: z.string().optional(),
    seat: z.string().optional(),
    remote: z.string().optional(),
    message: z.string(),
    /** The name that the cloud's diagnostic log gives it: TunnelConnected, TunnelDisconnected, BgpConnectedEvent, ... */
    operationName: z.string().optional(),
    simulated: z.boolean().optional(),
  })
  .loose();
export type TandemEvent = z.infer<typeof TandemEvent>;
