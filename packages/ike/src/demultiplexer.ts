/**
 * From a datagram to the IKE SA that it is for (RFC 7296 §2.6, §3.1), or to one of the few unprotected answers.
 * Every way to drop a datagram has a name and a counter.
 */
import { bytesToHex } from "@tandem/crypto";
import { AdmissionGate, statelessAnswer } from "./admission.ts";
import type { IkeEndpointOptions } from "./config.ts";
import { MESSAGE_MAX_LENGTH, PENDING_DATAGRAMS_MAX } from "./constants.ts";
import type { Datagram } from "./events.ts";
import { ExchangeType, NotifyType } from "./iana.ts";
import type { IkeSa } from "./ike-sa.ts";
import type { IkeSaHost, Path } from "./ike-sa-host.ts";
import { type DropReason, type Incoming, receive } from "./ike-sa-input.ts";
import { decodeIkeHeader, IKE_HEADER_LENGTH, type IkeHeader, ZERO_SPI } from "./message/header.ts";
import { isMalformed } from "./message/octets.ts";
import { decodePayloadChain } from "./message/payload.ts";
import { notify } from "./message/payloads/notify.ts";

export class Demultiplexer {
  readonly gate: AdmissionGate;
  readonly drops: Partial<Record<DropReason, number>> = {};
  readonly #host: IkeSaHost;
  readonly #sas: ReadonlyMap<string, IkeSa>;
  /** Protected messages that came before their keys were made. */
  readonly #pending: Map<IkeSa, Incoming[]> = new Map();

  constructor(host: IkeSaHost, sas: ReadonlyMap<string, IkeSa>, options: IkeEndpointOptions) {
    this.#host = host;
    this.#sas = sas;
    this.gate = new AdmissionGate(options.random, options.limits ?? {});
  }

  /** Messages whose keys are there now. Keys are made by something that touches their IKE SA. */
  replay(touched: Iterable<IkeSa>): void {
    if (this.#pending.size === 0) return;
    for (const sa of touched) if (sa.channel !== undefined && this.#pending.has(sa)) this.#replayPending(sa);
  }

  /** The SA is over. */
  leave(sa: IkeSa): void {
    this.gate.leave(sa);
    this.#pending.delete(sa);
  }

  #answer(path: Path, payload: Uint8Array): void {
    this.#host.emit({ kind: "transmit", ...path, payload });
  }

  #drop(reason: DropReason): void {
    this.drops[reason] = (this.drops[reason] ?? 0) + 1;
  }

