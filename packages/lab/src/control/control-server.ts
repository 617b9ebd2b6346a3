/** The smallest server of the control protocol, for the lab's own processes (probers). */
import { chmodSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { ControlRequest, type ControlResponse, MAX_CONTROL_LINE } from "@tandem/contract";
import { reasonOf } from "../lab-error.ts";

export type ControlMethod = (params: unknown, socket: Socket) => unknown | Promise<unknown>;

/** Resolves when it listens; replaces the socket of a process that has died. */
export function serveControl(path: string, methods: Readonly<Record<string, ControlMethod>>): Promise<void> {
  rmSync(path, { force: true });
  const server = createServer((socket) => {
    let buffered = "";
    socket.setEncoding("utf8");
    socket.on("error", () => socket.destroy());
    socket.on("data", (text: string) => {
      buffered += text;
      if (buffered.length > MAX_CONTROL_LINE) socket.destroy();
      const lines = buffered.split("\n");
      buffered = lines.pop() ?? "";
      for (const line of lines) void answer(line, methods, socket);
    });
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      chmodSync(path, 0o600);
      resolve();
    });
  });
}

async function answer(
  line: string,
  methods: Readonly<Record<string, ControlMethod>>,
  socket: Socket,
): Promise<void> {
  let id = 0;
  let response: ControlResponse;
  try {
    const request = ControlRequest.parse(JSON.parse(line));
    id = request.id;
    const handler = Object.hasOwn(methods, request.method) ? methods[request.method] : undefined;
    response =
      handler === undefined
        ? { id, ok: false, error: { message: `no method "${request.method}"` } }
        : { id, ok: true, result: (await handler(request.params, socket)) ?? null };
  } catch (error) {
    response = { id, ok: false, error: { message: reasonOf(error) } };
  }
  if (!socket.destroyed) socket.write(`${JSON.stringify(response)}\n`);
}
