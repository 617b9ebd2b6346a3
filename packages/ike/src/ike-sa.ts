/**
 * One IKE SA: state, one task at a time in each direction, timers. It carries messages between window, channel and
 * tasks; what an exchange says is decided in tasks/.
 *
 *                        SA_INIT, AUTH                      rekeyed by either side
 *   initiating ─────────────────────────▶ established ────────────────────────────▶ replaced
 *   half-open ──────────────────────────▶     │                                        │
 *       │ refused, silence                    │ DELETE, silence, expiry                │ DELETE
 *       ▼                                     ▼                                        ▼
 *     closed ◀─────────────────────────── (deleting) ◀─────────────────────────────────┘
 *
 * A closed SA stays for a while to answer the peer's repeated last request from the cache.
 *
 * Reading list: RFC 7296 §1.2 to §1.5, §2.1 to §2.5, §2.21 to §2.25.
 */
import type { Duration, Instant } from "@tandem/sansio";
import type { IkeConnection } from "./config.ts";
import { HALF_OPEN_TIMEOUT, NAT_T_PORT, SUCCESSOR_WAIT } from "./constants.ts";
import type { DownCause } from "./events.ts";
import { ExchangeWindow, type SealedExchange } from "./exchange-window.ts";
import type { IkeSuite } from "./exported-ike-sa.ts";
import { exchangeTypeName } from "./iana.ts";
import { IkeSaChildren } from "./ike-sa-children.ts";
import { IkeSaClock } from "./ike-sa-clock.ts";
import { IkeSaExchanges } from "./ike-sa-exchanges.ts";
import type { IkeSaHost, Path } from "./ike-sa-host.ts";
import type { Nonces } from "./keymat.ts";
import { type Deadlines, deadlines } from "./lifetimes.ts";
import type { IkeMessage } from "./message/message.ts";
import type { Payload } from "./message/payload.ts";
import type { SkChannel } from "./sk-channel.ts";
import type { TaskQueue } from "./task-queue.ts";
import type { Task } from "./tasks/task.ts";
import type { TranscriptEntry } from "./transcript/entry.ts";
import { renderMessage } from "./transcript/render-message.ts";

export type IkeSaState = "initiating" | "half-open" | "established" | "replaced" | "deleting" | "closed";

/** What only the first two exchanges need; dropped afterwards. */
export interface Handshake {
  suite: IkeSuite | undefined;
  nonces: Nonces | undefined;
  /** The IKE_SA_INIT messages as they went over the wire: they are signed by AUTH (RFC 7296 §2.15). */
  realMessage1: Uint8Array;
  realMessage2: Uint8Array;
  privateKey: Uint8Array | undefined;
  /** g^ir, when the responder has computed it together with its key pair. */
  shared: Uint8Array | undefined;
  peerPublic: Uint8Array | undefined;
  /** SHA-1 key hashes of authorities that the peer trusts (CERTREQ). */
  peerAuthorities: Uint8Array | undefined;
}

export interface PeerSupports {
  fragmentation: boolean;
  messageIdSync: boolean;
  childless: boolean;
  signatureHashes: readonly number[];
}

export interface IkeSaBirth {
  readonly tunnel: string;
  readonly template: string | undefined;
  readonly connection: IkeConnection | undefined;
  readonly initiator: boolean;
  readonly initiatorSpi: string;
  readonly responderSpi: string;
  readonly path: Path;
  readonly now: Instant;
  readonly id?: string;
}

export class IkeSa {
  readonly id: string;
  readonly host: IkeSaHost;
  readonly initiator: boolean;
  readonly createdAt: Instant;
  readonly children: IkeSaChildren;
  readonly window: ExchangeWindow;
  tunnel: string;
  template: string | undefined;
  connection: IkeConnection | undefined;
  initiatorSpi: string;
  responderSpi: string;
  path: Path;
  state: IkeSaState;
  nat: { supported: boolean; local: boolean; remote: boolean } = {
    supported: false,
    local: false,
    remote: false,
  };
  peerSupports: PeerSupports = {
    fragmentation: false,
    messageIdSync: false,
    childless: false,
    signatureHashes: [],
  };
  handshake: Handshake | undefined;
  channel: SkChannel | undefined;
  /** Why there is no Child SA although the IKE SA stands. */
  childFailure: string | undefined;
  localIdentity = "";
  remoteIdentity = "";
  virtualAddresses: { readonly local: readonly string[]; readonly remote: readonly string[] } | undefined;
  establishedAt: Instant | undefined;
  deadlines: Deadlines | undefined;
  /** The IKE SA that this one replaces: a reauthentication's predecessor. */
  predecessor: IkeSa | undefined;
  /** The peer's own rekey of this SA, answered while ours was under way. */
  #peerRekey: { readonly sa: IkeSa; readonly nonces: Nonces } | undefined;
  /** SPIs that the peer deleted before we had heard of them: the answer that names one comes too late. */
  readonly deletedMeanwhile: Set<number> = new Set();
  /** The peer has shown that it has these keys. */
  confirmed = false;
  /** Our own rekey has its answer, and the keys are being computed. */
  rekeyAnswered = false;
  /** The peer has deleted it while that went on: it ends with our task. */
  deletedByPeer = false;
  /** What has this one's Child SAs since a rekey. */
  successor: IkeSa | undefined;
  /** Set while a rekey that lost the comparison waits to be deleted by whoever made it. */
  redundant = false;
  readonly #exchanges: IkeSaExchanges;
  readonly #clock: IkeSaClock;
  #announced = false;

