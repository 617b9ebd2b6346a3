/**
 * Replication between the two instances: keeps one SecureChannel up, sends updates, waits for acknowledgements.
 *
 *      seat ── update ─▶ PartnerLink ══ channel ══▶ PartnerLink ─▶ ReplicaStore
 *           ◀─ promise ──────────────◀══ ack n, or refused n
 *
 * Availability comes first: with no partner, or with one that does not answer, updates count as done at once, and the
 * channel starts over with whole snapshots. What a stale replica could break is bounded where it is adopted
 * (adoption.ts: margins above every number that was told).
 *
 * `refused`: what was told is not held, so nobody may count on it (README.md: the rules).
 *
 * The instance whose name is smaller dials; the other listens. Whoever hears of a seat that it hosts itself at a higher
 * epoch answers `superseded`, and the older owner drops the seat.
 */
import { randomBytes } from "node:crypto";
import { connect, createServer, type Server } from "node:net";
import { deserialize, serialize } from "node:v8";
import type { ReplicaUpdate } from "./replica-store.ts";
import { SecureChannel } from "./secure-channel.ts";

/** Milliseconds. An acknowledgement takes well under one on one machine. */
const ACK_LIMIT = 300;
const REDIAL_AFTER = 200;
const MAX_QUEUED = 64 * 1024 * 1024;

type Message =
  | { readonly kind: "update"; readonly number: number; readonly update: ReplicaUpdate }
  | { readonly kind: "ack" | "refused"; readonly number: number }
  | { readonly kind: "superseded"; readonly seat: string; readonly epoch: number };

export interface PartnerLinkOptions {
  readonly name: string;
  readonly partner: string;
  readonly localAddress: string;
  readonly address: string;
  readonly port: number;
  readonly key: Uint8Array;
  /** What a partner that just connected must know: one snapshot per hosted seat. */
  snapshots(): readonly ReplicaUpdate[];
  /** False when the update is not held: then it is refused instead of acknowledged. */
  onUpdate(update: ReplicaUpdate): boolean;
  /** Our epoch of a seat that we host ourselves. */
  ownEpoch(seat: string): number | undefined;
  onSuperseded(seat: string, epoch: number): void;
  onState(up: boolean, reason: string): void;
}

interface Waiting {
  readonly resolve: (acknowledged: boolean) => void;
  readonly timer: NodeJS.Timeout;
}

export class PartnerLink {
  readonly #options: PartnerLinkOptions;
  readonly #waiting = new Map<number, Waiting>();
  /** Of this link's memory: a restarted process has another one. */
  readonly #process = randomBytes(16).toString("hex");
  #channel: SecureChannel | undefined;
  #partnerProcess: string | undefined;
  #up = false;
  #number = 0;
  #server: Server | undefined;
  #redial: NodeJS.Timeout | undefined;
  #stopped = false;
  #lastReason = "";

  constructor(options: PartnerLinkOptions) {
    this.#options = options;
  }

  get up(): boolean {
    return this.#up;
  }

  /** The partner's process, while the link is up. */
  get partnerProcess(): string | undefined {
    return this.#up ? this.#partnerProcess : undefined;
  }

  start(): void {
    if (this.#options.name < this.#options.partner) this.#dial();
    else this.#listen();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#redial);
    this.#server?.close();
    this.#channel?.close("stopped");
    this.#releaseAll();
  }

  /** Resolves with true when the partner has the update, with false when there is none to wait for or it refuses. */
  replicate(update: ReplicaUpdate): Promise<boolean> {
    if (!this.#up) return Promise.resolve(false);
    return new Promise((resolve) => {
      const number = this.#send(update);
      const timer = setTimeout(
        () => this.#channel?.close(`no acknowledgement within ${ACK_LIMIT} ms`),
        ACK_LIMIT,
      );
      this.#waiting.set(number, { resolve, timer });
    });
  }

  /** Sends without waiting; dropped when there is no partner or when it does not keep up. */
  tell(update: ReplicaUpdate): void {
    if (this.#up && (this.#channel?.queued ?? 0) < MAX_QUEUED) this.#send(update);
  }

  #send(update: ReplicaUpdate): number {
    const number = ++this.#number;
    this.#message({ kind: "update", number, update });
    return number;
  }

  #message(message: Message): void {
    this.#channel?.send(serialize(message));
  }

  #dial(): void {
    if (this.#stopped) return;
    const { address, port, localAddress } = this.#options;
    const socket = connect({ host: address, port, localAddress });
    this.#adopt(
      new SecureChannel(
        socket,
        this.#channelOptions("dialer", () => this.#planDial()),
      ),
    );
  }

