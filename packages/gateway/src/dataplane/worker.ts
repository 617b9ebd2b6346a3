/**
 * The worker thread: real devices put into a packet loop, and the loop turned for ever. It blocks in poll, so a message
 * alone would never be seen: the main thread rings an eventfd that is in the poll set, and messages are taken from the port.
 */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import type { PacketCipherBackend } from "@tandem/esp";
import {
  createArenaOver,
  drainEventFd,
  openIcmpSocket,
  openRawSocket,
  openTun,
  openUdpSocket,
  POLLOUT,
  PollSet,
  ReceiveBatch,
  SendBatch,
} from "@tandem/linux";
import { simdChecksum } from "./checksum.ts";
import { CIPHER_BACKEND_VARIABLE, loadCipherBackend } from "./cipher-backend.ts";
import type { Command, DataPlaneEvent } from "./commands.ts";
import { createInsideSender } from "./inside-sender.ts";
import { PacketLoop } from "./loop.ts";
import type { DataPlaneOptions } from "./options.ts";
import { RECEIVE_STRIDE } from "./regions.ts";
import { createWasmMemory } from "./wasm-checksum.ts";

/** What data-plane.ts passes in. */
export interface WorkerStart {
  readonly options: DataPlaneOptions;
  readonly bell: number;
  readonly counters: Float64Array<SharedArrayBuffer>;
}

const { options, bell, counters } = workerData as WorkerStart;
const port = parentPort!;
const emit = (event: DataPlaneEvent): void => port.postMessage(event);

function run(backend: PacketCipherBackend): void {
  // The arena is WebAssembly memory, so that SIMD code reaches it; FFI calls reach it by address like any other.
  const ARENA_PAGES = 256;
  const memory = createWasmMemory(ARENA_PAGES);
  const arena = createArenaOver(memory.buffer);
  const poller = new PollSet(arena);
  const writable = new PollSet(arena, 1);
  const bellSlot = poller.add(bell);
  const bellScratch = arena.base + arena.allocate(8);
  const outerOffload = options.settings?.outerOffload ?? true;
  // "want" lets the kernel cut what is longer than a path MTU that it knows: nothing is lost between its knowledge and ours.
  const pathMtuDiscovery = options.settings?.outerDontFragment ? "want" : "never";
  const tun = openTun(arena, { name: options.tun, offload: options.tunOffload ?? true });

  // A datagram may be a joined one at any time: each has room for the longest, of which mostly the first page is touched.
  const RECEIVE_MANY = 32;
  const receiveBatches = {
    4: new ReceiveBatch(arena, 4, RECEIVE_MANY, RECEIVE_STRIDE),
    6: new ReceiveBatch(arena, 6, RECEIVE_MANY, RECEIVE_STRIDE),
  };

  const loop = new PacketLoop({
    arena,
    tun,
    poller,
    waitWritable(fd, ms) {
      const slot = writable.add(fd, POLLOUT);
      const ready = writable.wait(ms) > 0;
      writable.remove(slot);
      return ready;
    },
    sockets: {
      udp: (address, udpPort) =>
        openUdpSocket(arena, { address, port: udpPort, gro: outerOffload, pathMtuDiscovery }),
      receiveBatch: (family) => receiveBatches[family],
      esp: (address) => openRawSocket(arena, { address, pathMtuDiscovery }),
      icmp: (address) => openIcmpSocket(arena, { address }),
    },
    backend,
    sendBatch: new SendBatch(arena),
    toInside: createInsideSender(arena),
    counters,
    checksum: simdChecksum(memory),
    ...(options.settings && { settings: options.settings }),
    emit,
    now: Date.now,
  });
  emit({
    kind: "done",
    id: 0,
    value: { tun: tun.name, tunOffloads: tun.offloads, backend: backend.name, outerOffload },
  });

  while (!loop.stopped) {
    loop.turn(1000);
    if (poller.ready(bellSlot) === 0) continue;
    drainEventFd(bell, bellScratch);
    for (;;) {
      const message = receiveMessageOnPort(port) as { message: Command } | undefined;
      if (message === undefined) break;
      loop.apply(message.message);
      if (loop.stopped) break;
    }
  }
  tun.close();
  port.close();
}

try {
  run(await loadCipherBackend(options.backend ?? process.env[CIPHER_BACKEND_VARIABLE]));
} catch (error) {
  // When the start fails this is its answer, with cause and cure; later it ends the thread, and the main thread is told.
  emit({ kind: "refused", id: 0, reason: error instanceof Error ? error.message : String(error) });
  throw error;
}