  constructor(host: IkeSaHost, birth: IkeSaBirth) {
    this.host = host;
    this.id = birth.id ?? host.newId("ike");
    this.tunnel = birth.tunnel;
    this.template = birth.template;
    this.connection = birth.connection;
    this.initiator = birth.initiator;
    this.createdAt = birth.now;
    this.initiatorSpi = birth.initiatorSpi;
    this.responderSpi = birth.responderSpi;
    this.path = birth.path;
    this.state = birth.initiator ? "initiating" : "half-open";
    this.window = new ExchangeWindow(host.schedule);
    this.children = new IkeSaChildren(this);
    this.#exchanges = new IkeSaExchanges(this);
    this.#clock = new IkeSaClock(this, birth.now);
  }

  /** The SPI that messages to us carry: the key under which the endpoint finds this SA. */
  get ownSpi(): string {
    return this.initiator ? this.initiatorSpi : this.responderSpi;
  }

  get now(): Instant {
    return this.host.now;
  }

  get peerRekey(): { readonly sa: IkeSa; readonly nonces: Nonces } | undefined {
    // Deleted again: the peer yielded, or gave up.
    return this.#peerRekey?.sa.state === "closed" ? undefined : this.#peerRekey;
  }

  set peerRekey(rekey: { readonly sa: IkeSa; readonly nonces: Nonces }) {
    this.#peerRekey = rekey;
  }

  get task(): Task | undefined {
    return this.#exchanges.task;
  }

  /** The outside knows of it. */
  get announced(): boolean {
    return this.#announced;
  }

  get isUp(): boolean {
    return this.state === "established";
  }

  /** ESP goes in UDP when a NAT was found or when told so (RFC 7296 §2.23). */
  get encapsulates(): boolean {
    const wanted = this.nat.local || this.nat.remote || this.connection?.forceEncapsulation === true;
    return wanted && this.path.localPort === NAT_T_PORT;
  }

  get queue(): TaskQueue {
    return this.#exchanges.queue;
  }

  // ── delegated: tasks and messages (ike-sa-exchanges.ts), time (ike-sa-clock.ts) ──

  /** Puts a task in the queue, once; it runs when the request under way is over. */
  enqueue(task: Task): void {
    if (this.state === "closed") return;
    this.host.touch(this);
    this.#exchanges.enqueue(task);
  }

  /** Tries again after `wait` and a random part of it more what a TEMPORARY_FAILURE or a collision put off. */
  retryLater(task: Task, wait: Duration): void {
    this.host.touch(this);
    this.queue.putOff(task, this.now + wait + this.host.random.below(Math.max(1, Math.round(wait))));
  }

  /** Forgets queued tasks: what they were for has been taken over or has gone. */
  drop(match: (task: Task) => boolean): void {
    this.queue.remove(match);
  }

  /** Ends the task under way without an outcome (RFC 7296 §2.25.2: "forget about its own request"). */
  abandonTask(): void {
    this.#exchanges.abandonTask();
  }

  takeRequest(message: IkeMessage, path: Path): void {
    this.#exchanges.takeRequest(message, path);
  }

  takeResponse(message: IkeMessage): void {
    this.#exchanges.takeResponse(message);
  }

  refuseMalformed(request: Pick<IkeMessage, "header">, reason: string, path: Path): void {
    this.#exchanges.refuseMalformed(request, reason, path);
  }

  makeKeys(): boolean {
    return this.#exchanges.makeKeys();
  }

  transmit(datagrams: readonly Uint8Array[], path: Path): void {
    this.#clock.sent(this.now);
    this.host.send(this, path, datagrams);
  }

  nextTimeout(): Instant | undefined {
    return this.#clock.nextTimeout();
  }

  handleTimeout(now: Instant): void {
    this.#clock.handleTimeout(now);
  }

  // ── proof of life, movement ────────────────────────────────────────────────

  heard(now: Instant): void {
    this.confirmed = true;
    this.#clock.heard(now);
  }

  /** Follows the peer to another address or port (RFC 7296 §2.23), only upon an authenticated, fresh message. */
  follow(path: Path): void {
    const { remote, remotePort, local, localPort } = path;
    if (
      remote === this.path.remote &&
      remotePort === this.path.remotePort &&
      localPort === this.path.localPort
    )
      return;
    const allowed = this.state === "half-open" || (this.nat.remote && !this.nat.local);
    if (!allowed) return;
    const before = `${this.path.remote}:${this.path.remotePort}`;
    this.path = { local, localPort, remote, remotePort };
    if (this.state === "half-open") return;
    this.note("note", [
      `the peer moved from ${before} to ${remote}:${remotePort}: following it (RFC 7296 §2.23)`,
    ]);
    this.children.moved(remote, remotePort);
  }

