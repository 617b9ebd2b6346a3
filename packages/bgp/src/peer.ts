/**
 * Reading list: RFC 4271 §6.2, §6.8, §8; RFC 4486; RFC 4724; RFC 5492 §3.
 * One configured neighbour: a state machine for its connection, a second one while two connections compete, and
 * what outlives a session (routes, counters, the wait in Idle).
 */
import type { Instant, Random } from "@tandem/sansio";
import { parseAddress } from "@tandem/wire";
import { survivor } from "./collision.ts";
import type { PeerConfig } from "./config.ts";
import type { Connection } from "./connection.ts";
import { CONNECT_RETRY_TIME_SECONDS, MAX_PREFIXES_RESTART_SECONDS } from "./constants.ts";
import type { Core } from "./core.ts";
import { Dialer, RESUME_WAIT } from "./dialer.ts";
import type { BgpError } from "./errors.ts";
import type { PeerState } from "./events.ts";
import { type Ending, Fsm, type FsmCause, type FsmHost, type FsmTimes } from "./fsm/fsm.ts";
import { FsmEvent } from "./fsm/fsm-table.ts";
import { RestartHelper } from "./graceful-restart.ts";
import { IdleHold } from "./idle-hold.ts";
import { ceaseWith } from "./message/notification.ts";
import type { Open } from "./message/open.ts";
import { dispatchMessage } from "./message-dispatch.ts";
import { agreeOnTimes, buildOpen } from "./open-exchange.ts";
import { AdjRibIn } from "./rib/adj-rib-in.ts";
import type { PeerFacts } from "./rib/decision.ts";
import { Session, tooManyPrefixes } from "./session.ts";
import type { PeerSessionState } from "./speaker-state.ts";
import type { TimerQueue } from "./timer-queue.ts";
import type { UpdateCounters } from "./update-receiver.ts";

/** Where the peer gets connections from. */
export interface ConnectionBook {
  /** A fresh number for a dial. */
  nextId(): number;
  add(connection: Connection, peer: Peer): void;
}

export class Peer implements FsmHost {
  readonly core: Core;
  readonly timers: TimerQueue;
  readonly random: Random;
  readonly index: number;
  readonly facts: PeerFacts;
  readonly routes: AdjRibIn;
  readonly helper: RestartHelper;
  readonly counters: UpdateCounters = { treatAsWithdraw: 0, attributeDiscards: 0 };
  readonly #book: ConnectionBook;
  config: PeerConfig;
  session: Session | undefined = undefined;
  reason = "new";
  #main: Fsm;
  #second: Fsm | undefined = undefined;
  readonly #idleHold: IdleHold;
  readonly #dialer: Dialer;
  /** Started and not stopped; its tunnel is up. Others only read these. */
  running = false;
  available: boolean;
  /** RFC 5492 §3: the peer does not know capabilities; the next OPEN has none. */
  bareOpen = false;
  /** Forwarding went on since a session was last up: the F bit may be set. */
  #hadSession = false;
  #lastOffer: Open | undefined = undefined;
  /** The UPDATE that `processUpdate` is to look at. */
  readonly update: { bytes: Uint8Array; start: number; end: number } = {
    bytes: new Uint8Array(0),
    start: 0,
    end: 0,
  };

