/** Runs a speaker over node:net: enough for interop on loopback; sockets with options are the gateway's business. */
import { createServer, connect as dialTcp, type Server, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import type { BgpEffect, BgpInput, BgpSpeaker, FibRoute } from "../../src/index.ts";

export class NetDriver {
  readonly speaker: BgpSpeaker;
  readonly fib: Map<string, FibRoute> = new Map();
  readonly events: BgpEffect[] = [];
  readonly #sockets: Map<number, Socket> = new Map();
  readonly #servers: Server[] = [];
  #nextAccepted = 0;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #stopped = false;

  constructor(speaker: BgpSpeaker) {
    this.speaker = speaker;
  }

  listen(address: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const server = createServer((socket) => this.#accepted(socket));
      this.#servers.push(server);
      server.once("error", reject);
      server.listen(port, address, resolve);
    });
  }

  input(input: BgpInput): void {
    if (this.#stopped) return;
    this.speaker.handle(input, performance.now());
    this.#drain();
  }

  /** Ends everything without a word, as a killed process would. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    for (const s of this.#sockets.values()) s.destroy();
    for (const s of this.#servers) s.close();
  }

  #drain(): void {
    for (let e = this.speaker.poll(); e !== undefined; e = this.speaker.poll()) this.#perform(e);
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    const at = this.speaker.nextTimeout();
    if (at === undefined || this.#stopped) return;
    const fire = (): void => {
      this.speaker.handleTimeout(performance.now());
      this.#drain();
    };
    const wait = at - performance.now();
    if (wait <= 0) this.#immediate = setImmediate(fire);
    else this.#timer = setTimeout(fire, wait + 1);
  }

  #perform(e: BgpEffect): void {
    switch (e.kind) {
      case "connect": {
        const socket = dialTcp({
          host: e.remote,
          port: e.remotePort,
          localAddress: e.localAddress,
          ...(e.localPort === undefined ? {} : { localPort: e.localPort }),
          noDelay: true,
        });
        this.#attach(e.connection, socket);
        socket.once("connect", () =>
          this.input({
            kind: "tcp-connected",
            connection: e.connection,
            localAddress: e.localAddress,
            localPort: socket.localPort ?? 0,
          }),
        );
        return;
      }
      case "write":
        this.#sockets
          .get(e.connection)
          ?.write(e.bytes, () =>
            this.input({ kind: "tcp-written", connection: e.connection, bytes: e.bytes.length }),
          );
        return;
      case "close": {
        const socket = this.#sockets.get(e.connection);
        this.#sockets.delete(e.connection);
        if (e.abort) socket?.destroy();
        else socket?.end();
        return;
      }
      case "routes-changed":
        for (const r of e.set) this.fib.set(r.prefix, r);
        for (const p of e.remove) this.fib.delete(p);
        return;
      default:
        this.events.push(e);
    }
  }

  #accepted(socket: Socket): void {
    const connection = ++this.#nextAccepted;
    this.#attach(connection, socket);
    this.input({
      kind: "tcp-accepted",
      connection,
      localAddress: socket.localAddress ?? "",
      localPort: socket.localPort ?? 0,
      remote: socket.remoteAddress ?? "",
      remotePort: socket.remotePort ?? 0,
    });
  }

  #attach(connection: number, socket: Socket): void {
    this.#sockets.set(connection, socket);
    let reason = "closed by the peer";
    socket.on("error", (error) => {
      reason = error.message;
    });
    socket.on("data", (bytes) => this.input({ kind: "tcp-data", connection, bytes }));
    socket.on("close", () => {
      if (this.#sockets.delete(connection)) this.input({ kind: "tcp-closed", connection, reason });
    });
  }
}
