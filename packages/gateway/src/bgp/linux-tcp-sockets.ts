/** BGP's sockets on Linux: MD5, TTL and source port come from packages/linux. */
import { type ConnectTcpOptions, connectTcp, listenTcp } from "@tandem/linux";
import type { DialOptions, TcpSockets } from "./tcp-transport.ts";

/** DS field CS6, as routing protocols use it (RFC 4594 §3.1). */
const CS6 = 0xc0;

/**
 * A SYN that meets a path which is just being moved is lost, and TCP repeats it only after 1, 3 and 7 seconds. A dial
 * that is not answered in this time is begun anew, each time with twice the patience. Milliseconds.
 */
const FIRST_PATIENCE = 150;
const LONGEST_PATIENCE = 5_000;

export const linuxTcpSockets: TcpSockets = {
  async dial(options, signal) {
    for (let patience = FIRST_PATIENCE; ; patience = Math.min(patience * 2, LONGEST_PATIENCE)) {
      const tired = AbortSignal.timeout(patience);
      try {
        return await connectTcp({ ...connectOptions(options), signal: AbortSignal.any([signal, tired]) });
      } catch (error) {
        if (signal.aborted || !tired.aborted) throw error;
      }
    }
  },
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

const connectOptions = (options: DialOptions): ConnectTcpOptions => ({
  remoteAddress: options.remote,
  remotePort: options.remotePort,
  localAddress: options.localAddress,
  ...(options.localPort === undefined ? {} : { localPort: options.localPort, reusePort: true }),
  ...(options.ttl === undefined ? {} : { ttl: options.ttl }),
  ...(options.minimumTtl === undefined ? {} : { minTtl: options.minimumTtl }),
  ...(options.md5Key === undefined ? {} : { md5Key: Buffer.from(options.md5Key, "utf8") }),
  tos: CS6,
});
