import { workerData } from "node:worker_threads";
import { attachArena } from "../../src/arena.ts";
import { ringEventFd } from "../../src/eventfd.ts";
import { poll } from "../../src/libc.ts";

const { base, length, counter, fds } = workerData;
const arena = attachArena({ base, length });
arena.view.setInt32(2048, fds.wake, true);
arena.view.setInt16(2052, 1, true);
if (poll(base + 2048, 1, 5000) !== 1) throw new Error("not woken");
arena.bytes[1001] = arena.bytes[1000]! + 1;
const word = new Int32Array(arena.bytes.buffer, counter, 1);
for (let i = 0; i < 1000; i++) Atomics.add(word, 0, 1);
ringEventFd(fds.done);
