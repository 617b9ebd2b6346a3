/**
 * Runs one gateway's pair engine: carries its effects out against the fabric and the instances, and feeds it what they
 * answer and what health finds. It decides nothing.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { FabricStatus, ProcessStatus, type SupervisedInstance } from "@tandem/contract";
import type { ControlClient } from "./control/control-client.ts";
import { handOver } from "./hand-over.ts";
import { processesWithArgument } from "./health/find-process.ts";
import type { InstanceMonitor } from "./health/instance-monitor.ts";
import { processState } from "./health/process-state.ts";
import type { Journal } from "./journal.ts";
import type { PairConfig } from "./pair/pair-config.ts";
import { PairEngine } from "./pair/pair-engine.ts";
import type { PairCommand, PairEffect, PairInput } from "./pair/pair-events.ts";
import { watchQuiet, watchReady } from "./seat-watch.ts";
import type { DesiredState } from "./state/desired-state.ts";

export interface CommandAnswer {
  readonly ok: boolean;
  readonly message: string;
}

export interface PairDriverParts {
  readonly fabric: ControlClient;
  readonly monitors: ReadonlyMap<string, InstanceMonitor>;
  readonly supervised: ReadonlyMap<string, SupervisedInstance>;
  readonly state: DesiredState;
  readonly journal: Journal;
  /** A seat's probe starts afresh with a new owner. */
  readonly ownerChanged: (seat: string) => void;
}

/** A stop that is not done by then becomes a SIGKILL. */
const LONGEST_STOP_MILLISECONDS = 3500;

export class PairDriver {
  readonly config: PairConfig;
  readonly #parts: PairDriverParts;
  readonly #engine: PairEngine;
  readonly #saidUnstartable = new Set<string>();
  readonly #commands = new Map<number, (answer: CommandAnswer) => void>();
  readonly #watches = new Map<string, () => void>();
  readonly #counters = { failovers: 0, starts: 0 };
  #nextCommand = 1;
  #timer: NodeJS.Timeout | undefined;
  #running = false;

  constructor(config: PairConfig, parts: PairDriverParts) {
    this.config = config;
    this.#parts = parts;
    this.#engine = new PairEngine(config, performance.now());
    this.input({ kind: "remembered", seats: parts.state.epochs() });
  }

  get engine(): PairEngine {
    return this.#engine;
  }

  get counters(): { readonly failovers: number; readonly starts: number } {
    return this.#counters;
  }

  input(input: PairInput): void {
    if (input.kind === "instance-up") this.#saidUnstartable.delete(input.instance);
    this.#engine.handle(input, performance.now());
    this.#drain();
  }

  /** Resolves when it is done, or refused. */
  command(command: PairCommand): Promise<CommandAnswer> {
    const id = this.#nextCommand++;
    return new Promise((resolve) => {
      this.#commands.set(id, resolve);
      this.input({ kind: "command", id, command });
    });
  }

