/** The client of a process's control socket; the protocol is drawn in packages/contract/src/control.ts. */
import { connect, type Socket } from "node:net";
import { ControlResponse, MAX_CONTROL_LINE, TandemEvent } from "@tandem/contract";
import { LabError } from "../lab-error.ts";

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

const DEFAULT_TIMEOUT_MILLISECONDS = 5_000;

export class ControlClient {
  readonly #socket: Socket;
  readonly #pending: Map<number, Pending> = new Map();
  readonly #listeners: Set<(event: TandemEvent) => void> = new Set();
  readonly #closed: Promise<void>;
  #nextId = 1;
  #buffered = "";

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => this.#receive(text));
    socket.on("error", () => {}); // "close" follows and tells everybody
    this.#closed = new Promise((resolve) => socket.once("close", () => resolve()));
    void this.#closed.then(() => this.#failAll(new LabError("the process closed its control socket")));
  }

  /** Rejects with ENOENT or ECONNREFUSED in `cause` when nothing listens at `path`. */
  static open(path: string): Promise<ControlClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      socket.once("connect", () => {
        socket.removeAllListeners("error");
        resolve(new ControlClient(socket));
      });
      socket.once("error", (cause) => {
        reject(
          Object.assign(new LabError(`nothing answers at ${path}: the process is not running`), { cause }),
        );
      });
    });
  }

  /** Resolves when the other side has closed. */
  get closed(): Promise<void> {
    return this.#closed;
  }

  call(
    method: string,
    params?: unknown,
    timeoutMilliseconds = DEFAULT_TIMEOUT_MILLISECONDS,
  ): Promise<unknown> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new LabError(`no answer to "${method}" within ${timeoutMilliseconds} ms`));
      }, timeoutMilliseconds);
      this.#pending.set(id, { resolve, reject, timer });
      this.#socket.write(
        `${JSON.stringify(params === undefined ? { id, method } : { id, method, params })}\n`,
      );
    });
  }

  /** Asks for the event stream; `listener` is called for each event until the client is closed. */
  async subscribe(listener: (event: TandemEvent) => void, params?: unknown): Promise<void> {
    this.#listeners.add(listener);
    await this.call("subscribe", params);
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(text: string): void {
    this.#buffered += text;
    if (this.#buffered.length > MAX_CONTROL_LINE) {
      this.#socket.destroy();
      return;
    }
    let end = this.#buffered.indexOf("\n");
    while (end >= 0) {
      const line = this.#buffered.slice(0, end);
      this.#buffered = this.#buffered.slice(end + 1);
      if (line.trim() !== "") this.#receiveLine(line);
      end = this.#buffered.indexOf("\n");
    }
  }

  #receiveLine(line: string): void {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      this.#socket.destroy();
      return;
    }
    if (typeof value === "object" && value !== null && "event" in value) {
      const event = TandemEvent.safeParse(value.event);
      if (event.success) for (const listener of this.#listeners) listener(event.data);
      return;
    }
    const response = ControlResponse.safeParse(value);
    if (!response.success) return;
    const pending = this.#pending.get(response.data.id);
    if (pending === undefined) return;
    this.#pending.delete(response.data.id);
    clearTimeout(pending.timer);
    if (response.data.ok) pending.resolve(response.data.result);
    else pending.reject(new LabError(response.data.error.message, response.data.error.cure));
  }

  #failAll(error: Error): void {
    for (const pending of this.#pending.values()) {
      clearTimeout(pending.timer);
      pending.reject(error);
    }
    this.#pending.clear();
  }
}

/** One question, one answer. */
export async function callControl(
  path: string,
  method: string,
  params?: unknown,
  timeoutMilliseconds: number = DEFAULT_TIMEOUT_MILLISECONDS,
): Promise<unknown> {
  const client = await ControlClient.open(path);
  try {
    return await client.call(method, params, timeoutMilliseconds);
  } finally {
    client.close();
  }
}
