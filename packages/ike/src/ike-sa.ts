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
import { HALF_OPEN_TIMEOUT, NAT_KEEPALIVE_INTERVAL, NAT_T_PORT, SUCCESSOR_WAIT } from "./constants.ts";
import type { DownCause } from "./events.ts";
import { ExchangeWindow, type SealedExchange } from "./exchange-window.ts";
import type { ExportedIkeSa, IkeSuite } from "./exported-ike-sa.ts";
import { ExchangeType, exchangeTypeName } from "./iana.ts";
import { IkeSaChildren } from "./ike-sa-children.ts";
import type { IkeSaHost, Path } from "./ike-sa-host.ts";
import type { Nonces } from "./keymat.ts";
import { type Deadlines, deadlines } from "./lifetimes.ts";
import { encodeIkeHeader, IKE_HEADER_LENGTH } from "./message/header.ts";
import type { IkeMessage } from "./message/message.ts";
import { encodePayloadChain, type Payload } from "./message/payload.ts";
import type { SkChannel } from "./sk-channel.ts";
import { invalidSyntax, type Response, respond } from "./tasks/respond.ts";
import { awaitOnly, keysOnly, runTask } from "./tasks/run-task.ts";
import { type Answer, type Outcome, type Procedure, type Step, type Task, URGENCY } from "./tasks/task.ts";
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

interface Running<T> {
  readonly procedure: Procedure<T>;
  cancel: (() => void) | undefined;
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
  /** Set while a rekey that lost the comparison waits to be deleted by whoever made it. */
  redundant = false;
  readonly #tasks: Task[] = [];
  #task: Task | undefined;
  #initiatorRun: Running<Outcome> | undefined;
  #responderRun: Running<Response | undefined> | undefined;
  #heardAt: Instant;
  #sentAt: Instant;
  #retryAt: Instant | undefined;
  #retryTasks: Task[] = [];
  #diesAt: Instant | undefined;
  #announced = false;

