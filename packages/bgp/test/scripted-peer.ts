/** One speaker and a peer that says exactly what a test tells it to, byte by byte. */
import { seededRandom } from "@tandem/sansio";
import { type BgpEffect, BgpSpeaker, type PeerConfig, type SpeakerConfig } from "../src/index.ts";
import { encodeMessage } from "../src/message/header.ts";
import { encodeKeepalive } from "../src/message/keepalive.ts";
import { encodeOpen, type Open } from "../src/message/open.ts";

export const LOCAL = "10.0.0.1";
export const REMOTE = "10.0.0.2";

export const OPEN: Open = {
  asn: 65001,
  holdTime: 180,
  routerId: 0x0a000002,
  capabilities: {
    families: ["ipv4-unicast", "ipv6-unicast"],
    routeRefresh: true,
    fourOctetAs: 65001,
    gracefulRestart: undefined,
    declined: [],
  },
};

export class ScriptedPeer {
  readonly speaker: BgpSpeaker;
  readonly effects: BgpEffect[] = [];
  now = 0;
  connection = 1;

  constructor(peer: Partial<PeerConfig> = {}, config: Partial<SpeakerConfig> = {}) {
    this.speaker = new BgpSpeaker(
      { localAddress: LOCAL, asn: 65515, routerId: LOCAL, ...config },
      seededRandom(7),
    );
    this.input({
      kind: "peer-set",
      peer: { name: "p", neighbor: REMOTE, asn: 65001, passive: true, ...peer },
    });
  }

  input(...inputs: Parameters<BgpSpeaker["handle"]>[0][]): void {
    for (const input of inputs) {
      this.speaker.handle(input, this.now);
      this.drain();
    }
  }

  drain(): void {
    for (let e = this.speaker.poll(); e !== undefined; e = this.speaker.poll()) {
      this.effects.push(e);
      if (e.kind === "write") {
        this.speaker.handle(
          { kind: "tcp-written", connection: e.connection, bytes: e.bytes.length },
          this.now,
        );
      }
    }
    const at = this.speaker.nextTimeout();
    if (at !== undefined && at <= this.now) {
      this.speaker.handleTimeout(this.now);
      this.drain();
    }
  }

  /** Lets time pass, timer by timer. */
  wait(milliseconds: number): void {
    const end = this.now + milliseconds;
    for (
      let at = this.speaker.nextTimeout();
      at !== undefined && at <= end;
      at = this.speaker.nextTimeout()
    ) {
      this.now = Math.max(this.now, at);
      this.speaker.handleTimeout(this.now);
      this.drain();
    }
    this.now = end;
  }

  accept(): this {
    this.input({
      kind: "tcp-accepted",
      connection: this.connection,
      localAddress: LOCAL,
      localPort: 179,
      remote: REMOTE,
      remotePort: 40_000,
    });
    return this;
  }

  send(...messages: Uint8Array[]): this {
    for (const bytes of messages) this.input({ kind: "tcp-data", connection: this.connection, bytes });
    return this;
  }

  establish(open: Open = OPEN): this {
    return this.accept().send(encodeOpen(open), encodeKeepalive());
  }

  get state(): string {
    return this.speaker.peers(this.now)[0]!.state;
  }

  /** Code and subcode of NOTIFICATIONs that were sent, "3/1". */
  get notifications(): string[] {
    return this.messages(3).map((b) => `${b[19]}/${b[20]}`);
  }

  get notificationData(): Uint8Array | undefined {
    return this.messages(3).at(-1)?.slice(21);
  }

  /** Messages of one type in everything written. */
  messages(type: number): Uint8Array[] {
    const out: Uint8Array[] = [];
    for (const e of this.effects) {
      if (e.kind !== "write") continue;
      for (let at = 0; at < e.bytes.length; ) {
        const length = (e.bytes[at + 16]! << 8) | e.bytes[at + 17]!;
        if (e.bytes[at + 18] === type) out.push(e.bytes.slice(at, at + length));
        at += length;
      }
    }
    return out;
  }

  routes(): string[] {
    return this.speaker
      .learnedRoutes({})
      .map((r) => r.network)
      .toSorted();
  }
}

export const hex = (text: string): Uint8Array =>
  Uint8Array.from((text.replace(/[^0-9a-f]/gi, "").match(/../g) ?? []).map((b) => Number.parseInt(b, 16)));

/** An UPDATE out of its three sections, in hexadecimal. */
export function update(attributes: string, nlri = "", withdrawn = ""): Uint8Array {
  const w = hex(withdrawn);
  const a = hex(attributes);
  const n = hex(nlri);
  const body = Uint8Array.from([
    w.length >> 8,
    w.length & 255,
    ...w,
    a.length >> 8,
    a.length & 255,
    ...a,
    ...n,
  ]);
  return encodeMessage(2, body);
}

export const ORIGIN = "40 01 01 00";
export const AS_PATH = "40 02 06 02 01 0000fde9";
export const NEXT_HOP = "40 03 04 0a000002";
/** What every route needs. */
export const MANDATORY: string = ORIGIN + AS_PATH + NEXT_HOP;
/** 192.0.2.0/24 */
export const NLRI = "18 c00002";
