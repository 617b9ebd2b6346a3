/** BGP's sockets on Linux: MD5, TTL and source port come from packages/linux. */
import { connectTcp, listenTcp } from "@tandem/linux";
import type { TcpSockets } from "./tcp-transport.ts";

/** DS field CS6, as routing protocols use it (RFC 4594 §3.1). */
const CS6 = 0xc0;

export const linuxTcpSockets: TcpSockets = {
  dial: (options, signal) =>
    connectTcp({
      remoteAddress: options.remote,
      remotePort: options.remotePort,
      localAddress: options.localAddress,
      ...(options.localPort === undefined ? {} : { localPort: options.localPort, reusePort: true }),
      ...(options.ttl === undefined ? {} : { ttl: options.ttl }),
      ...(options.minimumTtl === undefined ? {} : { minTtl: options.minimumTtl }),
      ...(options.md5Key === undefined ? {} : { md5Key: Buffer.from(options.md5Key, "utf8") }),
      tos: CS6,
      signal,
    }),
  async listen(options) {
    const listener = await listenTcp({
      address: options.address,
      port: options.port,
      freebind: true,
      tos: CS6,
      ...(options.ttl === undefined ? {} : { ttl: options.ttl }),
      ...(options.minimumTtl === undefined ? {} : { minTtl: options.minimumTtl }),
    });
    return {
      server: listener.server,
      setMd5Key: (neighbor, key) =>
        listener.setMd5Key(neighbor, key === undefined ? undefined : Buffer.from(key, "utf8")),
      close: () => listener.close(),
    };
  },
};
