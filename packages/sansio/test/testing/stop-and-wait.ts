/** A small engine for the simulation's own tests: numbered messages, one outstanding, retransmitted until acknowledged. */
import type { Engine } from "../../src/engine.ts";
import type { Instant } from "../../src/instant.ts";
import type { NodeBehaviour } from "../../src/testing/index.ts";
import { TimerTable } from "../../src/timer-table.ts";

export type Message = { kind: "data"; number: number; text: string } | { kind: "ack"; number: number };
export type Input = { kind: "say"; text: string } | { kind: "message"; message: Message };
export type Effect = { kind: "transmit"; message: Message } | { kind: "heard"; text: string };

export class StopAndWait implements Engine<Input, Effect> {
  readonly #timers = new TimerTable<"retransmit">();
  readonly #effects: Effect[] = [];
  readonly #waiting: string[] = [];
  #sent = 0;
  #received = 0;
  #outstanding: Message | undefined;

  handle(input: Input, now: Instant): void {
    if (input.kind === "say") {
      this.#waiting.push(input.text);
    } else if (input.message.kind === "ack") {
      if (this.#outstanding?.number === input.message.number) {
        this.#outstanding = undefined;
        this.#timers.stop("retransmit");
      }
    } else {
      const { number, text } = input.message;
      if (number === this.#received + 1) {
        this.#received = number;
        this.#effects.push({ kind: "heard", text });
      }
      if (number <= this.#received)
        this.#effects.push({ kind: "transmit", message: { kind: "ack", number } });
    }
    this.#next(now);
  }

  handleTimeout(now: Instant): void {
    if (this.#timers.expire(now) === undefined || this.#outstanding === undefined) return;
    this.#effects.push({ kind: "transmit", message: this.#outstanding });
    this.#timers.set("retransmit", now + 100);
  }

  poll(): Effect | undefined {
    return this.#effects.shift();
  }

  nextTimeout(): Instant | undefined {
    return this.#timers.next();
  }

  #next(now: Instant): void {
    if (this.#outstanding !== undefined) return;
    const text = this.#waiting.shift();
    if (text === undefined) return;
    this.#outstanding = { kind: "data", number: ++this.#sent, text };
    this.#effects.push({ kind: "transmit", message: this.#outstanding });
    this.#timers.set("retransmit", now + 100);
  }
}

export function stopAndWaitNode(): NodeBehaviour<Input, Effect, Message> {
  return {
    engine: new StopAndWait(),
    receive: (message) => ({ kind: "message", message }),
    perform: (effect) => (effect.kind === "transmit" ? { send: [effect.message] } : undefined),
  };
}
