/**
 * TCP for one BGP speaker: the engine's connection numbers on one side, sockets on the other.
 *
 *      connect, write, close ──▶ ┌──────────────┐ ──▶ TcpSockets (dial, listen)
 *      tcp-connected, tcp-data,  │ TcpTransport │
 *      tcp-written, tcp-closed ◀─└──────────────┘ ◀── socket events
 *
 * A peer that stops reading never grows memory: what is queued is reported to the engine only when it has left
 * (`tcp-written`), and the engine stops sending until then.
 */
import type { Server, Socket } from "node:net";
import type { BgpEffect, BgpInput, TransportOptions } from "@tandem/bgp";

export interface DialOptions extends TransportOptions {
  readonly localAddress: string;
  /** Absent: any port. */
  readonly localPort?: number;
  readonly remote: string;
  readonly remotePort: number;
  readonly md5Key?: string;
}

export interface ListenOptions {
  readonly address: string;
  readonly port: number;
  /** Neighbours whose segments must carry a signature, with their keys. */
  readonly md5Keys: ReadonlyMap<string, string>;
  /** Neighbours with a lowest TTL; applied to the accepted socket. */
  readonly transportOptions: (neighbor: string) => TransportOptions | undefined;
}

/** How sockets are made. `dial` returns a socket that is connecting; it ends with `connect`, or `error` and `close`. */
export interface TcpSockets {
  dial(options: DialOptions): Socket;
  /** Emits `connection`; throws or emits `error` when the address cannot be had. */
  listen(options: ListenOptions): Server;
}

type Connect = Extract<BgpEffect, { kind: "connect" }>;
type Write = Extract<BgpEffect, { kind: "write" }>;
type Close = Extract<BgpEffect, { kind: "close" }>;

export interface TcpTransportOptions {
  readonly sockets: TcpSockets;
  readonly input: (input: BgpInput) => void;
  readonly md5Key: (neighbor: string) => string | undefined;
  readonly transportOptions: (neighbor: string) => TransportOptions | undefined;
  readonly warn: (message: string) => void;
}

export class TcpTransport {
  readonly #options: TcpTransportOptions;
  readonly #connections = new Map<number, Socket>();
  readonly #listeners = new Map<string, Server>();
  #nextAccepted = 1;

  constructor(options: TcpTransportOptions) {
    this.#options = options;
  }

  connect(effect: Connect): void {
    const { connection, remote } = effect;
    const md5Key = effect.md5 ? this.#options.md5Key(remote) : undefined;
    let socket: Socket;
    try {
      socket = this.#options.sockets.dial({ ...effect, ...(md5Key === undefined ? {} : { md5Key }) });
    } catch (error) {
      this.#options.input({ kind: "tcp-closed", connection, reason: reasonOf(error) });
      return;
    }
    this.#connections.set(connection, socket);
    socket.once("connect", () => {
      if (this.#connections.get(connection) !== socket) return;
      socket.setNoDelay(true);
      this.#options.input({
        kind: "tcp-connected",
        connection,
        localAddress: socket.localAddress ?? effect.localAddress,
        localPort: socket.localPort ?? effect.localPort ?? 0,
      });
    });
    this.#follow(connection, socket);
  }

  write(effect: Write): void {
    const { connection, bytes } = effect;
    const socket = this.#connections.get(connection);
    socket?.write(bytes, (error) => {
      if (error == null && this.#connections.get(connection) === socket) {
        this.#options.input({ kind: "tcp-written", connection, bytes: bytes.length });
      }
    });
  }

  close(effect: Close): void {
    const socket = this.#connections.get(effect.connection);
    if (socket === undefined) return;
    this.#connections.delete(effect.connection);
    if (effect.abort || socket.connecting) socket.resetAndDestroy();
    else socket.destroySoon();
  }

  /** Listens on each address once; a second call with other keys takes the place of the first. */
  listen(address: string, port: number, md5Keys: ReadonlyMap<string, string>): void {
    this.unlisten(address);
    let server: Server;
    const { sockets, transportOptions, warn } = this.#options;
    try {
      server = sockets.listen({ address, port, md5Keys, transportOptions });
    } catch (error) {
      warn(`cannot listen for BGP on ${address}:${port}: ${reasonOf(error)}`);
      return;
    }
    server.on("error", (error) => warn(`cannot listen for BGP on ${address}:${port}: ${reasonOf(error)}`));
    server.on("connection", (socket) => this.#accept(socket));
    this.#listeners.set(address, server);
  }

  unlisten(address: string): void {
    this.#listeners.get(address)?.close();
    this.#listeners.delete(address);
  }

  /** Stops listening; with `abort`, connections end at once with a reset, else after what was written has gone. */
  stop(abort: boolean): Promise<void> {
    for (const address of [...this.#listeners.keys()]) this.unlisten(address);
    const closing = [...this.#connections.values()].map(
      (socket) =>
        new Promise<void>((resolve) => {
          socket.once("close", () => resolve());
          if (abort || socket.connecting) socket.destroy();
          else socket.destroySoon();
          setTimeout(() => {
            socket.destroy();
            resolve();
          }, 300).unref();
        }),
    );
    this.#connections.clear();
    return Promise.all(closing).then(() => {});
  }

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort, localAddress, localPort } = socket;
    if (remoteAddress === undefined || localAddress === undefined) {
      socket.destroy();
      return;
    }
    socket.setNoDelay(true);
    const connection = this.#nextAccepted++;
    this.#connections.set(connection, socket);
    this.#follow(connection, socket);
    this.#options.input({
      kind: "tcp-accepted",
      connection,
      localAddress: unmapped(localAddress),
      localPort: localPort ?? 0,
      remote: unmapped(remoteAddress),
      remotePort: remotePort ?? 0,
    });
  }

  #follow(connection: number, socket: Socket): void {
    let reason = "closed by the peer";
    socket.on("data", (bytes: Buffer) => {
      if (this.#connections.get(connection) !== socket) return;
      this.#options.input({ kind: "tcp-data", connection, bytes });
    });
    socket.on("error", (error) => {
      reason = reasonOf(error);
    });
    socket.on("close", () => {
      if (this.#connections.get(connection) !== socket) return;
      this.#connections.delete(connection);
      this.#options.input({ kind: "tcp-closed", connection, reason });
    });
  }
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);

const unmapped = (address: string): string => (address.startsWith("::ffff:") ? address.slice(7) : address);
