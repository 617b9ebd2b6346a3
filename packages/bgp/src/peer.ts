/**
 * Reading list: RFC 4271 §6.2, §6.8, §8; RFC 4486; RFC 4724; RFC 5492 §3.
 * One configured neighbour: a state machine for its connection, a second one while two connections compete, and
 * what outlives a session (routes, counters, the wait in Idle).
 */
import { type Instant, type Random, seconds } from "@tandem/sansio";
import { parseAddress } from "@tandem/wire";
import { survivor } from "./collision.ts";
import type { PeerConfig } from "./config.ts";
import { Connection } from "./connection.ts";
import {
  BGP_PORT,
  CONNECT_RETRY_TIME_SECONDS,
  HOLD_TIME_SECONDS,
  IDLE_HOLD_TIME_SECONDS,
  MAX_PREFIXES_RESTART_SECONDS,
  MAXIMUM_IDLE_HOLD_DOUBLINGS,
} from "./constants.ts";
import { type Core, FAMILIES } from "./core.ts";
import { type BgpError, bgpError } from "./errors.ts";
import type { PeerState } from "./events.ts";
import { type Ending, Fsm, type FsmCause, type FsmHost, type FsmTimes } from "./fsm/fsm.ts";
import { FsmEvent } from "./fsm/fsm-table.ts";
import { RestartHelper, restartTime } from "./graceful-restart.ts";
import { CapabilityCode, Cease, ErrorCode, MessageType, OpenError } from "./iana.ts";
import { familyAfi, NO_CAPABILITIES } from "./message/capability.ts";
import { ceaseWith, decodeNotification, describeNotification } from "./message/notification.ts";
import { checkOpen, decodeOpen, encodeOpen, type Open } from "./message/open.ts";
import { AdjRibIn } from "./rib/adj-rib-in.ts";
import type { PeerFacts } from "./rib/decision.ts";
import { negotiate, Session, tooManyPrefixes } from "./session.ts";
import type { PeerSessionState } from "./speaker-state.ts";
import { Timer, type TimerQueue } from "./timer-queue.ts";
import type { UpdateCounters } from "./update-receiver.ts";

/** Where the peer gets connections from. */
export interface ConnectionBook {
  /** A fresh number for a dial. */
  nextId(): number;
  add(connection: Connection, peer: Peer): void;
}

/** Dials from the dead session's port: how often, and how long each may take (milliseconds). */
const RESUME_ATTEMPTS = 3;
const RESUME_WAIT = 100;

export class Peer implements FsmHost {
  readonly core: Core;
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
  readonly #idleHold: Timer;
  #running = false;
  #available: boolean;
  /** Seconds for the next stay in Idle, when something asked for more than the usual damping. */
  #nextIdle: number | undefined = undefined;
  /** The present stay in Idle is a penalty: the peer's own dial does not end it. */
  #firmIdle = false;
  /** RFC 5492 §3: the peer does not know capabilities; the next OPEN has none. */
  #bareOpen = false;
  /** Forwarding went on since a session was last up: the F bit may be set. */
  #hadSession = false;
  #resume: { readonly state: PeerSessionState; left: number } | undefined = undefined;
  #lastOffer: Open | undefined = undefined;
  /** The UPDATE that `processUpdate` is to look at. */
  #update: { bytes: Uint8Array; start: number; end: number } = { bytes: new Uint8Array(0), start: 0, end: 0 };

