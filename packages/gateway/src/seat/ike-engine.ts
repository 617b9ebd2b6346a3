/** @tandem/ike's endpoint as the seat's IkeEngine. */
import { IkeEndpoint, type IkeEndpointOptions, type IkeTunnelStatus } from "@tandem/ike";
import type { IkeEngine } from "./seat-context.ts";

export function makeIkeEngine(options: IkeEndpointOptions): IkeEngine {
  const endpoint = new IkeEndpoint(options);
  return {
    handle: (input, now) => endpoint.handle(input, now),
    handleTimeout: (now) => endpoint.handleTimeout(now),
    poll: () => endpoint.poll(),
    nextTimeout: () => endpoint.nextTimeout(),
    tunnels: (now) => {
      const any = endpoint as any;
      if (typeof any.status === "function") return any.status(now) as IkeTunnelStatus[];
      return [...any.tunnels].map((t: any) => ({
        tunnel: t.name, connection: t.connection.connection, state: t.current?.state === "established" ? "ESTABLISHED" : "CONNECTING",
        reason: t.reason, initiatorSpi: t.current?.initiatorSpi,
        children: t.current ? [...t.current.children].map((c: any) => ({ childSa: c.install.childSa, policy: c.policy, spiIn: c.install.spiIn.toString(16).padStart(8,"0"), spiOut: c.install.spiOut.toString(16).padStart(8,"0"), esp: "", localTs: [], remoteTs: [], encapsulated: c.install.endpoints.udp !== undefined, installedSeconds: 0, rekeySeconds: 0, lifeSeconds: 0 })) : [],
      }));
    },
    exportIkeSas: () => endpoint.exportIkeSas(),
  };
}
