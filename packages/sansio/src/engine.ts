/**
 * The engine contract: protocol logic without sockets, clocks or chance.
 *
 *      inputs ──▶ handle(input, now) ─┐
 *                                     ├──▶ state ──▶ poll() ──▶ effects (values)
 *      clock  ──▶ handleTimeout(now) ─┘        └──▶ nextTimeout()
 *
 * The drain rule: after every call of `handle` or `handleTimeout` the driver calls `poll` until it returns
 * `undefined`, carries each effect out in the order given, and only then reads `nextTimeout` again.
 * An engine never calls out, never reads a clock, and never throws on what came from the network.
 */
import type { Instant } from "./instant.ts";

export interface Engine<Input, Effect> {
  /** Takes one input and changes the state. `now` never goes back. */
  handle(input: Input, now: Instant): void;
  /** To be called when the instant given by `nextTimeout` has come; calling it early does nothing. */
  handleTimeout(now: Instant): void;
  /** The next effect, or `undefined` when there is none left. */
  poll(): Effect | undefined;
  /** When `handleTimeout` wants to be called; `undefined` when nothing is pending. */
  nextTimeout(): Instant | undefined;
}
