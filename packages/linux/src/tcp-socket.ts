/**
 * TCP for BGP: sockets made by FFI with the options above, then handed to node:net as file descriptors.
 *
 *      connectTcp ─ socket, options, MD5, bind, connect ─ writable? SO_ERROR 0 ─▶ net.Socket
 *      listenTcp  ─ socket, options, MD5 per peer, bind ────────────────────────▶ net.Server
 */
import { createServer, type Server, Socket } from "node:net";
import { addressFamily, parseAddress } from "@tandem/wire";
import koffi from "koffi";
import { Errno } from "./errno.ts";
import { bindSocket, close, connect, errno } from "./libc.ts";
import { LinuxError } from "./linux-error.ts";
import { AF_INET, AF_INET6, encodeSocketAddress } from "./message.ts";
import { boundPort, getIntegerOption, openSocket, SOL_SOCKET } from "./socket-option.ts";
import { applyTcpOptions, md5Failure, setMd5Key, type TcpSocketOptions } from "./tcp-option.ts";

const SOCK_STREAM = 1;
const SO_ERROR = 4;

export interface ConnectTcpOptions extends TcpSocketOptions {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress?: string;
  /** An adopter may ask for the port of the dead session it continues. */
  readonly localPort?: number;
  readonly md5Key?: Uint8Array;
  /** Gives up: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Connects; the promise rejects with a LinuxError (ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ...). */
export function connectTcp(options: ConnectTcpOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    options.signal?.throwIfAborted();
    const what = `TCP to ${options.remoteAddress} port ${options.remotePort}`;
    const fd = startConnecting(options, what);
    const watch = koffi.node.poll(fd, { writable: true, disconnect: true }, () => {
      finish(getIntegerOption(fd, SOL_SOCKET, SO_ERROR));
    });
    const onAbort = (): void => {
      release();
      close(fd);
      reject(options.signal?.reason);
    };
    options.signal?.addEventListener("abort", onAbort);

    function release(): void {
      watch.stop();
      watch.close();
      options.signal?.removeEventListener("abort", onAbort);
    }
    function finish(code: number): void {
      release();
      if (code === 0) {
        resolve(new Socket({ fd, readable: true, writable: true }));
        return;
      }
      close(fd);
      reject(new LinuxError("connect", code, what));
    }
  });
}

/** A socket whose handshake is under way. Throws a LinuxError. */
function startConnecting(options: ConnectTcpOptions, what: string): number {
  const remote = required(options.remoteAddress);
  const family = addressFamily(options.remoteAddress);
  const fd = openSocket(family === 6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0, what);
  applyTcpOptions(fd, family, options, what);
  const fail = (error: LinuxError): never => {
    close(fd);
    throw error;
  };
  if (options.md5Key !== undefined) {
    const code = setMd5Key(fd, options.remoteAddress, options.md5Key);
    if (code < 0) fail(md5Failure(code, what));
  }
  if (options.localAddress !== undefined || options.localPort !== undefined) {
    const local = required(options.localAddress ?? (family === 6 ? "::" : "0.0.0.0"));
    const name = encodeSocketAddress(local, options.localPort ?? 0);
    if (bindSocket(fd, name, name.length) < 0) {
      fail(
        new LinuxError(
          "bind",
          errno(),
          `${what} from ${options.localAddress ?? "any"} port ${options.localPort ?? 0}`,
        ),
      );
    }
  }
  const name = encodeSocketAddress(remote, options.remotePort);
  if (connect(fd, name, name.length) < 0) {
    const code = errno();
    if (code !== Errno.EINPROGRESS) fail(new LinuxError("connect", code, what));
  }
  return fd;
}

export interface ListenTcpOptions extends TcpSocketOptions {
  readonly address: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
  readonly backlog?: number;
}

export interface TcpListener {
  readonly server: Server;
  readonly port: number;
  /**
   * From now on connections from `peer` must be signed with `key`, or with undefined must not be signed. A peer with a wrong or
   * no signature gets no answer: its connect times out, as RFC 2385 §2.0 wants.
   */
  setMd5Key(peer: string, key: Uint8Array | undefined): void;
  close(): void;
}

/** Listens; resolves when connections are taken, rejects with a LinuxError. Connections come as `server.on("connection")`. */
export function listenTcp(options: ListenTcpOptions): Promise<TcpListener> {
  return new Promise((resolve, reject) => {
    const what = `TCP listener on ${options.address} port ${options.port}`;
    const address = required(options.address);
    const family = addressFamily(options.address);
    const fd = openSocket(family === 6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0, what);
    applyTcpOptions(fd, family, options, what);
    const name = encodeSocketAddress(address, options.port);
    if (bindSocket(fd, name, name.length) < 0) {
      const code = errno();
      close(fd);
      throw new LinuxError("bind", code, what);
    }
    const port = boundPort(fd);
    const server = createServer({ noDelay: true });
    server.once("error", reject);
    server.listen({ fd, backlog: options.backlog ?? 64 }, () => {
      server.off("error", reject);
      resolve({
        server,
        port,
        setMd5Key(peer, key) {
          const code = setMd5Key(fd, peer, key);
          if (code < 0) throw md5Failure(code, `${what}, peer ${peer}`);
        },
        close() {
          server.close();
        },
      });
    });
  });
}

function required(address: string): Uint8Array {
  const bytes = parseAddress(address);
  if (bytes === undefined) throw new RangeError(`"${address}" is no address`);
  return bytes;
}
