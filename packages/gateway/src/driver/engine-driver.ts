/**
 * Runs an engine against the real clock: the only place where protocol logic meets time.
 *
 *      socket, worker, control ──▶ input() ─▶ engine.handle ─┐
 *                       timer ──▶ engine.handleTimeout ──────┼─▶ poll() until undefined ─▶ carryOut(effect)
 *                                                            └─▶ nextTimeout() ─▶ timer re-armed
 *
 * The drain rule of sansio/engine.ts holds here: effects are carried out in order, and an effect that leads to a
 * new input (a refused command, a job answered at once) is queued until the engine is drained.
 */
import type { Engine, Instant } from "@tandem/sansio";

/** What the driver needs of the outside world; tests pass a virtual one. */
export interface Clock {
  now(): Instant;
  /** Calls `callback` once after `delay` ms, 0 or more; returns a function that cancels it. */
  after(delay: number, callback: () => void): () => void;
}

/** Node refuses longer timers; a later instant is simply asked for again. */
const LONGEST_TIMER = 0x7fffffff;

export const systemClock: Clock = {
  now: () => performance.now(),
  after(delay, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(0, Math.ceil(delay)), LONGEST_TIMER));
    return () => clearTimeout(timer);
  },
};

export class EngineDriver<Input, Effect> {
  readonly #engine: Engine<Input, Effect>;
  readonly #clock: Clock;
  readonly #carryOut: (effect: Effect) => void;
  readonly #onFault: (error: unknown) => void;
  readonly #inputs: Input[] = [];
  #running = false;
  #stopped = false;
  #armedFor: Instant | undefined;
  #cancel: (() => void) | undefined;

  /**
   * `carryOut` does what an effect says. What it throws is a programmer's error: it goes to `onFault` and the
   * engine keeps running, so that one bad tunnel cannot stop the others.
   */
  constructor(
    engine: Engine<Input, Effect>,
    clock: Clock,
    carryOut: (effect: Effect) => void,
    onFault: (error: unknown) => void,
  ) {
    this.#engine = engine;
    this.#clock = clock;
    this.#carryOut = carryOut;
    this.#onFault = onFault;
  }

  input(input: Input): void {
    if (this.#stopped) return;
    this.#inputs.push(input);
    this.#run();
  }

  /** No effect is carried out and no timer fires after this. */
  stop(): void {
    this.#stopped = true;
    this.#inputs.length = 0;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #run(timeout = false): void {
    if (this.#running) return;
    this.#running = true;
    try {
      if (timeout) {
        this.#guard(() => this.#engine.handleTimeout(this.#clock.now()));
        this.#drain();
      }
      for (;;) {
        if (this.#stopped) break;
        const input = this.#inputs.shift();
        if (input === undefined) break;
        this.#guard(() => this.#engine.handle(input, this.#clock.now()));
        this.#drain();
      }
    } finally {
      this.#running = false;
    }
    this.#arm();
  }

  #drain(): void {
    while (!this.#stopped) {
      const effect = this.#engine.poll();
      if (effect === undefined) return;
      this.#guard(() => this.#carryOut(effect));
    }
  }

  #guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#onFault(error);
    }
  }

  #arm(): void {
    if (this.#stopped) return;
    const next = this.#engine.nextTimeout();
    if (next === this.#armedFor && this.#cancel !== undefined) return;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#armedFor = next;
    if (next === undefined) return;
    this.#cancel = this.#clock.after(next - this.#clock.now(), () => {
      this.#cancel = undefined;
      this.#armedFor = undefined;
      this.#run(true);
    });
  }
}