  constructor(host: IkeSaHost, birth: IkeSaBirth) {
    this.host = host;
    this.id = birth.id ?? host.newId("ike");
    this.tunnel = birth.tunnel;
    this.template = birth.template;
    this.connection = birth.connection;
    this.initiator = birth.initiator;
    this.initiatorSpi = birth.initiatorSpi;
    this.responderSpi = birth.responderSpi;
    this.path = birth.path;
    this.#heardAt = birth.now;
    this.#sentAt = birth.now;
    this.state = birth.initiator ? "initiating" : "half-open";
    this.window = new ExchangeWindow(host.schedule);
    this.children = new IkeSaChildren(this);
    if (!birth.initiator) this.#diesAt = birth.now + HALF_OPEN_TIMEOUT;
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
    return this.#task;
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

  // ── tasks ──────────────────────────────────────────────────────────────────

  /** Puts a task in the queue, once; it runs when the request under way is over. */
  enqueue(task: Task): void {
    if (this.state === "closed") return;
    const same = (other: Task): boolean => JSON.stringify(other) === JSON.stringify(task);
    if (this.#tasks.some(same) || (this.#task !== undefined && same(this.#task))) return;
    this.#tasks.push(task);
    this.#tasks.sort((a, b) => URGENCY[a.kind] - URGENCY[b.kind]);
    this.host.touch(this);
    this.runNext();
  }

  /** Tries again later what a TEMPORARY_FAILURE or a collision put off. */
  retryLater(task: Task, wait: Duration): void {
    this.#retryTasks.push(task);
    const at = this.now + wait + this.host.random.below(Math.max(1, Math.round(wait)));
    this.host.touch(this);
    this.#retryAt = Math.min(this.#retryAt ?? Number.POSITIVE_INFINITY, at);
  }

  /** Forgets queued tasks of a kind: what they were for has been taken over or has gone. */
  drop(match: (task: Task) => boolean): void {
    for (let i = this.#tasks.length - 1; i >= 0; i--) if (match(this.#tasks[i]!)) this.#tasks.splice(i, 1);
    this.#retryTasks = this.#retryTasks.filter((task) => !match(task));
  }

  /** Ends the task under way without an outcome (RFC 7296 §2.25.2: "forget about its own request"). */
  abandonTask(): void {
    this.#initiatorRun?.cancel?.();
    this.#initiatorRun = undefined;
    this.#task = undefined;
    this.window.abandon();
  }

  runNext(): void {
    if (this.#task !== undefined || this.state === "closed") return;
    const task = this.#tasks.shift();
    if (task === undefined) return;
    this.#task = task;
    this.#initiatorRun = { procedure: runTask(this, task), cancel: undefined };
    this.#advanceInitiator(this.#initiatorRun, undefined);
  }

  #advanceInitiator(running: Running<Outcome>, answer: Answer | undefined): void {
    if (this.#initiatorRun !== running) return;
    running.cancel = undefined;
    const step = running.procedure.next(answer as Answer);
    // The step itself may have ended the SA or the task.
    if (this.#initiatorRun !== running) return;
    if (step.done) {
      this.#initiatorRun = undefined;
      this.#task = undefined;
      const outcome = step.value;
      if (!outcome.ok && this.state !== "closed") this.close(outcome.cause, outcome.reason);
      else this.runNext();
      return;
    }
    if (step.value.kind === "crypto")
      running.cancel = this.host.submit(step.value.job, (result) => {
        this.#advanceInitiator(running, result);
      });
    else this.#sendRequest(step.value);
  }

  // ── messages ───────────────────────────────────────────────────────────────

  #sendRequest(step: Extract<Step, { kind: "exchange" }>): void {
    const { exchangeType, payloads } = step;
    const init = exchangeType === ExchangeType.IKE_SA_INIT;
    const messageId = init || step.synchronises === true ? 0 : this.window.nextSend;
    const datagrams = this.#encode(exchangeType, messageId, false, payloads);
    if (init) this.handshake!.realMessage1 = datagrams[0]!;
    const dpd = this.connection?.dpdTimeout;
    const deadline = this.state !== "initiating" && dpd !== undefined ? this.now + (dpd * 2) / 3 : undefined;
    const { nextSend } = this.window;
    this.window.begin({ messageId, datagrams }, this.now, deadline);
    if (step.synchronises === true) this.window.nextSend = nextSend;
    this.#record("sent", exchangeType, messageId, false, payloads, datagrams.length);
    this.transmit(datagrams, this.path);
  }

  /** Sends and caches the answer to a request. SA_INIT answers are kept for AUTH as well. */
  #sendResponse(request: Pick<IkeMessage, "header">, response: Response, path: Path): void {
    const { exchangeType, messageId } = request.header;
    const datagrams = this.#encode(exchangeType, messageId, true, response.payloads, response.withoutSpi);
    if (this.handshake !== undefined && exchangeType === ExchangeType.IKE_SA_INIT)
      this.handshake.realMessage2 = datagrams[0]!;
    if (response.outsideWindow !== true) this.window.responded({ messageId, datagrams });
    this.#record("sent", exchangeType, messageId, true, response.payloads, datagrams.length);
    this.transmit(datagrams, path);
    response.after?.();
  }

  #encode(
    exchangeType: number,
    messageId: number,
    response: boolean,
    payloads: readonly Payload[],
    withoutSpi = false,
  ): Uint8Array[] {
    const header = {
      initiatorSpi: this.initiatorSpi,
      responderSpi: withoutSpi ? "0000000000000000" : this.responderSpi,
      exchangeType,
      fromInitiator: this.initiator,
      response,
      messageId,
    };
    if (exchangeType === ExchangeType.IKE_SA_INIT) {
      const { first, bytes } = encodePayloadChain(payloads);
      const message = new Uint8Array(IKE_HEADER_LENGTH + bytes.length);
      message.set(encodeIkeHeader({ ...header, nextPayload: first }, message.length));
      message.set(bytes, IKE_HEADER_LENGTH);
      return [message];
    }
    const fragment = this.peerSupports.fragmentation && this.connection?.fragmentation !== false;
    return this.channel!.seal(header, payloads, fragment, this.host.fragmentIpSize, this.path.local);
  }

  transmit(datagrams: readonly Uint8Array[], path: Path): void {
    this.#sentAt = this.now;
    this.host.send(this, path, datagrams);
  }

  /** A request that passed authentication (or is an IKE_SA_INIT). */
  takeRequest(message: IkeMessage, path: Path): void {
    this.#record(
      "received",
      message.header.exchangeType,
      message.header.messageId,
      false,
      message.payloads,
      1,
    );
    // A repetition of the request that is being worked on.
    if (this.#responderRun !== undefined) return;
    const running: Running<Response | undefined> = {
      procedure: respond(this, message),
      cancel: undefined,
    };
    this.#responderRun = running;
    this.#advanceResponder(running, undefined, message, path);
  }

  #advanceResponder(
    running: Running<Response | undefined>,
    answer: Answer | undefined,
    request: IkeMessage | undefined,
    path: Path,
  ): void {
    if (this.#responderRun !== running) return;
    const step = running.procedure.next(answer as Answer);
    if (this.#responderRun !== running) return;
    if (!step.done) {
      if (step.value.kind === "crypto")
        running.cancel = this.host.submit(step.value.job, (result) => {
          this.#advanceResponder(running, result, request, path);
        });
      return;
    }
    this.#responderRun = undefined;
    if (step.value !== undefined && request !== undefined) this.#sendResponse(request, step.value, path);
    this.runNext();
  }

  /** An authentic request that cannot be read: INVALID_SYNTAX, and the SA ends (RFC 7296 §2.21.3). */
  refuseMalformed(request: Pick<IkeMessage, "header">, reason: string, path: Path): void {
    if (this.#responderRun !== undefined) return;
    this.#sendResponse(request, invalidSyntax(this, false, reason), path);
  }

  takeResponse(message: IkeMessage): void {
    const { exchangeType, messageId } = message.header;
    const running = this.#initiatorRun;
    if (running === undefined || !this.window.answered(messageId)) return;
    this.#record("received", exchangeType, messageId, true, message.payloads, 1);
    this.#advanceInitiator(running, message);
  }

  // ── proof of life, movement ────────────────────────────────────────────────

  heard(now: Instant): void {
    this.#heardAt = now;
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
    const { connection } = this;
    this.state = "established";
    this.establishedAt = this.now;
    this.#diesAt = undefined;
    this.handshake = undefined;
    if (connection !== undefined)
      this.deadlines = deadlines(connection.ikeLifetime, this.initiator, this.host.random, this.now);
    this.host.changed(this);
  }

  /** Takes the place of `old` after a rekey: its Child SAs, its name (RFC 7296 §2.18). */
  inheritFrom(old: IkeSa): void {
    this.children.inherit(old.children);
    this.announce(old.id);
    old.state = "replaced";
    // The peer deletes it; if it never does, it goes by itself.
    old.deadlines = { rekeyAt: Number.POSITIVE_INFINITY, expiresAt: this.now + HALF_OPEN_TIMEOUT };
    for (const task of old.takeTasks()) this.retryLater(task, SUCCESSOR_WAIT);
    this.host.changed(this);
  }

  /** Child SA tasks that the successor has to do; what belongs to the old IKE SA stays. */
  takeTasks(): Task[] {
    const childTask = (t: Task): boolean =>
      t.kind === "create-child" || t.kind === "rekey-child" || t.kind === "delete-child";
    const taken = [...this.#tasks, ...this.#retryTasks].filter(childTask);
    this.drop(childTask);
    return taken;
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

  /** Starts the derivation of the keys for the first protected request; false when it cannot be. */
  makeKeys(): boolean {
    if (
      this.state !== "half-open" ||
      this.#responderRun !== undefined ||
      this.handshake?.peerPublic === undefined
    )
      return false;
    const running: Running<Response | undefined> = { procedure: keysOnly(this), cancel: undefined };
    this.#responderRun = running;
    this.#advanceResponder(running, undefined, undefined, this.path);
    return true;
  }

  /** Taken over from the partner: on with the request under way, then agree on message IDs where the peer can. */
  adopted(value: ExportedIkeSa, announce: boolean): void {
    this.announce(undefined);
    if (![...this.children].some((child) => child.outboundReady))
      for (const child of this.children) this.children.inUse(child);
    if (announce) for (const child of this.children) this.children.announceAgain(child);
    if (this.peerSupports.messageIdSync) this.enqueue({ kind: "message-id-sync" });
    else if (value.outstanding !== undefined) this.#repeatForPredecessor(value.outstanding);
    else this.enqueue({ kind: "liveness" });
  }

  /** Its answer only frees the message ID: what it was about was begun by another process. */
  #repeatForPredecessor(outstanding: SealedExchange): void {
    this.#task = { kind: "liveness" };
    this.#initiatorRun = { procedure: awaitOnly(), cancel: undefined };
    this.#initiatorRun.procedure.next();
    this.window.begin(outstanding, this.now, this.now + ((this.connection?.dpdTimeout ?? 45_000) * 2) / 3);
    this.transmit(outstanding.datagrams, this.path);
  }

  /** RFC 6311: both sides agree on message IDs again; whatever was under way is void. */
  synchronised(nextSend: number, nextReceive: number): void {
    this.abandonTask();
    this.window.synchronise(nextSend, nextReceive);
    this.host.changed(this);
    this.runNext();
  }

  /** Ends the SA on this side at once. The DELETE, if any, has been exchanged before. */
  close(cause: DownCause, reason: string): void {
    if (this.state === "closed") return;
    this.#initiatorRun?.cancel?.();
    this.#responderRun?.cancel?.();
    this.#initiatorRun = undefined;
    this.#responderRun = undefined;
    this.#task = undefined;
    this.#tasks.length = 0;
    this.#retryAt = undefined;
    this.window.abandon();
    this.children.closeAll(cause, reason);
    this.state = "closed";
    this.#diesAt = this.now + HALF_OPEN_TIMEOUT;
    this.handshake = undefined;
    this.host.touch(this);
    if (this.#announced)
      this.host.emit({ kind: "ike-sa-down", tunnel: this.tunnel, ikeSa: this.id, cause, reason });
    this.host.ended(this, cause, reason, this.now);
  }

  /** As `close`, and no answer is kept: a peer that tries again starts anew. */
  forget(cause: DownCause, reason: string): void {
    this.close(cause, reason);
    this.#diesAt = this.now;
  }

  /** When the endpoint may forget a closed SA. */
  isForgettable(now: Instant): boolean {
    return this.state === "closed" && this.#diesAt !== undefined && now >= this.#diesAt;
  }

  // ── time ───────────────────────────────────────────────────────────────────

  nextTimeout(): Instant | undefined {
    let at = Number.POSITIVE_INFINITY;
    const consider = (t: Instant | undefined): void => {
      if (t !== undefined && t < at) at = t;
    };
    consider(this.#diesAt);
    if (this.state !== "closed") {
      consider(this.window.nextTimeout());
      consider(this.channel?.nextTimeout());
      consider(this.#retryAt);
      consider(this.children.nextTimeout());
      consider(this.#livenessAt());
      consider(this.#keepaliveAt());
      if (this.state === "established") consider(this.#deadlineAt());
      if (this.state === "replaced") consider(this.deadlines?.expiresAt);
    }
    return at === Number.POSITIVE_INFINITY ? undefined : at;
  }

  #deadlineAt(): Instant | undefined {
    if (this.deadlines === undefined) return undefined;
    return this.#isRekeying() ? this.deadlines.expiresAt : this.deadlines.rekeyAt;
  }

  #isRekeying(): boolean {
    const of = (t: Task): boolean => t.kind === "rekey-ike";
    return (this.#task !== undefined && of(this.#task)) || this.#tasks.some(of) || this.#retryTasks.some(of);
  }

  /** RFC 7296 §2.4: ask when nothing was heard for a third of the time after which the peer counts as dead. */
  #livenessAt(): Instant | undefined {
    const dpd = this.connection?.dpdTimeout;
    if (dpd === undefined || this.#task !== undefined) return undefined;
    if (this.state !== "established" && this.state !== "replaced") return undefined;
    return this.#heardAt + dpd / 3;
  }

  #keepaliveAt(): Instant | undefined {
    if (!this.isUp || !this.nat.local || this.path.localPort !== NAT_T_PORT) return undefined;
    return this.#sentAt + NAT_KEEPALIVE_INTERVAL;
  }

  handleTimeout(now: Instant): void {
    if (this.#diesAt !== undefined && now >= this.#diesAt && this.state !== "closed") {
      this.close("no-answer", "the peer began an IKE SA and did not go on");
      return;
    }
    if (this.state === "closed") return;
    this.#repeatRequest();
    this.#expireFragments();
    if ((this.state as IkeSaState) === "closed") return;
    if (this.#retryAt !== undefined && now >= this.#retryAt) {
      this.#retryAt = undefined;
      for (const task of this.#retryTasks.splice(0)) this.enqueue(task);
    }
    this.children.handleTimeout(now);
    this.#checkLifetime(now);
    const liveness = this.#livenessAt();
    if (liveness !== undefined && now >= liveness) this.enqueue({ kind: "liveness" });
    const keepalive = this.#keepaliveAt();
    if (keepalive !== undefined && now >= keepalive) {
      this.#sentAt = now;
      this.host.emit({ kind: "nat-keepalive", ...this.path });
    }
  }

  #repeatRequest(): void {
    const { outstanding } = this.window;
    const action = this.window.handleTimeout(this.now);
    if (action === "exhausted") this.close("no-answer", this.#silenceReason(outstanding!));
    else if (action !== "wait") this.transmit(action, this.path);
  }

  #silenceReason(request: SealedExchange): string {
    const where = `${this.path.remote} port ${this.path.remotePort}`;
    const tries = this.window.attempts;
    const fragments = request.datagrams.length;
    if (this.state === "initiating" && request.messageId === 0)
      return `no answer from ${where} to IKE_SA_INIT after ${tries} tries: is the address right, the device up, and UDP 500 open on the way?`;
    const cut =
      fragments > 1 ? ` (sent in ${fragments} fragments: a device or firewall on the way may drop them)` : "";
    if (this.state === "initiating")
      return `no answer from ${where} to IKE_AUTH after ${tries} tries${cut}: is UDP 4500 open on the way, and does the peer know this identity?`;
    return `the peer at ${where} has been silent: ${tries} tries of a request went unanswered${cut}`;
  }

  #expireFragments(): void {
    const { channel } = this;
    if (channel === undefined) return;
    for (const response of [false, true]) {
      const reassembly = channel.reassembly(response);
      const missing = reassembly.missing();
      const { total } = reassembly;
      if (reassembly.expire(this.now))
        this.note("failed", [
          `fragment${missing.length === 1 ? "" : "s"} ${missing.join(", ")} of ${total} never came: the message is dropped`,
          "cause: a device on the way drops some of the peer's UDP datagrams; cure: a smaller fragment size on the peer, or fix the path",
        ]);
    }
  }

  #checkLifetime(now: Instant): void {
    if (this.deadlines === undefined) return;
    if (this.state === "replaced" && now >= this.deadlines.expiresAt) {
      this.close("rekeyed", "replaced by its successor; the peer never deleted it");
      return;
    }
    if (this.state !== "established") return;
    if (now >= this.deadlines.expiresAt) {
      this.enqueue({
        kind: "delete-ike",
        cause: "expired",
        reason: "the IKE SA's lifetime ended before it was rekeyed",
      });
      this.deadlines = { ...this.deadlines, expiresAt: Number.POSITIVE_INFINITY };
    } else if (now >= this.deadlines.rekeyAt && !this.#isRekeying()) {
      if (this.connection?.reauthenticate === true && this.initiator) {
        this.deadlines = { ...this.deadlines, rekeyAt: Number.POSITIVE_INFINITY };
        this.host.reauthenticate(this, now);
      } else this.enqueue({ kind: "rekey-ike" });
    }
  }

  // ── transcript ─────────────────────────────────────────────────────────────

  note(outcome: NonNullable<TranscriptEntry["outcome"]>, lines: readonly string[]): void {
    this.#emitEntry({ at: this.now, kind: "decision", outcome, ikeSa: this.id, lines });
  }

  #record(
    kind: "sent" | "received",
    exchangeType: number,
    messageId: number,
    response: boolean,
    payloads: readonly Payload[],
    datagrams: number,
  ): void {
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
