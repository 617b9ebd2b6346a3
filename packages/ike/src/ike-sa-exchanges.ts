/**
 * The exchanges of one IKE SA: one task of ours and one request of the peer's at a time, each a procedure that is resumed
 * when what it waits for is there. Between them and the wire stand the window and the protected channel.
 */

import { REDUNDANT_PATIENCE } from "./constants.ts";
import type { SealedExchange } from "./exchange-window.ts";
import { ExchangeType } from "./iana.ts";
import type { IkeSa } from "./ike-sa.ts";
import type { Path } from "./ike-sa-host.ts";
import { encodeIkeHeader, IKE_HEADER_LENGTH, ZERO_SPI } from "./message/header.ts";
import type { IkeMessage } from "./message/message.ts";
import { encodePayloadChain, type Payload } from "./message/payload.ts";
import { TaskQueue } from "./task-queue.ts";
import { whyDeleted } from "./tasks/informational.ts";
import { invalidSyntax, type Response, respond } from "./tasks/respond.ts";
import { awaitOnly, keysOnly, runTask } from "./tasks/run-task.ts";
import type { Answer, Outcome, Procedure, Step, Task } from "./tasks/task.ts";

interface Running<T> {
  readonly procedure: Procedure<T>;
  cancel: (() => void) | undefined;
}

export class IkeSaExchanges {
  readonly queue: TaskQueue = new TaskQueue();
  readonly #sa: IkeSa;
  #task: Task | undefined;
  #ours: Running<Outcome> | undefined;
  #peers: Running<Response | undefined> | undefined;

  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  get task(): Task | undefined {
    return this.#task;
  }

  // ── our tasks ──────────────────────────────────────────────────────────────

