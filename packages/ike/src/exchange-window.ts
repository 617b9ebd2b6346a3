/**
 * Message IDs, the request under way, its retransmission, and the response cache (RFC 7296 §2.1 to §2.4), window size 1.
 * It knows no payload: it holds sealed datagrams and repeats them byte for byte.
 *
 *   sending:    idle ──begin──▶ outstanding ──answered──▶ idle           (nextSend grows at `begin`)
 *                                   └─ silence past the schedule ──▶ "exhausted"
 *   receiving:  id == nextReceive ──▶ "new"     id == nextReceive-1 ──▶ "repeat"     else "out-of-window"
 */
import type { Instant } from "@tandem/sansio";
import type { RetransmitSchedule } from "./retransmit.ts";

export interface SealedExchange {
  readonly messageId: number;
  readonly datagrams: readonly Uint8Array[];
}

interface Outstanding extends SealedExchange {
  sent: number;
  nextAt: Instant;
  /** Silence until here is death, whatever the schedule says. */
  readonly deadline: Instant | undefined;
}

export class ExchangeWindow {
  nextSend = 0;
  nextReceive = 0;
  lastResponse: SealedExchange | undefined;
  readonly #schedule: RetransmitSchedule;
  #outstanding: Outstanding | undefined;

  constructor(schedule: RetransmitSchedule) {
    this.#schedule = schedule;
  }

  get outstanding(): SealedExchange | undefined {
    return this.#outstanding;
  }

  /** How often the request under way has been sent. */
  get attempts(): number {
    return this.#outstanding?.sent ?? 0;
  }

  /** Records a request as sent. Its message ID is `nextSend`, or the previous one when an exchange is started over (IKE_SA_INIT). */
  begin(request: SealedExchange, now: Instant, deadline?: Instant): void {
    this.#outstanding = { ...request, sent: 1, nextAt: now + this.#schedule[0]!, deadline };
    this.nextSend = request.messageId + 1;
  }

  /** True when `messageId` answers the request under way, which is then over. */
  answered(messageId: number): boolean {
    if (this.#outstanding?.messageId !== messageId) return false;
    this.#outstanding = undefined;
    return true;
  }

  /** Gives the request up without an answer. */
  abandon(): void {
    this.#outstanding = undefined;
  }

  /** RFC 6311 §5.1. */
  synchronise(nextSend: number, nextReceive: number): void {
    this.nextSend = nextSend;
    this.nextReceive = nextReceive;
    this.lastResponse = undefined;
  }

  classify(messageId: number): "new" | "repeat" | "out-of-window" {
    if (messageId === this.nextReceive) return "new";
    if (messageId === this.nextReceive - 1 && this.lastResponse?.messageId === messageId) return "repeat";
    return "out-of-window";
  }

  /** Caches the response and moves the window. */
  responded(response: SealedExchange): void {
    this.lastResponse = response;
    this.nextReceive = response.messageId + 1;
  }

  nextTimeout(): Instant | undefined {
    const o = this.#outstanding;
    if (o === undefined) return undefined;
    return o.deadline === undefined ? o.nextAt : Math.min(o.nextAt, o.deadline);
  }

  /** What to do now: nothing yet, repeat these datagrams, or give up. */
  handleTimeout(now: Instant): "wait" | "exhausted" | readonly Uint8Array[] {
    const o = this.#outstanding;
    if (o === undefined) return "wait";
    if (o.deadline !== undefined && now >= o.deadline) return "exhausted";
    if (now < o.nextAt) return "wait";
    // Under a deadline the last wait repeats until the deadline comes.
    if (o.sent >= this.#schedule.length && o.deadline === undefined) return "exhausted";
    o.nextAt = now + this.#schedule[Math.min(o.sent, this.#schedule.length - 1)]!;
    o.sent++;
    return o.datagrams;
  }
}
