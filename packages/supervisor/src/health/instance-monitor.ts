/**
 * The health of one instance, from four signs:
 *
 *      process exiting, or control socket closed and process gone ─▶ exit (some ten milliseconds after a SIGKILL)
 *      ping unanswered ─▶ stopped by a signal, or silent on the data path too ─▶ silent (about half a second)
 *      link does not answer (fabric) ─▶ path
 *      seat probe unanswered although pings are ─▶ path, later: the probe's answers are rate-limited. While the instance
 *                      says that it withholds such answers, somebody's flood has them, and their absence proves nothing
 *
 * In containers the instance has a PID namespace of its own and its process cannot be seen: then a control socket on which
 * nothing listens any more stands for the process.
 *
 * A control socket that is cut while the process lives and its data path answers is no reason to move anything.
 */
import { readlinkSync } from "node:fs";
import { PingResult, type TandemEvent } from "@tandem/contract";
import { ControlClient } from "../control/control-client.ts";
import { OwnLateness } from "./own-lateness.ts";
import { processState } from "./process-state.ts";

export interface MonitorTimes {
  readonly heartbeatMilliseconds: number;
  readonly silentMilliseconds: number;
  readonly probeMisses: number;
}

export interface MonitorEvents {
  /** `pid`: of the process, or another number that tells it from its predecessors where pids cannot be seen. */
  onUp(pid: number, seats: readonly { name: string; epoch: number }[]): void;
  onDown(cause: "exit" | "silent" | "path", message: string): void;
  onEvent(event: TandemEvent): void;
}

/** Misses of the seat probe alone, with pings answered. */
const LONE_PROBE_MISSES = 12;
/** After the last answer withheld: time for several probes, of which one answered clears the misses. */
const AFTER_FLOOD_MILLISECONDS = 1_000;
const OWN_PID_NAMESPACE = readlinkSync("/proc/self/ns/pid");
/** A stopped process is looked for when a ping is overdue by: */
const LOOK_AFTER_MILLISECONDS = 100;
/** How often the kernel is asked whether the process still is: about 30 µs each time. */
const WATCH_MILLISECONDS = 10;

export class InstanceMonitor {
  readonly client: ControlClient;
  readonly #times: MonitorTimes;
  readonly #events: MonitorEvents;
  readonly #probeMisses: () => number | undefined;
  #pid = 0;
  /** Whether #pid can be looked up here; a process in another container has a pid of another namespace. */
  #visible = true;
  #lastAnswer = performance.now();
  #withheld = 0;
  #withheldAt = Number.NEGATIVE_INFINITY;
  readonly #lateness: OwnLateness;
  #waiting = false;
  #down: "exit" | "silent" | "path" | undefined;
  readonly #cut = new Set<"outside" | "inside">();
  readonly #timer: NodeJS.Timeout;
  readonly #watch: NodeJS.Timeout;
  #closedForGood = false;
  #look: NodeJS.Timeout | undefined;

