/** What is concluded from an instance's answers, and from answers that do not come. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { ControlServer } from "../../src/control/control-server.ts";
import { InstanceMonitor } from "../../src/health/instance-monitor.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-monitor-"));
const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0)) await undo();
  rmSync(folder, { recursive: true, force: true });
});

test("unanswered probes alone are a broken path, unless the instance withholds such answers from a flood", async () => {
  let answersWithheld = 0;
  let flood = true;
  const server = new ControlServer({
    ping: () => ({
      pid: process.pid,
      seats: [],
      answersWithheld: flood ? ++answersWithheld : answersWithheld,
    }),
    subscribe: () => ({}),
  });
  const socket = join(folder, "flood.sock");
  await server.listen(socket);
  cleanup.push(() => server.close());
  const downs: string[] = [];
  let pings = 0;
  const times = { heartbeatMilliseconds: 20, silentMilliseconds: 60_000, probeMisses: 4 };
  const monitor = new InstanceMonitor(socket, times, () => 1_000_000, {
    onUp: () => {
      pings++;
    },
    onDown: (cause, message) => downs.push(`${cause}: ${message}`),
    onEvent: () => {},
  });
  cleanup.push(() => monitor.close());
  // It is called up with every answer as long as the flood lasts, although no probe has been answered for hours.
  await vi.waitFor(() => expect(pings).toBeGreaterThan(20), { timeout: 20_000 });
  const during = downs.length;
  flood = false;
  await vi.waitFor(() => expect(downs.length).toBeGreaterThan(during), { timeout: 20_000 });
  expect(downs.at(-1)).toMatch(/^path: \d+ probes through the data path unanswered$/);
});

test("an answer of another version is named, and the instance is up as soon as it can be understood", async () => {
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