  /** Asks the fabric for what it has, and tells the engine. */
  async learnFabric(): Promise<void> {
    try {
      const status = FabricStatus.parse(await this.#parts.fabric.call("status", undefined, 2000));
      const own = new Set(this.config.seats.map((s) => s.name));
      this.input({ kind: "fabric", seats: status.seats.filter((s) => own.has(s.name)) });
    } catch {
      this.input({ kind: "fabric-lost" }); // it comes back with the next connection
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const end of this.#watches.values()) end();
  }

  #drain(): void {
    if (this.#running) return;
    this.#running = true;
    for (let effect = this.#engine.poll(); effect !== undefined; effect = this.#engine.poll())
      this.#carryOut(effect);
    this.#running = false;
    clearTimeout(this.#timer);
    const next = this.#engine.nextTimeout();
    if (next === undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#engine.handleTimeout(performance.now());
        this.#drain();
      },
      Math.max(0, next - performance.now()),
    );
  }

  #carryOut(effect: PairEffect): void {
    const { fabric, journal, state } = this.#parts;
    switch (effect.kind) {
      case "remember":
        state.rememberEpoch(effect.seat, effect.epoch);
        return;
      case "set-owner":
        this.#setOwner(effect);
        return;
      case "fabric-drain":
        fabric
          .call("drain", { seat: effect.seat, off: effect.off })
          .catch((error) => this.#warn("fabric.failed", error));
        return;
      case "seat-take":
        this.#take(effect);
        return;
      case "seat-drop":
        this.#call(effect.instance, "seat-drop", {
          seat: effect.seat,
          epoch: effect.epoch,
          farewell: effect.farewell,
        }).then(
          () =>
            this.input({
              kind: "seat-dropped",
              instance: effect.instance,
              seat: effect.seat,
              epoch: effect.epoch,
            }),
          () => {}, // it is told again when it answers and still holds the seat
        );
        return;
      case "seat-drain":
        this.#call(effect.instance, "drain", { seat: effect.seat, off: effect.off }).catch((error) =>
          this.#warn("seat.failed", error),
        );
        if (!effect.off) {
          this.#watch(`quiet ${effect.seat}`, (done) =>
            watchQuiet(
              () => this.#status(effect.instance),
              effect.seat,
              () => {
                done();
                this.input({ kind: "seat-quiet", seat: effect.seat });
              },
            ),
          );
        }
        return;
      case "kill":
        this.#end(effect.instance);
        return;
      case "stop":
        this.#stop(effect.instance);
        return;
      case "start":
        this.#start(effect.instance);
        return;
      case "event": {
        const { kind: _kind, ...event } = effect;
        const defined = Object.fromEntries(Object.entries(event).filter(([, v]) => v !== undefined));
        journal.append({
          ...defined,
          gateway: this.config.gateway,
          event: effect.event,
          message: effect.message,
        });
        // Nothing on the path of a failover waits for the disk.
        const at = Date.now();
        setTimeout(() => state.recordHistory(at, effect.seat, effect.event, effect.message), 100);
        if (effect.event === "seat.moved") this.#counters.failovers++;
        return;
      }
      case "result":
        this.#commands.get(effect.id)?.({ ok: effect.ok, message: effect.message });
        this.#commands.delete(effect.id);
        return;
    }
  }

  #setOwner(effect: Extract<PairEffect, { kind: "set-owner" }>): void {
    const { seat, owner, epoch, drained, from } = effect;
    this.#parts.ownerChanged(seat);
    const { fabric } = this.#parts;
    const changed =
      from === undefined || owner === null
        ? fabric.call("set-owner", { seat, owner, epoch, drained }, 5000)
        : handOver(
            { seat, owner, epoch, drained },
            {
              fabric: (...call) => fabric.call(...call),
              from: (...call) => this.#call(from, ...call),
              to: (...call) => this.#call(owner, ...call),
              warn: (step, error) => this.#warn(`failover.${step}`, error),
            },
          );
    changed.then(
      (answer) => {
        this.#parts.journal.append({
          event: "fabric.changed",
          seat,
          message: `${seat} belongs to ${owner ?? "nobody"} in epoch ${epoch}`,
          milliseconds: (answer as { milliseconds?: number }).milliseconds,
        });
        this.input({ kind: "fabric-changed", seat, epoch });
      },
      (error) => {
        this.#warn("fabric.failed", error);
        this.input({ kind: "fabric-lost" });
        if (this.#parts.fabric.up) void this.learnFabric();
      },
    );
  }

  #take(effect: Extract<PairEffect, { kind: "seat-take" }>): void {
    const { instance, seat, epoch, mode, hold } = effect;
    const config = this.config.seats.find((s) => s.name === seat)!;
    const params = { seat, epoch, mode, hold, publicIps: config.publicIps, bgpIp: config.bgpIp };
    this.#call(instance, "seat-take", params).then(
      () => {
        this.input({ kind: "seat-taken", instance, seat, epoch });
        this.#watch(`ready ${seat}`, (done) =>
          watchReady(
            () => this.#status(instance),
            seat,
            this.#neighbors(instance, seat),
            () => {
              done();
              this.#parts.journal.append({
                event: "seat.ready",
                seat,
                instance,
                message: `the tunnels of ${seat} stand at ${instance}`,
              });
              this.input({ kind: "seat-ready", seat });
            },
          ),
        );
      },
      (error: Error) => this.input({ kind: "seat-failed", instance, seat, epoch, reason: error.message }),
    );
  }

  /** BGP neighbours behind the seat's tunnels. */
  #neighbors(instance: string, seat: string): string[] {
    const connections = this.#parts.supervised.get(instance)?.config.connections ?? [];
    return connections.flatMap((c) => (c.seat === seat && c.bgp !== undefined ? [c.bgp.neighbor] : []));
  }

  #watch(key: string, begin: (done: () => void) => () => void): void {
    this.#watches.get(key)?.();
    this.#watches.set(
      key,
      begin(() => this.#watches.delete(key)),
    );
  }

  async #status(instance: string): Promise<ProcessStatus | undefined> {
    try {
      return ProcessStatus.parse(await this.#call(instance, "status", undefined));
    } catch {
      return undefined;
    }
  }

  #call(instance: string, method: string, params: unknown, milliseconds?: number): Promise<unknown> {
    const monitor = this.#parts.monitors.get(instance);
    return monitor === undefined
      ? Promise.reject(new Error(`no instance ${instance}`))
      : monitor.client.call(method, params, milliseconds);
  }

  /** In another container: it cannot be signalled, and does it to itself. */
  #elsewhere(instance: string): boolean {
    return this.#parts.monitors.get(instance)?.pid === 0;
  }

  #end(instance: string): void {
    if (this.#elsewhere(instance)) this.#call(instance, "end-at-once", undefined).catch(() => {});
    else this.#signal(instance, "SIGKILL");
  }

  #signal(instance: string, signal: NodeJS.Signals): void {
    const pid = this.#parts.monitors.get(instance)?.pid ?? 0;
    if (pid !== 0 && processState(pid) !== "gone") this.#kill(pid, signal);
  }

  #kill(pid: number, signal: NodeJS.Signals): void {
    try {
      process.kill(pid, signal);
    } catch (error) {
      this.#warn("instance.failed", error);
    }
  }

  #stop(instance: string): void {
    const pid = this.#parts.monitors.get(instance)?.pid ?? 0;
    if (this.#elsewhere(instance))
      this.#call(instance, "stop", undefined).catch(() => {}); // its end is the answer
    else this.#signal(instance, "SIGTERM");
    setTimeout(() => {
      if (pid !== 0 && this.#parts.monitors.get(instance)?.pid === pid) this.#signal(instance, "SIGKILL");
    }, LONGEST_STOP_MILLISECONDS).unref();
  }

  /** A started instance holds no seat: it gets what it is to have over its control socket. */
  #start(instance: string): void {
    const { supervised, journal } = this.#parts;
    const known = supervised.get(instance);
    const [program, ...args] = known?.startCommand ?? [];
    if (known === undefined || program === undefined) {
      // The engine asks every few seconds; once is enough for a reader.
      if (!this.#saidUnstartable.has(instance)) {
        journal.append({
          event: "instance.failed",
          instance,
          message: `${instance} cannot be started from here: whoever runs it has to (in containers: docker compose start)`,
        });
      }
      this.#saidUnstartable.add(instance);
      return;
    }
    // A silent one that is to be replaced, or one that somebody has started and that is on its way.
    for (const pid of processesWithArgument(known.configFile)) this.#kill(pid, "SIGKILL");
    let log: number | undefined;
    try {
      log = this.#prepareFiles(known);
    } catch (error) {
      // A full disk, for example. The engine asks again in a while.
      this.#warn("instance.failed", `${instance} cannot be started: ${(error as Error).message}`);
      return;
    }
    const child: ChildProcess = spawn(program, args, {
      detached: true,
      stdio: ["ignore", log ?? "ignore", log ?? "ignore"],
    });
    if (log !== undefined) closeSync(log);
    child.on("error", (error) => this.#warn("instance.failed", error));
    child.on("exit", (status, signal) => {
      const current = this.#parts.monitors.get(instance)?.pid ?? 0;
      if (current !== 0 && current !== child.pid) return; // another has taken its place
      const message = `process ${child.pid} has ended (${signal ?? `status ${status}`})`;
      this.input({ kind: "instance-down", instance, cause: "exit", message });
    });
    child.unref();
    this.#counters.starts++;
    journal.append({
      event: "instance.started",
      instance,
      message: `${instance} is being started as a standby`,
    });
  }

  /** Its configuration, without seats; and the file that its log goes to. */
  #prepareFiles({ configFile, config, logFile }: SupervisedInstance): number | undefined {
    writeFileSync(`${configFile}.new`, JSON.stringify({ ...config, seats: [] }), { mode: 0o600 });
    renameSync(`${configFile}.new`, configFile);
    if (logFile === undefined) return undefined;
    mkdirSync(dirname(logFile), { recursive: true, mode: 0o700 });
    return openSync(logFile, "a", 0o600);
  }

  #warn(event: string, error: unknown): void {
    this.#parts.journal.append({ event, message: error instanceof Error ? error.message : String(error) });
  }
}