  constructor(core: Core, index: number, config: PeerConfig, book: ConnectionBook) {
    this.core = core;
    this.timers = core.timers;
    this.random = core.random;
    this.index = index;
    this.config = config;
    this.#book = book;
    this.available = config.waitForPath !== true;
    const source = config.asn === core.config.asn ? "ibgp" : "ebgp";
    this.facts = {
      source,
      usable: this.available,
      routerId: 0,
      address: parseAddress(config.neighbor) ?? new Uint8Array(4),
    };
    core.facts[index] = this.facts;
    this.routes = new AdjRibIn(core, index, source, config.importPolicy);
    this.helper = new RestartHelper(core, this.routes);
    this.#main = new Fsm(this);
    this.#dialer = new Dialer(core);
    this.#idleHold = new IdleHold(core.timers, (now) => {
      if (this.running && this.available) this.#start(now, true);
    });
  }

  get state(): PeerState {
    return this.#main.state;
  }

  /** Seconds in use: hold time and keepalive time. */
  get timesInUse(): readonly [number, number] {
    return [this.#main.holdSeconds, this.#main.keepaliveSeconds];
  }

  get times(): FsmTimes {
    return {
      connectRetry: this.config.connectRetryTime ?? CONNECT_RETRY_TIME_SECONDS,
      delayOpen: this.config.delayOpenTime ?? 0,
    };
  }

  /** Never dials, but for clearing an adopted session. */
  get passive(): boolean {
    return (this.config.passive ?? false) && !this.#dialer.resuming;
  }

  dial(fsm: Fsm, now: Instant): void {
    const { connection, hurry } = this.#dialer.dial(this.config, this.#book.nextId());
    fsm.connection = connection;
    this.#book.add(connection, this);
    if (hurry) fsm.hurryRetry(now + RESUME_WAIT);
  }

  openMessage(): Uint8Array {
    const forwarding = this.#hadSession || this.core.restarting();
    return buildOpen(this.core, this.config, { bare: this.bareOpen, forwarding });
  }

  sessionTimes(fsm: Fsm): { readonly hold: number; readonly keepalive: number } {
    return agreeOnTimes(this.config, fsm.connection?.open);
  }

  sessionUp(fsm: Fsm, now: Instant): void {
    if (fsm !== this.#main) this.#swap();
    this.#second?.fire(FsmEvent.OpenCollisionDump, now);
    this.#dropSecond();
    const connection = fsm.connection!;
    const open = connection.open!;
    this.facts.routerId = open.routerId;
    this.bareOpen = false;
    this.#dialer.forget();
    this.#lastOffer = open;
    this.#hadSession = true;
    fsm.connectRetryCounter = 0;
    const offer = open.capabilities.gracefulRestart;
    this.helper.sessionUp(offer, this.config.gracefulRestart, now);
    if (offer === undefined || offer.restarted) this.core.deferral.settled(this.config.name);
    this.session = new Session(
      this.core,
      this.config,
      this.index,
      connection,
      { routes: this.routes, helper: this.helper, counters: this.counters },
      now,
      (at) => this.#stuck(at),
    );
  }

  sessionDown(_fsm: Fsm, now: Instant, ending: Ending): void {
    this.session?.close();
    this.session = undefined;
    const keep = !ending.notification && (this.config.gracefulRestart?.helper ?? false) && this.running;
    this.helper.sessionEnded(this.#lastOffer?.capabilities.gracefulRestart, keep, now);
  }

  processUpdate(fsm: Fsm, now: Instant): void {
    const session = this.session;
    if (session === undefined) return;
    const { bytes, start, end } = this.update;
    const outcome = session.receiveUpdate(bytes, start, end);
    if (outcome?.kind === "error") {
      fsm.fire(FsmEvent.UpdateError, now, { error: outcome.error });
      return;
    }
    const max = this.config.maxPrefixes;
    if (max === undefined || this.routes.fresh <= max.limit) return;
    const penalty = max.restartAfter ?? MAX_PREFIXES_RESTART_SECONDS;
    const cease = tooManyPrefixes(max.limit);
    if (penalty === 0) this.running = false;
    else this.#idleHold.punish(penalty);
    fsm.fire(FsmEvent.AutomaticStop, now, { cease, reason: `Cease: ${cease.detail}` });
  }

  damp(fsm: Fsm, now: Instant): void {
    if (fsm !== this.#main || this.#second !== undefined || !this.running) return;
    this.#idleHold.start(this.config.idleHoldTime, fsm.connectRetryCounter, now);
  }

  changed(fsm: Fsm, old: PeerState, reason: string, now: Instant): void {
    const alive = fsm.connection !== undefined;
    if (fsm !== this.#main) {
      if (!alive) {
        fsm.dispose();
        if (this.#second === fsm) this.#second = undefined;
      }
      return;
    }
    if (this.#second !== undefined && !alive) {
      // The dial failed, but the peer's own connection is under way.
      fsm.dispose();
      this.#main = this.#second;
      this.#second = undefined;
      this.#idleHold.stop();
      this.#report(old, this.#main.state, reason);
      return;
    }
    if (this.#dialer.resuming && fsm.state === "Active" && old === "Connect") {
      // The stale session is cleared now; the ordinary port needs no wait.
      this.#dialer.forget();
      if (!this.config.passive) fsm.hurryRetry(now);
    }
    this.#report(old, fsm.state, reason);
  }

  probe(now: Instant): void {
    this.#main.probe(now);
  }

  /** ManualStart or AutomaticStart. */
  start(now: Instant): void {
    this.running = true;
    if (this.available && this.#main.state === "Idle") this.#start(now, false);
    else if (!this.available) this.reason = "waits for its path";
  }

  stop(now: Instant, cease: BgpError, reason: string): void {
    this.running = false;
    this.#dialer.forget();
    this.#idleHold.stop();
    const cause: FsmCause = { cease, reason };
    this.#second?.fire(FsmEvent.ManualStop, now, cause);
    this.#main.fire(FsmEvent.ManualStop, now, cause);
    this.helper.dropAll();
    this.reason = reason;
  }

  /** Ends the session, if there is one, and begins again (RFC 4486: administrative reset and the like). */
  reset(now: Instant, subcode: number, reason: string): void {
    const wasRunning = this.running;
    this.stop(now, ceaseWith(subcode, ""), reason);
    if (wasRunning) this.start(now);
  }

  setAvailable(available: boolean, now: Instant): void {
    if (available === this.available) return;
    this.available = available;
    this.facts.usable = available;
    this.routes.redecide();
    if (!available) {
      this.#log("info", "path is down");
      return;
    }
    this.#log("info", "path is up");
    if (!this.running) return;
    if (this.#main.state === "Idle") this.#start(now, false);
    else if (!this.config.passive) this.#main.hurryRetry(now);
  }

  adopt(state: PeerSessionState, now: Instant): void {
    this.#dialer.resume(state);
    this.#hadSession = true;
    this.helper.adopted(state, now);
  }

  /** After an adoption, once the deferral knows whom it waits for. */
  redial(now: Instant): void {
    if (!this.running || !this.available) return;
    if (this.#main.state !== "Idle") this.#main.dispose();
    this.#main = new Fsm(this);
    this.#start(now, false);
  }

  accept(connection: Connection, now: Instant): void {
    const main = this.#main;
    const patient = this.#idleHold.yieldsTo(main.connectRetryCounter);
    if (!this.running || !this.available || (main.state === "Idle" && !patient)) {
      this.#log("info", `connection refused in ${main.state}`);
      connection.close(true);
      return;
    }
    this.#book.add(connection, this);
    if (main.state === "Idle") {
      this.#idleHold.stop();
      main.fire(FsmEvent.AutomaticStartDampedPassive, now);
    }
    if (main.connection === undefined) {
      main.connection = connection;
      main.fire(FsmEvent.TcpConnectionConfirmed, now);
      return;
    }
    // §8.2.1: another machine follows the second connection until the collision is decided.
    this.#dropSecond();
    const second = new Fsm(this);
    this.#second = second;
    second.connection = connection;
    second.fire(FsmEvent.AutomaticStartPassive, now);
    second.fire(FsmEvent.TcpConnectionConfirmed, now);
  }

  connected(connection: Connection, now: Instant): void {
    this.#fsmOf(connection)?.fire(FsmEvent.TcpConnectionAcknowledged, now);
  }

  closed(connection: Connection, reason: string, now: Instant): void {
    this.#fsmOf(connection)?.fire(FsmEvent.TcpConnectionFails, now, { reason });
  }

  data(connection: Connection, bytes: Uint8Array, now: Instant): void {
    const error = connection.framer.push(bytes, (buffer, start, end) => {
      connection.messagesReceived++;
      const fsm = this.#fsmOf(connection);
      if (fsm === undefined) return false;
      dispatchMessage(this, fsm, buffer, start, end, now);
      return !connection.closed;
    });
    if (error !== undefined) this.#fsmOf(connection)?.fire(FsmEvent.HeaderError, now, { error });
  }

  /** The end of the peer itself; its routes are flushed by then or on their way. */
  dispose(): void {
    this.#idleHold.stop();
    this.#dropSecond();
    this.#main.dispose();
    this.helper.dropAll();
  }

  #start(now: Instant, again: boolean): void {
    this.#idleHold.stop();
    // An adopted passive session is dialled once: only that clears what the peer still believes in.
    if (again) {
      this.#main.fire(
        this.passive ? FsmEvent.AutomaticStartDampedPassive : FsmEvent.AutomaticStartDamped,
        now,
      );
    } else {
      this.#main.fire(this.passive ? FsmEvent.AutomaticStartPassive : FsmEvent.AutomaticStart, now);
    }
  }

  #fsmOf(connection: Connection): Fsm | undefined {
    if (this.#main.connection === connection) return this.#main;
    return this.#second?.connection === connection ? this.#second : undefined;
  }

  /** False when the connection that has just sent its OPEN had to go. */
  resolveCollision(fsm: Fsm, open: Open, now: Instant): boolean {
    const other = fsm === this.#main ? this.#second : this.#main;
    if (other?.connection === undefined) return true;
    if (other.state !== "OpenConfirm" && other.state !== "Established") return true;
    const winner = survivor(
      { incoming: fsm.connection!.incoming, established: false },
      { incoming: other.connection.incoming, established: other.state === "Established" },
      {
        localRouterId: this.core.routerId,
        localAsn: this.core.config.asn,
        peerRouterId: open.routerId,
        peerAsn: open.asn,
        peerRestarts: this.#lastOffer?.capabilities.gracefulRestart !== undefined,
      },
    );
    const loser = winner === "fresh" ? other : fsm;
    if (loser === this.#main) this.#swap();
    if (loser.state === "Established") {
      // RFC 4724 §4.2: the peer has restarted, so the old connection is closed without a NOTIFICATION.
      loser.fire(FsmEvent.TcpConnectionFails, now, { reason: "the peer opened a new session" });
    } else loser.fire(FsmEvent.OpenCollisionDump, now);
    if (winner === "other") this.probe(now);
    return winner === "fresh";
  }

  #stuck(now: Instant): void {
    // RFC 9687 §4: a NOTIFICATION could not be sent, so the connection is just closed.
    const fsm = this.#main;
    fsm.connection?.close(true);
    fsm.fire(FsmEvent.TcpConnectionFails, now, { reason: "Send Hold Timer Expired: the peer does not read" });
  }

  #swap(): void {
    const second = this.#second;
    if (second === undefined) return;
    const main = this.#main;
    this.#main = second;
    this.#second = main;
    this.#report(main.state, second.state, "the other connection was kept");
  }

  #dropSecond(): void {
    this.#second?.dispose();
    this.#second = undefined;
  }

  #report(old: PeerState, state: PeerState, reason: string): void {
    this.reason = reason;
    if (old === state) return;
    this.core.emit({ kind: "peer-state", peer: this.config.name, old, new: state, reason });
  }

  #log(level: "debug" | "info" | "warning", message: string): void {
    this.core.emit({ kind: "log", level, peer: this.config.name, message });
  }
}