  enqueue(task: Task): void {
    if (this.#task !== undefined && JSON.stringify(this.#task) === JSON.stringify(task)) return;
    if (this.queue.push(task)) this.runNext();
  }

  /** Ends the task under way without an outcome. */
  abandonTask(): void {
    this.#ours?.cancel?.();
    this.#ours = undefined;
    this.#task = undefined;
    this.#sa.window.abandon();
  }

  stop(): void {
    this.abandonTask();
    this.#peers?.cancel?.();
    this.#peers = undefined;
    this.queue.clear();
  }

  runNext(): void {
    if (this.#task !== undefined || this.#sa.state === "closed") return;
    const task = this.queue.take();
    if (task === undefined) return;
    this.#task = task;
    this.#ours = { procedure: runTask(this.#sa, task), cancel: undefined };
    this.#resumeOurs(this.#ours, undefined);
  }

  #resumeOurs(running: Running<Outcome>, answer: Answer | undefined): void {
    if (this.#ours !== running) return;
    // A result of a crypto job comes by no datagram: what it changes has deadlines all the same.
    this.#sa.host.touch(this.#sa);
    running.cancel = undefined;
    const step = running.procedure.next(answer as Answer);
    // The step itself may have ended the SA or the task.
    if (this.#ours !== running) return;
    if (step.done) {
      this.#ours = undefined;
      this.#task = undefined;
      const outcome = step.value;
      const { state, deletedByPeer } = this.#sa;
      if (!outcome.ok && state !== "closed") this.#sa.close(outcome.cause, outcome.reason);
      else if (deletedByPeer) {
        const { cause, reason } = whyDeleted(this.#sa);
        this.#sa.close(cause, reason);
      } else this.runNext();
      return;
    }
    if (step.value.kind === "crypto")
      running.cancel = this.#sa.host.submit(step.value.job, (result) => this.#resumeOurs(running, result));
    else this.#sendRequest(step.value);
  }

  /** A request that another process began: repeated as it was; its answer only frees the message ID. */
  repeatForPredecessor(outstanding: SealedExchange, silence: number): void {
    this.#task = { kind: "liveness" };
    this.#ours = { procedure: awaitOnly(), cancel: undefined };
    this.#ours.procedure.next();
    this.#sa.window.begin(outstanding, this.#sa.now, this.#sa.now + silence);
    this.#sa.transmit(outstanding.datagrams, this.#sa.path);
  }

  takeResponse(message: IkeMessage): void {
    const running = this.#ours;
    if (running === undefined || !this.#sa.window.answered(message.header.messageId)) return;
    this.#sa.record("received", message.header, message.payloads, 1);
    this.#resumeOurs(running, message);
  }

  // ── the peer's requests ────────────────────────────────────────────────────

  /** A request that passed authentication (or is an IKE_SA_INIT). */
  takeRequest(message: IkeMessage, path: Path): void {
    // A repetition of the request that is being worked on.
    if (this.#peers !== undefined) return;
    this.#sa.record("received", message.header, message.payloads, 1);
    this.#peers = { procedure: respond(this.#sa, message), cancel: undefined };
    this.#resumePeers(this.#peers, undefined, message, path);
  }

  /** Starts the derivation of the keys for the first protected request; false when it cannot be. */
  makeKeys(): boolean {
    const { state, handshake, path } = this.#sa;
    if (state !== "half-open" || this.#peers !== undefined || handshake?.peerPublic === undefined)
      return false;
    this.#peers = { procedure: keysOnly(this.#sa), cancel: undefined };
    this.#resumePeers(this.#peers, undefined, undefined, path);
    return true;
  }

  #resumePeers(
    running: Running<Response | undefined>,
    answer: Answer | undefined,
    request: IkeMessage | undefined,
    path: Path,
  ): void {
    if (this.#peers !== running) return;
    this.#sa.host.touch(this.#sa);
    const step = running.procedure.next(answer as Answer);
    if (this.#peers !== running) return;
    if (!step.done) {
      if (step.value.kind === "crypto")
        running.cancel = this.#sa.host.submit(step.value.job, (result) =>
          this.#resumePeers(running, result, request, path),
        );
      return;
    }
    this.#peers = undefined;
    if (step.value !== undefined && request !== undefined) this.#sendResponse(request, step.value, path);
    this.runNext();
  }

  /** An authentic request that cannot be read: INVALID_SYNTAX, and the SA ends (RFC 7296 §2.21.3). */
  refuseMalformed(request: Pick<IkeMessage, "header">, reason: string, path: Path): void {
    if (this.#peers !== undefined) return;
    this.#sendResponse(request, invalidSyntax(this.#sa, false, reason), path);
  }

  // ── the wire ───────────────────────────────────────────────────────────────

  #sendRequest(step: Extract<Step, { kind: "exchange" }>): void {
    const { exchangeType, payloads } = step;
    const { window, handshake, connection, state, now, path } = this.#sa;
    const init = exchangeType === ExchangeType.IKE_SA_INIT;
    const messageId = init || step.synchronises === true ? 0 : window.nextSend;
    const header = { exchangeType, messageId, response: false };
    const datagrams = this.#encode(header, payloads);
    if (init) handshake!.realMessage1 = datagrams[0]!;
    const dpd = connection?.dpdTimeout;
    const patience = this.#sa.redundant ? REDUNDANT_PATIENCE : dpd === undefined ? undefined : (dpd * 2) / 3;
    const deadline = state !== "initiating" && patience !== undefined ? now + patience : undefined;
    const { nextSend } = window;
    window.begin({ messageId, datagrams }, now, deadline);
    if (step.synchronises === true) window.nextSend = nextSend;
    this.#sa.record("sent", header, payloads, datagrams.length);
    this.#sa.transmit(datagrams, path);
  }

  /** Sends and caches the answer to a request. SA_INIT answers are kept for AUTH as well. */
  #sendResponse(request: Pick<IkeMessage, "header">, response: Response, path: Path): void {
    const { exchangeType, messageId } = request.header;
    const { window, handshake } = this.#sa;
    const header = { exchangeType, messageId, response: true };
    const datagrams = this.#encode(header, response.payloads, response.withoutSpi);
    if (handshake !== undefined && exchangeType === ExchangeType.IKE_SA_INIT)
      handshake.realMessage2 = datagrams[0]!;
    if (response.outsideWindow !== true) window.responded({ messageId, datagrams });
    this.#sa.record("sent", header, response.payloads, datagrams.length);
    this.#sa.transmit(datagrams, path);
    response.after?.();
  }

  #encode(
    fields: { readonly exchangeType: number; readonly messageId: number; readonly response: boolean },
    payloads: readonly Payload[],
    withoutSpi = false,
  ): Uint8Array[] {
    const { initiatorSpi, responderSpi, initiator, channel, connection, peerSupports, host, path } = this.#sa;
    const header = {
      ...fields,
      initiatorSpi,
      responderSpi: withoutSpi ? ZERO_SPI : responderSpi,
      fromInitiator: initiator,
    };
    if (fields.exchangeType === ExchangeType.IKE_SA_INIT) {
      const { first, bytes } = encodePayloadChain(payloads);
      const message = new Uint8Array(IKE_HEADER_LENGTH + bytes.length);
      message.set(encodeIkeHeader({ ...header, nextPayload: first }, message.length));
      message.set(bytes, IKE_HEADER_LENGTH);
      return [message];
    }
    const fragment = peerSupports.fragmentation && connection?.fragmentation !== false;
    return channel!.seal(header, payloads, fragment, host.fragmentIpSize, path.local);
  }
}
