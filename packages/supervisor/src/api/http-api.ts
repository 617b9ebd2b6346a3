/**
 * The local HTTP API, on a loopback address and on a Unix socket.
 *
 *      GET  /health/live    200 as long as the process serves
 *      GET  /health/ready   200, or 503 with reasons
 *      GET  /status /resources /history /metrics
 *      GET  /events         text/event-stream; ?since=MILLISECONDS
 *      POST /failover /drain /restore /stay-down /reset /cut-control /heal-control    JSON body, Authorization: Bearer TOKEN
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { dirname } from "node:path";
import type { ControlMethods } from "../control/control-server.ts";
import { Refusal } from "../control/control-server.ts";
import { CHANGES } from "../methods.ts";
import type { Supervisor } from "../supervisor.ts";
import { metricsText } from "./metrics.ts";

const MAX_BODY = 64 * 1024;
const NOBODY = { send() {}, onClose() {} };

export class HttpApi {
  readonly #supervisor: Supervisor;
  readonly #methods: ControlMethods;
  readonly #token: Buffer;
  readonly #servers: Server[] = [];

  constructor(supervisor: Supervisor, methods: ControlMethods) {
    this.#supervisor = supervisor;
    this.#methods = methods;
    this.#token = readToken(supervisor.config.api.tokenFile);
  }

  /** Returns the TCP port. Rejects when it is in use. */
  async listen(): Promise<number> {
    const { host, port, socket } = this.#supervisor.config.api;
    mkdirSync(dirname(socket), { recursive: true, mode: 0o700 });
    rmSync(socket, { force: true });
    const mask = process.umask(0o177);
    try {
      await this.#open((server, done) => server.listen(socket, done));
    } finally {
      process.umask(mask);
    }
    chmodSync(socket, 0o600);
    const tcp = await this.#open((server, done) => server.listen(port, host, done));
    const address = tcp.address();
    return typeof address === "object" && address !== null ? address.port : port;
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#servers.map((server) => {
        server.closeAllConnections();
        return new Promise<void>((resolve) => server.close(() => resolve()));
      }),
    );
  }

  #open(listen: (server: Server, done: () => void) => void): Promise<Server> {
    const server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        if (response.headersSent) response.destroy();
        else if (error instanceof Refusal)
          json(response, 409, { error: { message: error.message, cure: error.cure } });
        else
          json(response, 400, { error: { message: error instanceof Error ? error.message : String(error) } });
      });
    });
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      listen(server, () => resolve(server));
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://localhost");
    const name = url.pathname.slice(1);
    if (request.method === "POST") {
      if (!(CHANGES as readonly string[]).includes(name))
        return json(response, 404, { error: { message: `no such action: ${name}` } });
      if (!this.#authorised(request)) {
        return json(response, 401, {
          error: {
            message: "a change needs Authorization: Bearer TOKEN",
            cure: `the token is in ${this.#supervisor.config.api.tokenFile}`,
          },
        });
      }
      const body = await readBody(request);
      return json(response, 200, await this.#methods[name]!(body === "" ? {} : JSON.parse(body), NOBODY));
    }
    if (request.method !== "GET") return json(response, 405, { error: { message: "GET or POST" } });
    switch (name) {
      case "health/live":
        return json(response, 200, { live: true, pid: process.pid });
      case "health/ready": {
        const { ready, state, reasons } = await this.#supervisor.status();
        return json(response, ready ? 200 : 503, { ready, state, reasons });
      }
      case "metrics":
        response.writeHead(200, { "content-type": "text/plain; version=0.0.4" });
        response.end(await metricsText(this.#supervisor));
        return;
      case "events":
        return this.#stream(request, response, url.searchParams.get("since"));
      case "status":
      case "resources":
      case "history":
        return json(response, 200, await this.#methods[name]!(undefined, NOBODY));
      default:
        return json(response, 404, { error: { message: `no such page: /${name}` } });
    }
  }

  #stream(request: IncomingMessage, response: ServerResponse, since: string | null): void {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    const send = (event: unknown): void => {
      response.write(`data: ${JSON.stringify(event)}\n\n`);
      if (response.writableLength > MAX_BODY * 16) response.destroy(); // a reader that does not read
    };
    response.flushHeaders();
    if (since !== null) for (const event of this.#supervisor.journal.own(Number(since))) send(event);
    const end = this.#supervisor.journal.follow(send);
    request.on("close", end);
  }

  #authorised(request: IncomingMessage): boolean {
    const given = Buffer.from(/^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "");
    return given.length === this.#token.length && timingSafeEqual(given, this.#token);
  }
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`${JSON.stringify(value)}\n`);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > MAX_BODY) throw new Refusal(`a body has at most ${MAX_BODY} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function readToken(file: string): Buffer {
  try {
    return Buffer.from(readFileSync(file, "utf8").trim());
  } catch {
    const token = randomBytes(24).toString("base64url");
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, `${token}\n`, { mode: 0o600 });
    return Buffer.from(token);
  }
}
