/**
 * TCP for one BGP speaker: the engine's connection numbers on one side, sockets on the other.
 *
 *      connect, write, close ──▶ ┌──────────────┐ ──▶ TcpSockets (dial, listen)
 *      tcp-connected, tcp-data,  │ TcpTransport │
 *      tcp-written, tcp-closed ◀─└──────────────┘ ◀── socket events
 *
 * A peer that stops reading never grows memory: what is queued is reported to the engine only when it has left
 * (`tcp-written`), and the engine stops sending until then. A peer that says a lot never holds up the rest: what came
 * is handed on in small pieces, and a socket whose piece has to wait for the next turn of the event loop is not read.
 */
import type { Server, Socket } from "node:net";
import type { BgpEffect, BgpInput, TransportOptions } from "@tandem/bgp";
import { TurnQueue } from "../driver/turn-queue.ts";

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
  /** TTL of what accepted sockets send, and the lowest that they take. */
  readonly ttl?: number;
  readonly minimumTtl?: number;
}

export interface Listener {
  readonly server: Server;
  /** Neighbours whose segments must be signed; undefined takes the demand back. */
  setMd5Key(neighbor: string, key: string | undefined): void;
  close(): void;
}

/** How sockets are made. */
export interface TcpSockets {
  /** Resolves when connected; rejects when refused, or when `signal` gives up. */
  dial(options: DialOptions, signal: AbortSignal): Promise<Socket>;
  listen(options: ListenOptions): Promise<Listener>;
}

/** Milliseconds that a NOTIFICATION has to leave before the socket is torn down. */
const LONGEST_FAREWELL = 300;

/** Bytes of what was read that the engine gets at once, and milliseconds that one turn of the event loop gives it. */
const PIECE = 16 * 1024;
const TURN_BUDGET = 5;

type Connect = Extract<BgpEffect, { kind: "connect" }>;
type Write = Extract<BgpEffect, { kind: "write" }>;
type Close = Extract<BgpEffect, { kind: "close" }>;

export interface TcpTransportOptions {
  readonly sockets: TcpSockets;
  readonly input: (input: BgpInput) => void;
  readonly md5Key: (neighbor: string) => string | undefined;
  readonly warn: (message: string) => void;
}

/** What listens on one address; `key` tells two settings apart. */
interface Listening {
  readonly key: string;
  readonly ready: Promise<Listener | undefined>;
  md5: ReadonlyMap<string, string>;
}

export class TcpTransport {
  readonly #options: TcpTransportOptions;
  readonly #connections = new Map<number, Socket>();
  readonly #dials = new Map<number, AbortController>();
  readonly #listeners = new Map<string, Listening>();
  /** Everything that sockets say, in its order. */
  readonly #turns = new TurnQueue(TURN_BUDGET);
  #nextAccepted = 1;

  constructor(options: TcpTransportOptions) {
    this.#options = options;
  }