  take(datagram: Datagram): void {
    const { payload: bytes, local, localPort, remote, remotePort } = datagram;
    const path: Path = { local, localPort, remote, remotePort };
    if (bytes.length > MESSAGE_MAX_LENGTH) {
      this.#drop("too-long");
      return;
    }
    const header = decodeIkeHeader(bytes);
    if (isMalformed(header)) {
      this.#drop(bytes.length < IKE_HEADER_LENGTH ? "short-header" : "bad-length");
      return;
    }
    if (header.majorVersion !== 2) {
      this.#wrongVersion(header, path);
      return;
    }
    if (
      header.exchangeType === ExchangeType.IKE_SA_INIT &&
      !header.response &&
      header.responderSpi === ZERO_SPI
    ) {
      this.#initRequest(header, bytes, path);
      return;
    }
    const sa = this.#sas.get(header.fromInitiator ? header.responderSpi : header.initiatorSpi);
    if (sa === undefined || !spisFit(sa, header)) {
      this.#unknownSpi(header, path);
      return;
    }
    const reason = receive(sa, { header, bytes, path }, this.#host.now);
    this.#host.touch(sa);
    if (reason === "no-keys") {
      this.#keysFirst(sa, { header, bytes, path });
      return;
    }
    if (reason !== undefined) this.#drop(reason);
  }

  /** RFC 7296 §2.5: only a higher version is told about ours; a lower one is IKEv1. */
  #wrongVersion(header: IkeHeader, path: Path): void {
    this.#drop("wrong-version");
    if (header.majorVersion < 2 || header.response || !this.gate.mayAnswerError(this.#host.now)) return;
    this.#answer(path, statelessAnswer(header, notify(NotifyType.INVALID_MAJOR_VERSION)));
  }

  /** RFC 7296 §1.5, §2.21.4: a hint for a peer that outlived its IKE SA. */
  #unknownSpi(header: IkeHeader, path: Path): void {
    this.#drop("unknown-spi");
    if (header.response || header.exchangeType === ExchangeType.IKE_SA_INIT) return;
    if (!this.gate.mayAnswerError(this.#host.now)) return;
    this.#answer(path, statelessAnswer(header, notify(NotifyType.INVALID_IKE_SPI)));
  }

  #initRequest(header: IkeHeader, bytes: Uint8Array, path: Path): void {
    if (!header.fromInitiator || header.messageId !== 0 || header.initiatorSpi === ZERO_SPI) {
      this.#drop("malformed");
      return;
    }
    const known = this.gate.known(header, path);
    if (known !== undefined) {
      // A repetition gets the same answer; anything else with this SPI is not believed.
      const cached = known.window.lastResponse;
      const same =
        known.handshake !== undefined && bytesToHex(known.handshake.realMessage1) === bytesToHex(bytes);
      if (same && cached?.messageId === 0) known.transmit(cached.datagrams, path);
      else if (!same) this.#drop("unexpected-exchange");
      return;
    }
    const chain = decodePayloadChain(header.nextPayload, bytes, IKE_HEADER_LENGTH);
    if (isMalformed(chain) || chain.protectedPart !== undefined) {
      this.#drop("malformed");
      return;
    }
    const [candidate] = this.#host.candidates(path);
    if (candidate === undefined) {
      this.#drop("no-connection");
      if (!this.gate.mayAnswerError(this.#host.now)) return;
      this.#host.emit({
        kind: "log",
        level: "warning",
        message: `${path.remote} tried to connect to ${path.local}: no connection is configured for that address`,
      });
      this.#answer(path, statelessAnswer(header, notify(NotifyType.NO_PROPOSAL_CHOSEN)));
      return;
    }
    const admission = this.gate.admit(header, chain.payloads, path, this.#host.now);
    if (admission.kind !== "admit") this.#drop(admission.reason);
    if (admission.kind === "answer") this.#answer(path, admission.datagram);
    if (admission.kind !== "admit") return;
    const sa = this.#host.makeIkeSa({
      tunnel: candidate.remote === null ? "" : candidate.tunnel,
      template: undefined,
      connection: undefined,
      initiator: false,
      initiatorSpi: header.initiatorSpi,
      responderSpi: this.#host.newIkeSpi(),
      path,
      now: this.#host.now,
    });
    this.#host.register(sa);
    this.gate.enter(sa, path);
    sa.takeRequest({ header, payloads: chain.payloads, raw: bytes }, path);
  }

  /** The responder makes its keys when the first protected message comes: a flood of IKE_SA_INIT costs no key agreement. */
  #keysFirst(sa: IkeSa, incoming: { header: IkeHeader; bytes: Uint8Array; path: Path }): void {
    const waiting = this.#pending.get(sa);
    if (waiting !== undefined) {
      if (waiting.length < PENDING_DATAGRAMS_MAX) waiting.push(incoming);
      else this.#drop("no-keys");
      return;
    }
    if (incoming.header.exchangeType !== ExchangeType.IKE_AUTH || !sa.makeKeys()) {
      this.#drop("no-keys");
      return;
    }
    this.#pending.set(sa, [incoming]);
  }

  #replayPending(sa: IkeSa): void {
    const waiting = this.#pending.get(sa) ?? [];
    this.#pending.delete(sa);
    for (const incoming of waiting) {
      const reason = receive(sa, incoming, this.#host.now);
      if (reason !== undefined) this.#drop(reason);
    }
    this.#host.touch(sa);
  }
}

function spisFit(sa: IkeSa, header: IkeHeader): boolean {
  if (header.initiatorSpi !== sa.initiatorSpi) return false;
  // The initiator learns the responder's SPI from the answer to IKE_SA_INIT.
  return header.responderSpi === sa.responderSpi || (sa.state === "initiating" && sa.channel === undefined);
}