  // ── life and death ─────────────────────────────────────────────────────────

  /** The peer is authenticated and the keys are in use. */
  establish(): void {
    this.state = "established";
    this.establishedAt = this.now;
    this.#clock.established();
    this.handshake = undefined;
    this.startLifetime();
    this.host.changed(this);
  }

  /** Takes the place of `old` after a rekey: its Child SAs, its name (RFC 7296 §2.18). */
  inheritFrom(old: IkeSa): void {
    this.children.inherit(old.children);
    this.announce(old.id);
    old.state = "replaced";
    old.successor = this;
    // The peer deletes it; if it never does, it goes by itself.
    old.deadlines = { rekeyAt: Number.POSITIVE_INFINITY, expiresAt: this.now + HALF_OPEN_TIMEOUT };
    for (const task of old.queue.remove(isChildTask)) this.retryLater(task, SUCCESSOR_WAIT);
    this.host.changed(this);
    this.host.changed(old);
  }

  announce(replaces: string | undefined): void {
    this.#announced = true;
    this.host.emit({
      kind: "ike-sa-up",
      tunnel: this.tunnel,
      ikeSa: this.id,
      ...(this.template === undefined ? {} : { template: this.template }),
      initiator: this.initiator,
      remote: this.path.remote,
      remoteId: this.remoteIdentity,
      ...(replaces === undefined ? {} : { replaces }),
      ...(this.virtualAddresses === undefined ? {} : { virtualAddresses: this.virtualAddresses }),
    });
  }

  /** A request that another process began: repeated as it was, for its message ID's sake. */
  repeatForPredecessor(outstanding: SealedExchange): void {
    this.#exchanges.repeatForPredecessor(outstanding, ((this.connection?.dpdTimeout ?? 45_000) * 2) / 3);
  }

  /** Up again, or up for the first time: with lifetimes of its own. */
  startLifetime(): void {
    if (this.connection !== undefined)
      this.deadlines = deadlines(this.connection.ikeLifetime, this.initiator, this.host.random, this.now);
  }

  /** RFC 6311: both sides agree on message IDs again; whatever was under way is void. */
  synchronised(nextSend: number, nextReceive: number): void {
    this.abandonTask();
    this.window.synchronise(nextSend, nextReceive);
    this.host.changed(this);
    this.#exchanges.runNext();
  }

  /** Ends the SA on this side at once. The DELETE, if any, has been exchanged before. */
  close(cause: DownCause, reason: string): void {
    if (this.state === "closed") return;
    this.#exchanges.stop();
    this.children.closeAll(cause, reason);
    this.state = "closed";
    this.#clock.closed(this.now + HALF_OPEN_TIMEOUT);
    this.handshake = undefined;
    this.host.touch(this);
    if (this.#announced)
      this.host.emit({ kind: "ike-sa-down", tunnel: this.tunnel, ikeSa: this.id, cause, reason });
    this.host.ended(this, cause, reason, this.now);
  }

  /** As `close`, and no answer is kept: a peer that tries again starts anew. */
  forget(cause: DownCause, reason: string): void {
    this.close(cause, reason);
    this.#clock.closed(this.now);
  }

  /** When the endpoint may forget a closed SA. */
  isForgettable(now: Instant): boolean {
    return this.state === "closed" && now >= (this.#clock.diesAt ?? now);
  }

  // ── transcript ─────────────────────────────────────────────────────────────

  note(outcome: NonNullable<TranscriptEntry["outcome"]>, lines: readonly string[]): void {
    this.#emitEntry({ at: this.now, kind: "decision", outcome, ikeSa: this.id, lines });
  }

  /** A message, as it went or came. */
  record(
    kind: "sent" | "received",
    header: { readonly exchangeType: number; readonly messageId: number; readonly response: boolean },
    payloads: readonly Payload[],
    datagrams: number,
  ): void {
    const { exchangeType, messageId, response } = header;
    this.#emitEntry({
      at: this.now,
      kind,
      ikeSa: this.id,
      exchange: exchangeTypeName(exchangeType),
      messageId,
      lines: renderMessage(kind, exchangeType, messageId, response, payloads, datagrams),
    });
  }

  #emitEntry(entry: TranscriptEntry): void {
    this.host.emit({ kind: "transcript", tunnel: this.tunnel === "" ? undefined : this.tunnel, entry });
  }
}

/** Tasks that the successor of a rekeyed IKE SA has to do; what is about the old IKE SA itself stays with it. */
const isChildTask = (t: Task): boolean =>
  t.kind === "create-child" || t.kind === "rekey-child" || t.kind === "delete-child";
