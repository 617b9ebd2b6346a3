/**
 * Reading list: RFC 4271 §8, §10. Runs `FSM_TABLE` for one connection attempt of a peer: keeps the state, the
 * timers and the connection. What a session means (routes, capabilities) is its host's business.
 */
import { type Instant, type Random, seconds } from "@tandem/sansio";
import type { Connection } from "../connection.ts";
import { OPEN_HOLD_TIME_SECONDS } from "../constants.ts";
import { type BgpError, bgpError, describeError } from "../errors.ts";
import type { PeerState } from "../events.ts";
import { Cease, ErrorCode } from "../iana.ts";
import { encodeKeepalive } from "../message/keepalive.ts";
import { ceaseWith, encodeNotification } from "../message/notification.ts";
import { Timer, type TimerQueue } from "../timer-queue.ts";
import {
  DELAY_ACTIONS,
  FSM_ERROR_SUBCODE,
  FSM_TABLE,
  type FsmAction,
  FsmEvent,
  fsmEventName,
} from "./fsm-table.ts";

/** Seconds. */
export interface FsmTimes {
  readonly connectRetry: number;
  readonly delayOpen: number;
}

export interface FsmHost {
  readonly timers: TimerQueue;
  readonly random: Random;
  readonly times: FsmTimes;
  /** Waits for the peer to dial: ConnectRetryTimer does not run. */
  readonly passive: boolean;
  dial(fsm: Fsm, now: Instant): void;
  /** The OPEN to send now. */
  openMessage(): Uint8Array;
  /** Negotiated from the two OPENs: seconds, 0 for none. */
  sessionTimes(fsm: Fsm): { readonly hold: number; readonly keepalive: number };
  sessionUp(fsm: Fsm, now: Instant): void;
  sessionDown(fsm: Fsm, now: Instant, ending: Ending): void;
  processUpdate(fsm: Fsm, now: Instant): void;
  damp(fsm: Fsm, now: Instant): void;
  changed(fsm: Fsm, old: PeerState, reason: string, now: Instant): void;
}

/** How a session ended: only a silent end lets graceful restart keep routes (RFC 4724 §4.2). */
export interface Ending {
  readonly reason: string;
  readonly notification: boolean;
}

/** What comes with an event. */
export interface FsmCause {
  readonly error?: BgpError;
  readonly reason?: string;
  /** The Cease that a stop sends. */
  readonly cease?: BgpError;
}

const NO_CAUSE: FsmCause = {};

export class Fsm {
  readonly #host: FsmHost;
  state: PeerState = "Idle";
  connection: Connection | undefined = undefined;
  connectRetryCounter = 0;
  readonly #connectRetry: Timer;
  readonly #hold: Timer;
  readonly #keepalive: Timer;
  readonly #delayOpen: Timer;
  /** The hold timer is moved on by each message without touching the queue; its expiry looks here. */
  #holdUntil: Instant = 0;
  #holdSeconds = 0;
  #keepaliveSeconds = 0;
  #keepaliveSentAt: Instant = Number.NEGATIVE_INFINITY;