  #planDial(): void {
    if (this.#stopped) return;
    clearTimeout(this.#redial);
    this.#redial = setTimeout(() => this.#dial(), REDIAL_AFTER);
    this.#redial.unref();
  }

  #listen(): void {
    const { localAddress, port, address } = this.#options;
    this.#server = createServer((socket) => {
      if (socket.remoteAddress !== address) {
        socket.destroy();
        return;
      }
      // The partner dials anew only when it has given its old connection up.
      this.#channel?.close("the partner connected again");
      this.#adopt(
        new SecureChannel(
          socket,
          this.#channelOptions("listener", () => {}),
        ),
      );
    });
    this.#server.on("error", (error) => {
      this.#tellState(false, `cannot listen on ${localAddress} port ${port}: ${error.message}`);
      if (this.#stopped) return;
      this.#redial = setTimeout(() => this.#server?.listen(port, localAddress), REDIAL_AFTER * 5);
      this.#redial.unref();
    });
    this.#server.listen(port, localAddress);
  }

  #adopt(channel: SecureChannel): void {
    this.#channel = channel;
  }

  #channelOptions(role: "dialer" | "listener", afterClose: () => void) {
    const { key, name, partner } = this.#options;
    return {
      role,
      key,
      name,
      partner,
      process: this.#process,
      onReady: (partnerProcess: string) => {
        this.#up = true;
        this.#partnerProcess = partnerProcess;
        for (const snapshot of this.#options.snapshots()) this.#send(snapshot);
        this.#tellState(true, `the partner ${partner} is connected`);
      },
      onRecord: (record: Buffer) => this.#receive(deserialize(record) as Message),
      onClose: (reason: string) => {
        this.#up = false;
        this.#releaseAll();
        this.#tellState(false, reason);
        afterClose();
      },
    };
  }

  #receive(message: Message): void {
    switch (message.kind) {
      case "ack":
      case "refused": {
        const waiting = this.#waiting.get(message.number);
        if (waiting === undefined) return;
        this.#waiting.delete(message.number);
        clearTimeout(waiting.timer);
        waiting.resolve(message.kind === "ack");
        return;
      }
      case "update": {
        const { update, number } = message;
        const own = this.#options.ownEpoch(update.seat);
        let held = false;
        // An owner that hands over in order ends with a word for the one that has the seat already.
        if (own !== undefined && own > update.epoch && update.kind !== "final") {
          this.#message({ kind: "superseded", seat: update.seat, epoch: own });
        } else {
          held = this.#options.onUpdate(update);
          if (own !== undefined && own < update.epoch) this.#options.onSuperseded(update.seat, update.epoch);
        }
        if (update.kind !== "live") this.#message({ kind: held ? "ack" : "refused", number });
        return;
      }
      case "superseded":
        this.#options.onSuperseded(message.seat, message.epoch);
        return;
      default:
        message satisfies never;
    }
  }

  #releaseAll(): void {
    for (const { resolve, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      resolve(false);
    }
    this.#waiting.clear();
  }

  /** The same trouble is told once, not at every attempt. */
  #tellState(up: boolean, reason: string): void {
    const text = `${up} ${reason}`;
    if (text === this.#lastReason || this.#stopped) return;
    this.#lastReason = text;
    this.#options.onState(up, reason);
  }
}
