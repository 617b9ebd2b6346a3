/**
 * The control socket: one JSON value per line over a Unix socket that only its owner may open (contract/control.ts).
 *
 *      client ──line──▶ parse ─▶ ControlRequest ─▶ method table ─▶ result or ControlRefusal ──line──▶ client
 *
 * Bounded on every side: line length, requests in flight per client, and bytes that a client leaves unread
 * (a subscriber that stops reading is cut off rather than remembered).
 */
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { ControlRequest, type ControlResponse, MAX_CONTROL_LINE } from "@tandem/contract";

/** A refusal that a person reads: what was wrong, and what helps. Anything else that is thrown is a fault. */
export class ControlRefusal extends Error {
  readonly cure: string | undefined;
  constructor(message: string, cure?: string) {
    super(message);
    this.cure = cure;
  }
}

/** Lets a method push lines (`{"event": ...}`) and learn when the client has gone. */
export interface ControlClient {
  send(value: unknown): void;
  onClose(callback: () => void): void;
}

export type ControlMethods = Readonly<
  Record<string, (params: unknown, client: ControlClient) => unknown | Promise<unknown>>
>;

const MAX_IN_FLIGHT = 64;
const MAX_UNREAD = 2 * MAX_CONTROL_LINE;

export class ControlServer {
  readonly #methods: ControlMethods;
  readonly #onFault: (method: string, error: unknown) => void;
  readonly #server: Server;
  readonly #clients = new Set<Socket>();
  #path = "";

  constructor(methods: ControlMethods, onFault: (method: string, error: unknown) => void) {
    this.#methods = methods;
    this.#onFault = onFault;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** Replaces a socket file left by a dead process. Rejects when the path cannot be used. */
  async listen(path: string): Promise<void> {
    const mask = process.umask(0o177);
    try {
      process.umask(0o077);
      mkdirSync(dirname(path), { recursive: true });
      rmSync(path, { force: true });
      process.umask(0o177);
      await new Promise<void>((resolve, reject) => {
        this.#server.once("error", reject);
        this.#server.listen(path, () => {
          this.#server.off("error", reject);
          resolve();
        });
      });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new ControlRefusal(`cannot listen on the control socket ${path}: ${reason}`);
    } finally {
      process.umask(mask);
    }
    chmodSync(path, 0o600);
    this.#path = path;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.end();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      setTimeout(() => {
        for (const client of this.#clients) client.destroy();
      }, 200).unref();
    });
    if (this.#path !== "") rmSync(this.#path, { force: true });
  }

  #serve(socket: Socket): void {
    this.#clients.add(socket);
    const closers: (() => void)[] = [];
    const send = (value: unknown): void => {
      if (socket.destroyed) return;
      socket.write(`${JSON.stringify(value)}\n`);
      if (socket.writableLength > MAX_UNREAD) socket.destroy();
    };
    const client: ControlClient = { send, onClose: (callback) => closers.push(callback) };
    let pending: Buffer[] = [];
    let pendingLength = 0;
    let inFlight = 0;
    const take = (line: string): void => {
      if (line.trim() === "") return;
      if (inFlight >= MAX_IN_FLIGHT) {
        send(refusal(idOf(line), `more than ${MAX_IN_FLIGHT} requests in flight`));
        return;
      }
      inFlight++;
      this.#answer(line, client)
        .then(send)
        .finally(() => {
          inFlight--;
        });
    };
    socket.on("data", (chunk: Buffer) => {
      let rest = chunk;
      for (;;) {
        const end = rest.indexOf(10);
        if (end < 0) break;
        pending.push(rest.subarray(0, end));
        take(Buffer.concat(pending).toString("utf8"));
        pending = [];
        pendingLength = 0;
        rest = rest.subarray(end + 1);
      }
      if (rest.length === 0) return;
      pending.push(rest);
      pendingLength += rest.length;
      if (pendingLength > MAX_CONTROL_LINE) {
        send(refusal(0, `a line longer than ${MAX_CONTROL_LINE} bytes`));
        socket.destroySoon();
        pending = [];
      }
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      this.#clients.delete(socket);
      for (const closer of closers) closer();
    });
  }

  async #answer(line: string, client: ControlClient): Promise<ControlResponse> {
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch {
      return refusal(0, "not a JSON value");
    }
    const request = ControlRequest.safeParse(json);
    if (!request.success) return refusal(0, "not a control request: { id, method, params? } is expected");
    const { id, method, params } = request.data;
    const handler = Object.hasOwn(this.#methods, method) ? this.#methods[method] : undefined;
    if (handler === undefined) {
      const known = Object.keys(this.#methods).sort().join(", ");
      return refusal(id, `no method "${method}"`, `methods: ${known}`);
    }
    try {
      return { id, ok: true, result: (await handler(params, client)) ?? null };
    } catch (error) {
      if (error instanceof ControlRefusal) return refusal(id, error.message, error.cure);
      this.#onFault(method, error);
      return refusal(
        id,
        `internal fault in ${method}: ${error instanceof Error ? error.message : "unknown"}`,
      );
    }
  }
}

function refusal(id: number, message: string, cure?: string): ControlResponse {
  return { id, ok: false, error: cure === undefined ? { message } : { message, cure } };
}

function idOf(line: string): number {
  const match = /"id"\s*:\s*(\d+)/.exec(line);
  return match === null ? 0 : Number(match[1]);
}