  constructor(host: FsmHost) {
    this.#host = host;
    const timer = (event: FsmEvent): Timer => new Timer((now) => this.fire(event, now));
    this.#connectRetry = new Timer((now) =>
      this.fire(host.passive ? FsmEvent.TcpConnectionFails : FsmEvent.ConnectRetryTimerExpires, now),
    );
    this.#keepalive = timer(FsmEvent.KeepaliveTimerExpires);
    this.#delayOpen = timer(FsmEvent.DelayOpenTimerExpires);
    this.#hold = new Timer((now) => {
      if (now < this.#holdUntil) host.timers.start(this.#hold, this.#holdUntil);
      else this.fire(FsmEvent.HoldTimerExpires, now);
    });
  }

  get holdSeconds(): number {
    return this.#holdSeconds;
  }

  get keepaliveSeconds(): number {
    return this.#keepaliveSeconds;
  }

  get delayingOpen(): boolean {
    return this.#delayOpen.running;
  }

  /** Takes the machine out of use without a word. */
  dispose(): void {
    const timers = this.#host.timers;
    for (const t of [this.#connectRetry, this.#hold, this.#keepalive, this.#delayOpen]) timers.stop(t);
    this.connection?.close(true);
    this.connection = undefined;
  }

  /** Dials again soon instead of after the whole ConnectRetryTime. */
  hurryRetry(at: Instant): void {
    if (this.#connectRetry.running) this.#host.timers.start(this.#connectRetry, at);
  }

  /** A KEEPALIVE out of turn: if the peer has restarted, its TCP answers with a reset. §4.4: never more often than once a second. */
  probe(now: Instant): void {
    if (this.state !== "Established" || this.#keepaliveSeconds === 0) return;
    if (now - this.#keepaliveSentAt >= seconds(1)) this.fire(FsmEvent.KeepaliveTimerExpires, now);
  }

  fire(event: FsmEvent, now: Instant, cause: FsmCause = NO_CAUSE): void {
    const old = this.state;
    if (this.#delaysOpen(event)) {
      for (const action of DELAY_ACTIONS) this.#act(action, now, cause, event, old);
      return;
    }
    const cell = FSM_TABLE[old][event];
    if (cell === undefined) return;
    this.state = cell.next;
    for (const action of cell.actions) this.#act(action, now, cause, event, old);
    if (this.state === "Idle" && old !== "Idle") this.#stopSessionTimers();
    if (cell.next !== old) this.#host.changed(this, old, this.#reason(event, cause), now);
  }

  #delaysOpen(event: FsmEvent): boolean {
    if (this.#host.times.delayOpen === 0 || (this.state !== "Connect" && this.state !== "Active"))
      return false;
    return event === FsmEvent.TcpConnectionAcknowledged || event === FsmEvent.TcpConnectionConfirmed;
  }

  #reason(event: FsmEvent, cause: FsmCause): string {
    if (cause.reason !== undefined) return cause.reason;
    if (cause.error !== undefined) return describeError(cause.error);
    return fsmEventName(event);
  }

  #act(action: FsmAction, now: Instant, cause: FsmCause, event: FsmEvent, from: PeerState): void {
    const timers = this.#host.timers;
    switch (action) {
      case "start-connect-retry":
        if (this.#host.passive) return;
        // §10: jitter of 75 to 100 %.
        timers.start(this.#connectRetry, now + this.#jitter(this.#host.times.connectRetry));
        return;
      case "stop-connect-retry":
        timers.stop(this.#connectRetry);
        return;
      case "zero-connect-retry-counter":
        this.connectRetryCounter = 0;
        return;
      case "count-connect-retry":
        this.connectRetryCounter++;
        return;
      case "dial":
        this.#host.dial(this, now);
        return;
      case "drop-connection":
        this.#stopSessionTimers();
        this.connection?.close(event === FsmEvent.TcpConnectionFails || !this.connection.established);
        this.connection = undefined;
        return;
      case "send-open":
        this.connection?.write(this.#host.openMessage(), 1);
        return;
      case "send-keepalive":
        this.#keepaliveSentAt = now;
        this.connection?.write(encodeKeepalive(), 1);
        return;
      case "start-open-hold":
        this.#holdUntil = now + seconds(OPEN_HOLD_TIME_SECONDS);
        timers.start(this.#hold, this.#holdUntil);
        return;
      case "start-session-timers":
        this.#startSessionTimers(now);
        return;
      case "start-keepalive":
        this.#startKeepalive(now);
        return;
      case "restart-hold":
        this.#holdUntil = now + seconds(this.#holdSeconds);
        return;
      case "start-delay-open":
        timers.start(this.#delayOpen, now + seconds(this.#host.times.delayOpen));
        return;
      case "stop-delay-open":
        timers.stop(this.#delayOpen);
        return;
      case "send-error":
        if (cause.error !== undefined) this.#notify(cause.error);
        return;
      case "send-hold-expired":
        this.#notify(bgpError(ErrorCode.HOLD_TIMER_EXPIRED, 0, ""));
        return;
      case "send-cease":
        this.#notify(cause.cease ?? ceaseWith(Cease.ADMINISTRATIVE_SHUTDOWN, ""));
        return;
      case "send-collision":
        this.#notify(bgpError(ErrorCode.CEASE, Cease.COLLISION_RESOLUTION, ""));
        return;
      case "send-fsm-error":
        this.#notify(bgpError(ErrorCode.FSM, FSM_ERROR_SUBCODE[from], ""));
        return;
      case "session-up":
        this.#host.sessionUp(this, now);
        return;
      case "session-down":
        this.#host.sessionDown(this, now, {
          reason: this.#reason(event, cause),
          notification: event !== FsmEvent.TcpConnectionFails,
        });
        return;
      case "process-update":
        this.#host.processUpdate(this, now);
        return;
      case "damp":
        this.#host.damp(this, now);
        return;
      default: {
        const never: never = action;
        throw new Error(`no such action: ${never}`);
      }
    }
  }

  #notify(error: BgpError): void {
    this.connection?.write(encodeNotification(error), 1);
  }

  #startSessionTimers(now: Instant): void {
    const { hold, keepalive } = this.#host.sessionTimes(this);
    this.#holdSeconds = hold;
    this.#keepaliveSeconds = keepalive;
    if (hold === 0) {
      this.#host.timers.stop(this.#hold);
    } else {
      this.#holdUntil = now + seconds(hold);
      this.#host.timers.start(this.#hold, this.#holdUntil);
    }
    this.#startKeepalive(now);
  }

  #startKeepalive(now: Instant): void {
    if (this.#keepaliveSeconds === 0) return;
    // §4.4: never more often than once a second.
    const delay = Math.max(seconds(1), this.#jitter(this.#keepaliveSeconds));
    this.#host.timers.start(this.#keepalive, now + delay);
  }

  #stopSessionTimers(): void {
    this.#host.timers.stop(this.#hold);
    this.#host.timers.stop(this.#keepalive);
  }

  #jitter(s: number): number {
    return seconds(s) * (0.75 + this.#host.random.below(251) / 1000);
  }
}
