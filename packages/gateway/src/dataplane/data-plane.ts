/**
 * The main thread's handle of a data plane: starts the worker, sends commands, hands out events, reads counters.
 * Every command is a promise; commands are applied in the order given.
 */
import { Worker } from "node:worker_threads";
import { DROP_REASON_NAMES, SA_BYTES, SA_IN, SA_LAST_IN, SA_LAST_OUT, SA_OUT, SA_PACKETS } from "@tandem/esp";
import { closeEventFd, openEventFd, RouteNetlink, ringEventFd, type TunOffloads } from "@tandem/linux";
import type { ChildSaCounters, DataPlaneCommand, DataPlanePort } from "../dataplane-port.ts";
import type { DataPlaneEvent } from "./commands.ts";
import type { DataPlaneOptions } from "./options.ts";
import {
  createCounters,
  LOOP_COUNTERS,
  LoopCounter,
  type LoopCounterName,
  TUNNEL_BYTES_IN,
  TUNNEL_BYTES_OUT,
  TUNNEL_FLOWS,
  TUNNEL_PACKETS_IN,
  TUNNEL_PACKETS_OUT,
} from "./shared-counters.ts";
import type { WorkerStart } from "./worker.ts";

/** Inner packets and bytes of a tunnel over all its Child SAs. */
export interface TunnelTraffic {
  readonly packetsIn: number;
  readonly bytesIn: number;
  readonly packetsOut: number;
  readonly bytesOut: number;
  readonly flows: number;
}

const PULSE_MILLISECONDS = 500;

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: Error) => void;
}

/** The worker says no, with cause and cure in the message: an expected failure, not a fault of ours. */
export class DataPlaneRefusal extends Error {
  override readonly name = "DataPlaneRefusal";
}

export class DataPlane implements DataPlanePort {
  /** Name and offloads of the TUN as the kernel gave them. */
  readonly tun: string;
  readonly tunOffloads: TunOffloads;
  readonly backend: string;
  /** For status: what the kernel agreed to. */
  readonly offloads: readonly string[];
  /** Settled when the worker has ended; rejected when it died of an error. */
  readonly ended: Promise<void>;
  #links: RouteNetlink | undefined = new RouteNetlink();
  readonly #worker: Worker;
  readonly #bell: number;
  readonly #counters: Float64Array;
  readonly #waiting: Map<number, Waiting>;
  readonly #tunnelSlots = new Map<string, number>();
  readonly #childSaSlots = new Map<string, number>();
  readonly #listener: { call: (event: DataPlaneEvent) => void };
  #next = 1;
  #ringing = false;
  #turns = -1;
  #turnedAt = 0;

  /** Resolves when the TUN stands; rejects with cause and cure when it cannot. */
  static async start(options: DataPlaneOptions): Promise<DataPlane> {
    const bell = openEventFd();
    const counters = createCounters();
    const start: WorkerStart = { options, bell, counters };
    const worker = new Worker(new URL("./worker.ts", import.meta.url), {
      workerData: start,
      name: "data-plane",
    });
    const waiting = new Map<number, Waiting>();
    const listener = { call: (_event: DataPlaneEvent): void => {} };
    const fail = (error: Error): void => {
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    };
    const ended = new Promise<void>((resolve, reject) => {
      worker.once("error", (error: Error) => {
        fail(error);
        reject(error);
      });
      worker.once("exit", () => {
        fail(new Error("the data plane has ended"));
        closeEventFd(bell);
        resolve();
      });
    });
    ended.catch(() => {}); // told through commands too; whoever cares awaits it
    worker.on("message", (event: DataPlaneEvent) => {
      if (event.kind !== "done" && event.kind !== "refused") {
        listener.call(event);
        return;
      }
      const answer = waiting.get(event.id);
      waiting.delete(event.id);
      if (event.kind === "done") answer?.resolve(event.value);
      else answer?.reject(new DataPlaneRefusal(event.reason));
    });
    const ready = await new Promise<unknown>((resolve, reject) => waiting.set(0, { resolve, reject }));
    return new DataPlane(worker, bell, counters, waiting, listener, ended, ready as Ready);
  }

  private constructor(
    worker: Worker,
    bell: number,
    counters: Float64Array,
    waiting: Map<number, Waiting>,
    listener: { call: (event: DataPlaneEvent) => void },
    ended: Promise<void>,
    ready: Ready,
  ) {
    this.#worker = worker;
    this.#bell = bell;
    this.#counters = counters;
    this.#waiting = waiting;
    this.#listener = listener;
    this.ended = ended;
    this.tun = ready.tun;
    this.tunOffloads = ready.tunOffloads;
    this.backend = ready.backend;
    const pulse = setInterval(() => this.stalledMilliseconds(), PULSE_MILLISECONDS).unref();
    worker.once("exit", () => clearInterval(pulse));
    const { checksum, tcp, tcpEcn, udp } = ready.tunOffloads;
    this.offloads = Object.entries({
      "tun-checksum": checksum,
      "tun-tso": tcp,
      "tun-tso-ecn": tcpEcn,
      "tun-uso": udp,
      "udp-gso-gro": ready.outerOffload,
    }).flatMap(([name, on]) => (on ? [name] : []));
  }

