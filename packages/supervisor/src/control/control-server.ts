/**
 * A control socket: one JSON value per line over a Unix socket that only its owner may open (contract/control.ts).
 * A client that does not read its answers is cut off; a line that is too long ends the connection.
 */
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { ControlRequest, MAX_CONTROL_LINE } from "@tandem/contract";
import { LineReader } from "./line-reader.ts";

/** A refusal that a person reads: what was wrong, and what helps. */
export class Refusal extends Error {
  readonly cure: string | undefined;
  constructor(message: string, cure?: string) {
    super(message);
    this.cure = cure;
  }
}

export interface ControlPeer {
  /** Pushes a line, for example `{ event }`. */
  send(value: unknown): void;
  onClose(callback: () => void): void;
}

export type ControlMethod = (params: unknown, peer: ControlPeer) => unknown;
export type ControlMethods = Readonly<Record<string, ControlMethod>>;

export class ControlServer {
  readonly #methods: ControlMethods;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(methods: ControlMethods) {
    this.#methods = methods;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** Takes the place of a socket file that a dead process left. */
  async listen(path: string): Promise<void> {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    rmSync(path, { force: true });
    const mask = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#server.once("error", reject);
        this.#server.listen(path, resolve);
      });
    } finally {
      process.umask(mask);
    }
    chmodSync(path, 0o600);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    const closers: (() => void)[] = [];
    const peer: ControlPeer = {
      send(value) {
        if (socket.destroyed) return;
        socket.write(`${JSON.stringify(value)}\n`);
        if (socket.writableLength > MAX_CONTROL_LINE) socket.destroy();
      },
      onClose: (callback) => closers.push(callback),
    };
    const reader = new LineReader(
      (line) => void this.#answer(line, peer),
      () => socket.destroy(),
    );
    socket.on("data", (chunk) => reader.push(chunk));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#sockets.delete(socket);
      for (const closer of closers) closer();
    });
  }

  async #answer(line: string, peer: ControlPeer): Promise<void> {
    let id = 0;
    try {
      const request = ControlRequest.parse(JSON.parse(line));
      id = request.id;
      const method = Object.hasOwn(this.#methods, request.method) ? this.#methods[request.method] : undefined;
      if (method === undefined) {
        throw new Refusal(`no method "${request.method}"`, `one of ${Object.keys(this.#methods).join(", ")}`);
      }
      const result = await method(request.params, peer);
      peer.send({ id, ok: true, result: result ?? null });
    } catch (error) {
      const cure = error instanceof Refusal ? error.cure : undefined;
      const message = error instanceof Error ? error.message : String(error);
      peer.send({ id, ok: false, error: { message, ...(cure === undefined ? {} : { cure }) } });
    }
  }
}