  connect(effect: Connect): void {
    const { connection, remote } = effect;
    const md5Key = effect.md5 ? this.#options.md5Key(remote) : undefined;
    const abort = new AbortController();
    this.#dials.set(connection, abort);
    this.#options.sockets.dial({ ...effect, ...(md5Key === undefined ? {} : { md5Key }) }, abort.signal).then(
      (socket) => {
        if (!this.#dials.delete(connection)) {
          socket.destroy();
          return;
        }
        this.#connections.set(connection, socket);
        this.#follow(connection, socket);
        this.#options.input({
          kind: "tcp-connected",
          connection,
          localAddress: socket.localAddress ?? effect.localAddress,
          localPort: socket.localPort ?? effect.localPort ?? 0,
        });
      },
      (error: unknown) => {
        if (!this.#dials.delete(connection)) return;
        this.#options.input({ kind: "tcp-closed", connection, reason: reasonOf(error) });
      },
    );
  }

  write(effect: Write): void {
    const { connection, bytes } = effect;
    const socket = this.#connections.get(connection);
    socket?.write(bytes, (error) => {
      if (error != null) return;
      this.#turns.run(() => {
        if (this.#connections.get(connection) !== socket) return;
        this.#options.input({ kind: "tcp-written", connection, bytes: bytes.length });
      });
    });
  }

  close(effect: Close): void {
    const dial = this.#dials.get(effect.connection);
    this.#dials.delete(effect.connection);
    dial?.abort();
    const socket = this.#connections.get(effect.connection);
    if (socket === undefined) return;
    this.#connections.delete(effect.connection);
    if (effect.abort) socket.resetAndDestroy();
    else socket.destroySoon();
  }

  /** Listens on an address from now on. Called again with the same settings it only brings the keys up to date. */
  listen(options: ListenOptions, md5: ReadonlyMap<string, string>): void {
    const key = JSON.stringify(options);
    const before = this.#listeners.get(options.address);
    if (before?.key === key) {
      const old = before.md5;
      before.md5 = md5;
      void before.ready.then((listener) => this.#setKeys(listener, old, md5));
      return;
    }
    this.unlisten(options.address);
    const ready = this.#options.sockets.listen(options).then(
      (listener) => {
        listener.server.on("connection", (socket) => this.#accept(socket));
        listener.server.on("error", (error) => this.#options.warn(`BGP listener: ${reasonOf(error)}`));
        return listener;
      },
      (error: unknown) => {
        this.#options.warn(
          `cannot listen for BGP on ${options.address} port ${options.port}: ${reasonOf(error)}`,
        );
        this.#listeners.delete(options.address);
        return undefined;
      },
    );
    this.#listeners.set(options.address, { key, ready, md5 });
    void ready.then((listener) => this.#setKeys(listener, new Map(), md5));
  }

  unlisten(address: string): void {
    const before = this.#listeners.get(address);
    this.#listeners.delete(address);
    void before?.ready.then((listener) => listener?.close());
  }

  listening(): string[] {
    return [...this.#listeners.keys()];
  }

  /** Stops everything; with `abort`, connections end at once without a word, else after what was written has gone. */
  async stop(abort: boolean): Promise<void> {
    for (const address of [...this.#listeners.keys()]) this.unlisten(address);
    for (const dial of this.#dials.values()) dial.abort();
    this.#dials.clear();
    const closing = [...this.#connections.values()].map(
      (socket) =>
        new Promise<void>((resolve) => {
          socket.once("close", () => resolve());
          if (abort) socket.destroy();
          else socket.destroySoon();
          setTimeout(() => {
            socket.destroy();
            resolve();
          }, LONGEST_FAREWELL).unref();
        }),
    );
    this.#connections.clear();
    await Promise.all(closing);
  }

  #setKeys(
    listener: Listener | undefined,
    before: ReadonlyMap<string, string>,
    now: ReadonlyMap<string, string>,
  ): void {
    if (listener === undefined) return;
    try {
      for (const neighbor of before.keys()) if (!now.has(neighbor)) listener.setMd5Key(neighbor, undefined);
      for (const [neighbor, key] of now) {
        if (before.get(neighbor) !== key) listener.setMd5Key(neighbor, key);
      }
    } catch (error) {
      this.#options.warn(`cannot set a TCP MD5 key: ${reasonOf(error)}`);
    }
  }

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort, localAddress, localPort } = socket;
    if (remoteAddress === undefined || localAddress === undefined) {
      socket.destroy();
      return;
    }
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
    socket.on("data", (bytes: Buffer) => this.#hand(connection, socket, bytes));
    socket.on("error", (error) => {
      reason = reasonOf(error);
    });
    socket.on("close", () => {
      this.#turns.run(() => {
        if (this.#connections.get(connection) !== socket) return;
        this.#connections.delete(connection);
        this.#options.input({ kind: "tcp-closed", connection, reason });
      });
    });
  }

  #hand(connection: number, socket: Socket, bytes: Buffer): void {
    let done = true;
    for (let at = 0; at < bytes.length; at += PIECE) {
      const piece = bytes.subarray(at, at + PIECE);
      const last = at + PIECE >= bytes.length;
      done = this.#turns.run(() => {
        if (this.#connections.get(connection) !== socket) return;
        this.#options.input({ kind: "tcp-data", connection, bytes: piece });
        if (last) socket.resume();
      });
    }
    if (!done) socket.pause();
  }
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);

const unmapped = (address: string): string => (address.startsWith("::ffff:") ? address.slice(7) : address);
