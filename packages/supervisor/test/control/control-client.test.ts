/** What a control socket tells of a process that cannot be looked up: it lives as long as it listens. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ControlClient } from "../../src/control/control-client.ts";

let folder: string;
let path: string;
let client: ControlClient;
let server: Server;
const sockets = new Set<Socket>();

async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 5_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error("not in time");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "tandem-control-"));
  path = join(folder, "x.sock");
  server = createServer((socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  client = new ControlClient(path, { onUp() {}, onDown() {} });
  await until(() => client.up);
});

afterEach(() => {
  client.close();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

test("one that listens is not refused", () => {
  expect(client.refused).toBe(false);
});

test("one that ended in order took its socket away: nobody is there", async () => {
  for (const socket of sockets) socket.destroy();
  server.close(); // unlinks the socket
  await until(() => client.refused);
  expect(client.up).toBe(false);
});
