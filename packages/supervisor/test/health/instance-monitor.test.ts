/** An instance of another version: it answers, but not as this supervisor understands it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { ControlServer } from "../../src/control/control-server.ts";
import { InstanceMonitor } from "../../src/health/instance-monitor.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-monitor-"));
const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0)) await undo();
  rmSync(folder, { recursive: true, force: true });
});

test("its answer is named, and it is up as soon as it can be understood", async () => {
  let answer: unknown = { process: process.pid };
  const server = new ControlServer({ ping: () => answer, subscribe: () => ({}) });
  const socket = join(folder, "i.sock");
  await server.listen(socket);
  cleanup.push(() => server.close());
  const said: string[] = [];
  const heard = (what: string): Promise<void> =>
    new Promise((resolve) => {
      const look = setInterval(() => {
        if (!said.some((line) => line.includes(what))) return;
        clearInterval(look);
        resolve();
      }, 5);
    });
  const times = { heartbeatMilliseconds: 20, silentMilliseconds: 60_000, probeMisses: 100 };
  const monitor = new InstanceMonitor(socket, times, () => undefined, {
    onUp: (pid) => said.push(`up ${pid}`),
    onDown: (cause, message) => said.push(`${cause}: ${message}`),
    onEvent: () => {},
  });
  cleanup.push(() => monitor.close());
  await heard("another version");
  expect(said).toEqual([
    expect.stringMatching(/^silent: answers as another version would \(pid: .*\): it gets no seat$/),
  ]);
  answer = { pid: process.pid, seats: [] };
  await heard(`up ${process.pid}`);
});
