import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { createArena } from "../src/arena.ts";
import { closeEventFd, openEventFd, ringEventFd } from "../src/eventfd.ts";
import { PollSet } from "../src/poll.ts";

const program = (name: string): string => join(import.meta.dirname, "programs", name);

test("hands out zeroed, aligned, distinct regions until it is used up", () => {
  const arena = createArena(65536);
  const a = arena.allocate(100);
  const b = arena.allocate(10, 4096);
  expect(b % 4096).toBe(0);
  expect(b).toBeGreaterThanOrEqual(a + 100);
  expect(arena.bytes.subarray(a, a + 100).every((byte) => byte === 0)).toBe(true);
  expect(() => arena.allocate(arena.length)).toThrow(/bytes left/);
});

test("views one memory as bytes, fields and words", () => {
  const arena = createArena(65536);
  arena.view.setUint32(8, 0x01020304, true);
  expect(arena.words[2]).toBe(0x01020304);
  expect(arena.bytes[8]).toBe(4);
});

test("another isolate sees the same memory, is woken by an eventfd and counts with Atomics", async () => {
  const arena = createArena(65536);
  const fds = { wake: openEventFd(), done: openEventFd() };
  const counter = arena.allocate(4);
  const word = new Int32Array(arena.bytes.buffer, counter, 1);
  const poll = new PollSet(arena);
  poll.add(fds.done);
  const worker = new Worker(program("arena-worker.ts"), {
    workerData: { base: arena.base, length: arena.length, counter, fds },
  });
  arena.bytes[1000] = 42;
  ringEventFd(fds.wake);
  const exit = new Promise((resolve) => worker.once("exit", resolve));
  expect(await exit).toBe(0);
  expect(poll.wait(0)).toBe(1);
  expect(Atomics.load(word, 0)).toBe(1000);
  expect(arena.bytes[1001]).toBe(43);
  closeEventFd(fds.wake);
  closeEventFd(fds.done);
});

test.each(["below", "above"])("an address %s the arena faults instead of touching a neighbour", (side) => {
  const child = spawnSync(process.execPath, [program("arena-fault.ts"), side], { encoding: "utf8" });
  expect(child.stdout).toBe("inside is fine\n");
  expect(child.signal).toBe("SIGSEGV");
});

test("poll reports only what is ready and uses slots again", () => {
  const arena = createArena(65536);
  const poll = new PollSet(arena, 2);
  const [a, b] = [openEventFd(), openEventFd()];
  const [first, second] = [poll.add(a), poll.add(b)];
  expect(() => poll.add(a)).toThrow(/full/);
  ringEventFd(b);
  expect(poll.wait(1000)).toBe(1);
  expect([poll.ready(first), poll.ready(second)]).toEqual([0, 1]);
  poll.remove(second);
  expect(poll.wait(0)).toBe(0);
  expect(poll.add(b)).toBe(second);
  closeEventFd(a);
  closeEventFd(b);
});