  onEvent(listener: (event: DataPlaneEvent) => void): void {
    this.#listener.call = listener;
  }

  /** Resolves with the answer's value; rejects with the reason of a refusal. */
  async command(command: DataPlaneCommand): Promise<unknown> {
    const id = this.#next++;
    const answer = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#worker.postMessage({ ...command, id });
    this.#ring();
    const value = await answer;
    if (command.kind === "add-tunnel") this.#tunnelSlots.set(command.tunnel, (value as Slot).slot);
    else if (command.kind === "remove-tunnel") this.#tunnelSlots.delete(command.tunnel);
    else if (command.kind === "add-child-sa") this.#childSaSlots.set(command.sa.id, (value as Slot).slot);
    else if (command.kind === "remove-child-sa") this.#childSaSlots.delete(command.childSa);
    return value;
  }

  /**
   * Once for all commands of a turn of the event loop: a handshake gives seven, a burst of datagrams makes dozens, and each
   * ring is a system call that wakes the worker. An idle loop comes to its immediates at once.
   */
  #ring(): void {
    if (this.#ringing) return;
    this.#ringing = true;
    setImmediate(() => {
      this.#ringing = false;
      ringEventFd(this.#bell);
    });
  }

  /** Ends the worker in order: SAs destroyed, sockets closed. */
  async stop(): Promise<void> {
    await this.command({ kind: "stop" }).catch(() => {});
    await this.ended.catch(() => {});
    this.#links?.close();
    this.#links = undefined;
  }

  /**
   * Drops so far by reason; only those that happened. "tun-queue-full" is what the kernel dropped in front of the loop
   * because the loop was slower than what came.
   */
  drops(): Readonly<Record<string, number>> {
    const out: Record<string, number> = {};
    for (let i = 1; i < DROP_REASON_NAMES.length; i++) {
      const count = this.#counters[i]!;
      if (count > 0) out[DROP_REASON_NAMES[i]!] = count;
    }
    const tun = this.#links?.links().find((link) => link.name === this.tun);
    if (tun !== undefined && tun.sendDropped > 0) out["tun-queue-full"] = tun.sendDropped;
    return out;
  }

  /** A worker that hangs leaves every tunnel established for those who ask only the engines. */
  stalledMilliseconds(): number {
    const turns = this.#counters[LoopCounter.turns]!;
    const now = performance.now();
    if (turns !== this.#turns) {
      this.#turns = turns;
      this.#turnedAt = now;
    }
    return now - this.#turnedAt;
  }

  /** What the loop counts about itself. */
  counters(): Readonly<Record<LoopCounterName, number>> {
    return Object.fromEntries(
      LOOP_COUNTERS.map((name) => [name, this.#counters[LoopCounter[name]]!]),
    ) as Record<LoopCounterName, number>;
  }

  /** Undefined for a tunnel that does not exist. */
  tunnel(id: string): TunnelTraffic | undefined {
    const at = this.#tunnelSlots.get(id);
    if (at === undefined) return undefined;
    const c = this.#counters;
    return {
      packetsIn: c[at + TUNNEL_PACKETS_IN]!,
      bytesIn: c[at + TUNNEL_BYTES_IN]!,
      packetsOut: c[at + TUNNEL_PACKETS_OUT]!,
      bytesOut: c[at + TUNNEL_BYTES_OUT]!,
      flows: c[at + TUNNEL_FLOWS]!,
    };
  }

  flows(id: string): number {
    return this.tunnel(id)?.flows ?? 0;
  }

  childCounters(id: string): ChildSaCounters | undefined {
    const at = this.#childSaSlots.get(id);
    if (at === undefined) return undefined;
    const c = this.#counters;
    return {
      packetsIn: c[at + SA_IN + SA_PACKETS]!,
      bytesIn: c[at + SA_IN + SA_BYTES]!,
      packetsOut: c[at + SA_OUT + SA_PACKETS]!,
      bytesOut: c[at + SA_OUT + SA_BYTES]!,
      lastIn: c[at + SA_LAST_IN]!,
      lastOut: c[at + SA_LAST_OUT]!,
    };
  }
}

interface Slot {
  readonly slot: number;
}

interface Ready {
  readonly tun: string;
  readonly tunOffloads: TunOffloads;
  readonly backend: string;
  readonly outerOffload: boolean;
}