  constructor(core: Core, index: number, config: PeerConfig, book: ConnectionBook) {
    this.core = core;
    this.index = index;
    this.config = config;
    this.#book = book;
    this.#available = config.waitForPath !== true;
    const source = config.asn === core.config.asn ? "ibgp" : "ebgp";
    this.facts = {
      source,
      usable: this.#available,
      routerId: 0,
      address: parseAddress(config.neighbor) ?? new Uint8Array(4),
    };
    core.facts[index] = this.facts;
    this.routes = new AdjRibIn(core, index, source, config.importPolicy);
    this.helper = new RestartHelper(core, this.routes);
    this.#main = new Fsm(this);
    this.#idleHold = new Timer((now) => {
      if (this.#running && this.#available) this.#start(now, true);
    });
  }

  get state(): PeerState {
    return this.#main.state;
  }

  get available(): boolean {
    return this.#available;
  }

  get holdSeconds(): number {
    return this.#main.holdSeconds;
  }

  get keepaliveSeconds(): number {
    return this.#main.keepaliveSeconds;
  }

  get running(): boolean {
    return this.#running;
  }

  // FsmHost

  get timers(): TimerQueue {
    return this.core.timers;
  }

  get random(): Random {
    return this.core.random;
  }

  get times(): FsmTimes {
    return {
      connectRetry: this.config.connectRetryTime ?? CONNECT_RETRY_TIME_SECONDS,
      delayOpen: this.config.delayOpenTime ?? 0,
    };
  }

  /** Never dials, but for clearing an adopted session. */
  get passive(): boolean {
    return (this.config.passive ?? false) && this.#resume === undefined;
  }

  dial(fsm: Fsm, now: Instant): void {
    const c = this.config;
    const id = this.#book.nextId();
    const resume = this.#resume;
    const localAddress = resume?.state.localAddress ?? c.localAddress ?? this.core.config.localAddress;
    const remotePort = resume?.state.remotePort ?? c.remotePort ?? BGP_PORT;
    const connection = new Connection(
      id,
      c.name,
      false,
      { localAddress, localPort: resume?.state.localPort ?? 0, remotePort },
      this.core.emit,
    );
    fsm.connection = connection;
    this.#book.add(connection, this);
    if (resume !== undefined) {
      resume.left--;
      if (resume.left === 0) this.#resume = undefined;
      fsm.hurryRetry(now + RESUME_WAIT);
    }
    this.core.emit({
      kind: "connect",
      peer: c.name,
      connection: id,
      localAddress,
      ...(resume === undefined ? {} : { localPort: resume.state.localPort }),
      remote: c.neighbor,
      remotePort,
      ...transportOptions(c),
    });
  }

  openMessage(): Uint8Array {
    const { core, config } = this;
    const gr = config.gracefulRestart;
    const families = config.families ?? FAMILIES;
    const forwarding = this.#hadSession || core.restarting();
    return encodeOpen({
      asn: core.config.asn,
      holdTime: config.holdTime ?? HOLD_TIME_SECONDS,
      routerId: core.routerId,
      capabilities: this.#bareOpen
        ? NO_CAPABILITIES
        : {
            families,
            routeRefresh: true,
            fourOctetAs: core.config.asn,
            gracefulRestart:
              gr === undefined || !(gr.restarter || gr.helper)
                ? undefined
                : {
                    restarted: gr.restarter && core.restarting(),
                    restartTime: gr.restarter ? restartTime(gr) : 0,
                    // RFC 4724 §3: without families it says "I only help".
                    families: gr.restarter ? families.map((family) => ({ family, forwarding })) : [],
                  },
            declined: [],
          },
    });
  }

  /** RFC 4271 §4.2, or the cloud's fixed times (azure-vpn-gateway §3). */
  sessionTimes(fsm: Fsm): { readonly hold: number; readonly keepalive: number } {
    const ours = this.config.holdTime ?? HOLD_TIME_SECONDS;
    const offered = fsm.connection?.open?.holdTime ?? ours;
    const hold = this.config.fixedTimers ? ours : Math.min(ours, offered);
    if (hold === 0) return { hold, keepalive: 0 };
    const wanted = this.config.keepaliveTime ?? ours / 3;
    return { hold, keepalive: this.config.fixedTimers ? wanted : Math.min(wanted, hold / 3) };
  }

  sessionUp(fsm: Fsm, now: Instant): void {
    if (fsm !== this.#main) this.#swap();
    this.#dumpSecond(now);
    const connection = fsm.connection!;
    const open = connection.open!;
    this.facts.routerId = open.routerId;
    this.#bareOpen = false;
    this.#resume = undefined;
    this.#lastOffer = open;
    this.#hadSession = true;
    fsm.connectRetryCounter = 0;
    const offer = open.capabilities.gracefulRestart;
    this.helper.sessionUp(offer, this.config.gracefulRestart, this.core.restarting(), now);
    if (offer === undefined || offer.restarted) this.core.deferral.settled(this.config.name);
    this.session = new Session(
      this.core,
      this.config,
      this.index,
      connection,
      this.routes,
      this.counters,
      now,
      (at) => this.#stuck(at),
    );
  }

  sessionDown(_fsm: Fsm, now: Instant, ending: Ending): void {
    this.session?.close();
    this.session = undefined;
    const keep = !ending.notification && (this.config.gracefulRestart?.helper ?? false) && this.#running;
    this.helper.sessionEnded(this.#lastOffer?.capabilities.gracefulRestart, keep, now);
  }

  processUpdate(fsm: Fsm, now: Instant): void {
    const { bytes, start, end } = this.#update;
    const session = this.session;
    if (session === undefined) return;
    const outcome = session.receiveUpdate(bytes, start, end);
    if (outcome !== undefined) {
      switch (outcome.kind) {
        case "error":
          fsm.fire(FsmEvent.UpdateError, now, { error: outcome.error });
          return;
        case "end-of-rib":
          this.#endOfRib(session, outcome.family);
          break;
        case "survived":
          this.#log("warning", outcome.detail);
          break;
        default: {
          const never: never = outcome;
          throw new Error(`no such outcome: ${never}`);
        }
      }
    }
    const max = this.config.maxPrefixes;
    if (max === undefined || this.routes.fresh <= max.limit) return;
    this.#nextIdle = max.restartAfter ?? MAX_PREFIXES_RESTART_SECONDS;
    const cease = tooManyPrefixes(max.limit);
    if (this.#nextIdle === 0) this.#running = false;
    fsm.fire(FsmEvent.AutomaticStop, now, { cease, reason: `Cease: ${cease.detail}` });
  }

  damp(fsm: Fsm, now: Instant): void {
    if (fsm !== this.#main || this.#second !== undefined || !this.#running) return;
    const doublings = Math.min(Math.max(fsm.connectRetryCounter - 1, 0), MAXIMUM_IDLE_HOLD_DOUBLINGS);
    const usual = (this.config.idleHoldTime ?? IDLE_HOLD_TIME_SECONDS) * 2 ** doublings;
    const wait = this.#nextIdle ?? usual;
    this.#firmIdle = this.#nextIdle !== undefined;
    this.#nextIdle = undefined;
    this.timers.start(this.#idleHold, now + seconds(wait));
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
      this.timers.stop(this.#idleHold);
      this.#report(old, this.#main.state, reason);
      return;
    }
    if (this.#resume !== undefined && fsm.state === "Active" && old === "Connect") {
      // The stale session is cleared now; the ordinary port needs no wait.
      this.#resume = undefined;
      if (!this.config.passive) fsm.hurryRetry(now);
    }
    this.#report(old, fsm.state, reason);
  }

  // Inputs

  /** ManualStart or AutomaticStart. */
  start(now: Instant): void {
    this.#running = true;
    if (this.#available && this.#main.state === "Idle") this.#start(now, false);
    else if (!this.#available) this.reason = "waits for its path";
  }

  stop(now: Instant, cease: BgpError, reason: string): void {
    this.#running = false;
    this.#resume = undefined;
    this.timers.stop(this.#idleHold);
    const cause: FsmCause = { cease, reason };
    this.#second?.fire(FsmEvent.ManualStop, now, cause);
    this.#main.fire(FsmEvent.ManualStop, now, cause);
    this.helper.dropAll();
    this.reason = reason;
  }

  /** Ends the session, if there is one, and begins again (RFC 4486: administrative reset and the like). */
  reset(now: Instant, subcode: number, reason: string): void {
    const wasRunning = this.#running;
    this.stop(now, ceaseWith(subcode, ""), reason);
    if (wasRunning) this.start(now);
  }

  setAvailable(available: boolean, now: Instant): void {
    if (available === this.#available) return;
    this.#available = available;
    this.facts.usable = available;
    this.routes.redecide();
    if (!available) {
      this.#log("info", "path is down");
      return;
    }
    this.#log("info", "path is up");
    if (!this.#running) return;
    if (this.#main.state === "Idle") this.#start(now, false);
    else if (!this.config.passive) this.#main.hurryRetry(now);
  }

  adopt(state: PeerSessionState, now: Instant): void {
    this.#resume = { state, left: RESUME_ATTEMPTS };
    this.#hadSession = true;
    this.helper.adopted(state.families, state.restartSeconds, now);
  }

  /** After an adoption, once the deferral knows whom it waits for. */
  redial(now: Instant): void {
    if (!this.#running || !this.#available) return;
    if (this.#main.state !== "Idle") this.#main.dispose();
    this.#main = new Fsm(this);
    this.#start(now, false);
  }

  accept(connection: Connection, now: Instant): void {
    const main = this.#main;
    const patient = this.#idleHold.running && main.connectRetryCounter <= 1 && !this.#firmIdle;
    if (!this.#running || !this.#available || (main.state === "Idle" && !patient)) {
      this.#log("info", `connection refused in ${main.state}`);
      connection.close(true);
      return;
    }
    this.#book.add(connection, this);
    if (main.state === "Idle") {
      this.timers.stop(this.#idleHold);
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
      this.#message(fsm, connection, buffer, start, end, now);
      return !connection.closed;
    });
    if (error !== undefined) this.#fsmOf(connection)?.fire(FsmEvent.HeaderError, now, { error });
  }

  written(now: Instant): void {
    this.session?.written(now);
  }

  /** The end of the peer itself; its routes are flushed by then or on their way. */
  dispose(): void {
    this.timers.stop(this.#idleHold);
    this.#dropSecond();
    this.#main.dispose();
    this.helper.dropAll();
  }

  #start(now: Instant, again: boolean): void {
    this.timers.stop(this.#idleHold);
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

  #message(
    fsm: Fsm,
    connection: Connection,
    bytes: Uint8Array,
    start: number,
    end: number,
    now: Instant,
  ): void {
    switch (bytes[start + 18]) {
      case MessageType.UPDATE:
        this.#update.bytes = bytes;
        this.#update.start = start;
        this.#update.end = end;
        fsm.fire(FsmEvent.UpdateReceived, now);
        return;
      case MessageType.KEEPALIVE:
        fsm.fire(FsmEvent.KeepaliveReceived, now);
        return;
      case MessageType.OPEN:
        this.#open(fsm, connection, bytes, start, end, now);
        return;
      case MessageType.NOTIFICATION:
        this.#notification(fsm, decodeNotification(bytes, start, end), now);
        return;
      default:
        this.#refresh(fsm, bytes, start, end, now);
    }
  }

  #refresh(fsm: Fsm, bytes: Uint8Array, start: number, end: number, now: Instant): void {
    if (fsm.state !== "Established" || this.session === undefined) {
      // As little business outside a session as an UPDATE has.
      fsm.fire(FsmEvent.UpdateReceived, now);
      return;
    }
    const error = this.session.receiveRefresh(bytes, start, end);
    if (error !== undefined) fsm.fire(FsmEvent.UpdateError, now, { error });
  }

  #open(fsm: Fsm, connection: Connection, bytes: Uint8Array, start: number, end: number, now: Instant): void {
    const event = fsm.delayingOpen ? FsmEvent.OpenReceivedWhileDelaying : FsmEvent.OpenReceived;
    if (fsm.state !== "OpenSent" && !fsm.delayingOpen) {
      fsm.fire(event, now);
      return;
    }
    const decoded = decodeOpen(bytes, start, end);
    const error = decoded.ok ? this.#openProblem(decoded.value) : decoded.error;
    if (!decoded.ok || error !== undefined) {
      if (error !== undefined) fsm.fire(FsmEvent.OpenError, now, { error });
      return;
    }
    connection.open = decoded.value;
    if (!this.#resolveCollision(fsm, decoded.value, now)) return;
    fsm.fire(event, now);
  }

  #openProblem(open: Open): BgpError | undefined {
    const wrong = checkOpen(open, {
      localAsn: this.core.config.asn,
      localRouterId: this.core.routerId,
      peerAsn: this.config.asn,
    });
    if (wrong !== undefined || negotiate(this.config, open).families.length > 0) return wrong;
    // RFC 5492 §5: the data lists the capabilities that the peer would have to have.
    const families = this.config.families ?? FAMILIES;
    const data = families.flatMap((f) => [CapabilityCode.MULTIPROTOCOL, 4, 0, familyAfi(f), 0, 1]);
    return bgpError(
      ErrorCode.OPEN_MESSAGE,
      OpenError.UNSUPPORTED_CAPABILITY,
      "no address family in common",
      Uint8Array.from(data),
    );
  }

  /** False when the connection that has just sent its OPEN had to go. */
  #resolveCollision(fsm: Fsm, open: Open, now: Instant): boolean {
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
    } else {
      loser.fire(FsmEvent.OpenCollisionDump, now);
    }
    return winner === "fresh";
  }

  #notification(fsm: Fsm, error: BgpError, now: Instant): void {
    const version = error.code === ErrorCode.OPEN_MESSAGE && error.subcode === OpenError.UNSUPPORTED_VERSION;
    this.#bareOpen =
      error.code === ErrorCode.OPEN_MESSAGE && error.subcode === OpenError.UNSUPPORTED_OPTIONAL_PARAMETER;
    const reason = `received NOTIFICATION ${describeNotification(error)}`;
    fsm.fire(version ? FsmEvent.NotificationVersionError : FsmEvent.NotificationReceived, now, { reason });
  }

  #endOfRib(session: Session, family: (typeof FAMILIES)[number]): void {
    if (!session.negotiated.families.includes(family)) return;
    this.helper.endOfRib(family);
    session.endOfRibReceived.add(family);
    if (session.negotiated.families.every((f) => session.endOfRibReceived.has(f))) {
      this.core.deferral.settled(this.config.name);
    }
  }

  #stuck(now: Instant): void {
    // RFC 9687 §4: a NOTIFICATION could not be sent, so the connection is just closed.
    const fsm = this.#main;
    fsm.connection?.close(true);
    fsm.fire(FsmEvent.TcpConnectionFails, now, { reason: "Send Hold Timer Expired: the peer does not read" });
  }

  giveUpIfStuck(now: Instant): void {
    if (this.session?.overflowing) this.#stuck(now);
  }

  #swap(): void {
    const second = this.#second;
    if (second === undefined) return;
    const main = this.#main;
    this.#main = second;
    this.#second = main;
    this.#report(main.state, second.state, "the other connection was kept");
  }

  #dumpSecond(now: Instant): void {
    const second = this.#second;
    if (second === undefined) return;
    second.fire(FsmEvent.OpenCollisionDump, now);
    this.#dropSecond();
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

export function transportOptions(c: PeerConfig): { md5: boolean; ttl?: number; minimumTtl?: number } {
  const md5 = c.md5 ?? false;
  return c.ttlSecurity === undefined ? { md5 } : { md5, ttl: 255, minimumTtl: 256 - c.ttlSecurity };
}

export const PEER_DECONFIGURED: number = Cease.PEER_DECONFIGURED;
