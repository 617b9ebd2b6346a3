/**
 * A lasting connection to another process's control socket. It says at once when the connection goes (for a process
 * that is killed the kernel closes the socket within a millisecond: the earliest sign there is) and tries again.
 */
import { connect, type Socket } from "node:net";
import { ControlResponse } from "@tandem/contract";
import { LineReader } from "./line-reader.ts";

const RETRY_MILLISECONDS = 50;

export interface ControlClientEvents {
  onUp(): void;
  onDown(): void;
  onEvent?(event: unknown): void;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
}

export class ControlClient {
  readonly path: string;
  readonly #events: ControlClientEvents;
  readonly #waiting = new Map<number, Waiting>();
  #socket: Socket | undefined;
  #up = false;
  #nextId = 1;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;
  #held = false;
  #refused = false;

  constructor(path: string, events: ControlClientEvents) {
    this.path = path;
    this.#events = events;
    this.#connect();
  }

  get up(): boolean {
    return this.#up;
  }

  /** Nobody listens there: the last attempt was refused, or there is no socket. A living process listens as long as it lives. */
  get refused(): boolean {
    return this.#refused;
  }

  /** Rejects when the process refuses, does not answer in time, or the connection goes. */
  call(method: string, params?: unknown, timeoutMilliseconds = 5000): Promise<unknown> {
    const socket = this.#socket;
    if (!this.#up || socket === undefined) return Promise.reject(new Error(`${this.path} is not connected`));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new Error(`no answer to ${method} in ${timeoutMilliseconds} ms`));
      }, timeoutMilliseconds);
      this.#waiting.set(id, { resolve, reject, timer });
      socket.write(`${JSON.stringify({ id, method, params })}\n`);
    });
  }

  /** For `cut control`: behaves as if the other process were unreachable until released. */
  hold(held: boolean): void {
    this.#held = held;
    if (held) this.#socket?.destroy();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#socket?.destroy();
  }

  #connect(): void {
    if (this.#closed) return;
    if (this.#held) {
      this.#again();
      return;
    }
    const socket = connect(this.path);
    this.#socket = socket;
    const reader = new LineReader(
      (line) => this.#receive(line),
      () => socket.destroy(),
    );
    socket.on("connect", () => {
      this.#up = true;
      this.#refused = false;
      this.#events.onUp();
    });
    socket.on("data", (chunk) => reader.push(chunk));
    socket.on("error", (error: NodeJS.ErrnoException) => {
      // A process that is killed leaves its socket behind, one that says goodbye takes it away.
      this.#refused = error.code === "ECONNREFUSED" || error.code === "ENOENT";
    });
    socket.on("close", () => {
      const was = this.#up;
      this.#up = false;
      for (const waiting of this.#waiting.values()) {
        clearTimeout(waiting.timer);
        waiting.reject(new Error("the process closed its control socket"));
      }
      this.#waiting.clear();
      if (was && !this.#closed) this.#events.onDown();
      this.#again();
    });
  }

  #again(): void {
    if (this.#closed) return;
    this.#retry = setTimeout(() => this.#connect(), RETRY_MILLISECONDS);
  }

  #receive(line: string): void {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      this.#socket?.destroy();
      return;
    }
    if (typeof value === "object" && value !== null && "event" in value) {
      this.#events.onEvent?.((value as { event: unknown }).event);
      return;
    }
    const response = ControlResponse.safeParse(value);
    if (!response.success) return;
    const waiting = this.#waiting.get(response.data.id);
    if (waiting === undefined) return;
    this.#waiting.delete(response.data.id);
    clearTimeout(waiting.timer);
    if (response.data.ok) waiting.resolve(response.data.result);
    else waiting.reject(new Error(response.data.error.message));
  }
}