  /** `probeMisses`: the worst of the seats that this instance owns; `undefined` when it owns none that answers probes. */
  constructor(
    controlSocket: string,
    times: MonitorTimes,
    probeMisses: () => number | undefined,
    events: MonitorEvents,
  ) {
    this.#times = times;
    this.#lateness = new OwnLateness(times.heartbeatMilliseconds, performance.now());
    this.#events = events;
    this.#probeMisses = probeMisses;
    this.client = new ControlClient(controlSocket, {
      onUp: () => {
        this.#waiting = false;
        this.client.call("subscribe").catch(() => {});
        this.#ping();
      },
      onDown: () => this.#closed(),
      onEvent: (event) => events.onEvent(event as TandemEvent),
    });
    // After a stall of ours the answers that wait are read before anything is concluded from their absence.
    this.#timer = setInterval(() => setImmediate(() => this.#beat()), times.heartbeatMilliseconds);
    this.#watch = setInterval(() => {
      if (this.#visible && this.#gone()) this.#fail("exit", `process ${this.#pid} has ended`);
    }, WATCH_MILLISECONDS);
  }

  /** 0 when there is none that could be signalled from here. */
  get pid(): number {
    return this.#visible ? this.#pid : 0;
  }

  /** What the fabric sees of one of its links. */
  port(side: "outside" | "inside", up: boolean): void {
    if (up) this.#cut.delete(side);
    else this.#cut.add(side);
    this.#judge();
  }

  close(): void {
    clearInterval(this.#timer);
    clearInterval(this.#watch);
    this.#closedForGood = true;
    clearTimeout(this.#look);
    this.client.close();
  }

  #beat(): void {
    if (this.#closedForGood) return;
    this.#lateness.tick(performance.now());
    if (this.client.up && !this.#waiting) this.#ping();
    this.#judge();
  }

  #ping(): void {
    this.#waiting = true;
    this.client.call("ping", undefined, 60_000).then(
      (answer) => {
        this.#waiting = false;
        const result = PingResult.safeParse(answer);
        if (!result.success) {
          const [issue] = result.error.issues;
          const what = `${issue?.path.join(".")}: ${issue?.message}`;
          this.#fail("silent", `answers as another version would (${what}): it gets no seat`);
          return;
        }
        this.#visible = (result.data.pidNamespace ?? OWN_PID_NAMESPACE) === OWN_PID_NAMESPACE;
        // Its last words: the socket gave them out after the end.
        if (this.#visible && processState(result.data.pid) === "gone") return;
        this.#pid = result.data.pid;
        this.#lastAnswer = performance.now();
        this.#noteWithheld(result.data.answersWithheld ?? 0);
        if (this.#reasonToFail() !== undefined) return;
        this.#down = undefined;
        const identity = this.#visible ? result.data.pid : (result.data.startedAt ?? result.data.pid);
        this.#events.onUp(identity, result.data.seats);
      },
      () => {
        this.#waiting = false;
      },
    );
  }

  /** The kernel closes a dying process's sockets a moment before it is seen to be gone. */
  #closed(): void {
    const until = performance.now() + 200;
    const look = (): void => {
      if (this.client.up) return;
      if (this.#gone()) {
        this.#fail("exit", `process ${this.#pid} has ended`);
        return;
      }
      if (performance.now() < until) this.#look = setTimeout(look, 1);
    };
    look();
  }

  /** A process that cannot be looked up has ended when nobody listens at its control socket any more. */
  #gone(): boolean {
    if (this.#pid === 0) return false;
    return this.#visible ? processState(this.#pid) === "gone" : this.client.refused;
  }

  #judge(): void {
    if (this.#down !== undefined && this.#down !== "silent" && this.#down !== "path") return;
    if (!this.client.up && this.#gone()) {
      this.#fail("exit", `process ${this.#pid} has ended`);
      return;
    }
    const reason = this.#reasonToFail();
    if (reason !== undefined) this.#fail(reason.cause, reason.message);
  }

  #reasonToFail(): { readonly cause: "silent" | "path"; readonly message: string } | undefined {
    const overdue = performance.now() - this.#lastAnswer;
    const misses = this.#probeMisses();
    const probeLost = misses !== undefined && misses >= this.#times.probeMisses;
    if (this.#cut.size > 0)
      return { cause: "path", message: `does not answer ${[...this.#cut].join(" and ")}` };
    if (
      overdue > LOOK_AFTER_MILLISECONDS &&
      this.#pid !== 0 &&
      this.#visible &&
      processState(this.#pid) === "stopped"
    ) {
      return { cause: "silent", message: `process ${this.#pid} is stopped` };
    }
    const patience = this.#lateness.allowance();
    const silent = this.#times.silentMilliseconds + patience;
    // A control socket that is closed says nothing about a process that lives: the data path decides.
    if (overdue > silent && probeLost) {
      return {
        cause: "silent",
        message: `no answer for ${Math.round(overdue)} ms, ${misses} probes unanswered`,
      };
    }
    if (this.client.up && misses === undefined && overdue > silent + this.#times.silentMilliseconds) {
      return { cause: "silent", message: `no answer for ${Math.round(overdue)} ms` };
    }
    const flooded = performance.now() - this.#withheldAt < AFTER_FLOOD_MILLISECONDS;
    if (
      !flooded &&
      misses !== undefined &&
      misses >= LONE_PROBE_MISSES + patience / this.#times.heartbeatMilliseconds
    ) {
      return { cause: "path", message: `${misses} probes through the data path unanswered` };
    }
    return undefined;
  }

  #noteWithheld(count: number): void {
    if (count > this.#withheld) this.#withheldAt = performance.now();
    this.#withheld = count;
  }

  #fail(cause: "exit" | "silent" | "path", message: string): void {
    if (this.#down === cause || (this.#down !== undefined && cause !== "exit")) return;
    this.#down = cause;
    this.#events.onDown(cause, message);
    if (cause === "exit") this.#pid = 0;
  }
}
