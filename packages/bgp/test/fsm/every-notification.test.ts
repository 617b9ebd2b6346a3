/** Every code and subcode of the registry: what makes this speaker send it, or why nothing does. */
import { describe, expect, it } from "vitest";
import { Cease, ErrorCode, FsmError, HeaderError, OpenError, UpdateError } from "../../src/iana.ts";
import { encodeMessage } from "../../src/message/header.ts";
import { encodeKeepalive } from "../../src/message/keepalive.ts";
import { encodeOpen } from "../../src/message/open.ts";
import { hex, MANDATORY, NLRI, OPEN, ScriptedPeer, update } from "../scripted-peer.ts";

type Play = () => ScriptedPeer;

const up = (): ScriptedPeer => new ScriptedPeer({ holdTime: 9 }).establish();
const opened = (body: string) => (): ScriptedPeer =>
  new ScriptedPeer().accept().send(encodeMessage(1, hex(body)));
const header =
  (at: number, ...bytes: number[]): Play =>
  () => {
    const message = encodeKeepalive();
    message.set(bytes, at);
    return up().send(message);
  };
const input =
  (...inputs: Parameters<ScriptedPeer["input"]>): Play =>
  () => {
    const peer = up();
    peer.input(...inputs);
    return peer;
  };

const SENT: Readonly<Record<string, Play>> = {
  "1/1": header(0, 0),
  "1/2": header(16, 0, 18),
  "1/3": header(18, 9),
  "2/0": opened("04 fde9 00b4 0a000002 02 02 09"),
  "2/1": opened("05 fde9 00b4 0a000002 00"),
  "2/2": opened("04 fdea 00b4 0a000002 00"),
  "2/3": opened("04 fde9 00b4 00000000 00"),
  "2/4": opened("04 fde9 00b4 0a000002 03 01 01 00"),
  "2/6": opened("04 fde9 0001 0a000002 00"),
  "2/7": opened("04 fde9 00b4 0a000002 08 02 06 01 04 00190041"),
  "3/1": () => up().send(encodeMessage(2, hex("0009 0000"))),
  "3/2": () => up().send(update(`${MANDATORY}40 63 00`, NLRI)),
  "3/9": () => up().send(update(`${MANDATORY}80 0f 02 0001`, NLRI)),
  "3/10": () => up().send(update(MANDATORY, "21 c000020000")),
  "4/0": () => {
    const peer = up();
    peer.wait(10_000);
    return peer;
  },
  "5/1": () => new ScriptedPeer().accept().send(encodeKeepalive()),
  "5/2": () => new ScriptedPeer().accept().send(encodeOpen(OPEN), update(MANDATORY, NLRI)),
  "5/3": () => up().send(encodeOpen(OPEN)),
  "6/1": () =>
    new ScriptedPeer({ maxPrefixes: { limit: 1 } }).establish().send(update(MANDATORY, `${NLRI} 08 0a`)),
  "6/2": input({ kind: "peer-stop", peer: "p" }),
  "6/3": input({ kind: "peer-removed", peer: "p" }),
  "6/6": input({
    kind: "peer-set",
    peer: { name: "p", neighbor: "10.0.0.2", asn: 65001, passive: true, holdTime: 30 },
  }),
  "6/7": () => {
    // Our identifier is the lower one: the connection that we dialled goes when the peer's own proves itself.
    const peer = new ScriptedPeer({ passive: false });
    const dial = peer.effects.find((e) => e.kind === "connect")!;
    peer.connection = dial.connection;
    peer.input({
      kind: "tcp-connected",
      connection: dial.connection,
      localAddress: "10.0.0.1",
      localPort: 50_000,
    });
    peer.send(encodeOpen(OPEN));
    peer.connection = 1;
    return peer.accept().send(encodeOpen(OPEN));
  },
  "6/8": () =>
    new ScriptedPeer({}, { maximumPrefixes: 2 }).establish().send(update(MANDATORY, `${NLRI} 08 0a 08 0b`)),
  "7/1": () => up().send(encodeMessage(5, hex("0001 00"))),
};

const NEVER: Readonly<Record<string, string>> = {
  "3/3": "RFC 7606 §3 d: treat-as-withdraw",
  "3/4": "RFC 7606 §3 c: treat-as-withdraw",
  "3/5": "RFC 7606 §7: treat-as-withdraw or attribute discard",
  "3/6": "RFC 7606 §7.1: treat-as-withdraw",
  "3/8": "RFC 7606 §7.3: treat-as-withdraw",
  "3/11": "RFC 7606 §7.2: treat-as-withdraw",
  "5/0": "RFC 6608 §4: each state that has a connection has a subcode of its own",
  "6/4": "there is no verb to reset a session: stop is 6/2",
  "6/5":
    "an unwanted connection is reset: daemons wait a minute after a NOTIFICATION, and a failover needs them back",
  "6/9": "RFC 8538 is not offered",
  "8/0": "RFC 9687 §4: who does not read would not get it; the connection is closed",
};

describe("every NOTIFICATION", () => {
  for (const [code, play] of Object.entries(SENT)) {
    it(`${code} is sent, once and last, and the connection is closed`, () => {
      const peer = play();
      expect(peer.notifications).toEqual([code]);
      const notified = peer.effects.findIndex(
        (e) => e.kind === "write" && e.bytes[18] === 3 && `${e.bytes[19]}/${e.bytes[20]}` === code,
      );
      const write = peer.effects[notified];
      if (write?.kind !== "write") throw new Error("no write");
      const after = peer.effects.slice(notified + 1).filter((e) => "connection" in e);
      expect(after.find((e) => e.connection === write.connection)).toMatchObject({
        kind: "close",
        abort: false,
      });
    });
  }

  it("of the registry is either sent or never sent for a reason", () => {
    const all = [
      ...Object.values(HeaderError).map((s) => `${ErrorCode.MESSAGE_HEADER}/${s}`),
      ...Object.values(OpenError).map((s) => `${ErrorCode.OPEN_MESSAGE}/${s}`),
      ...Object.values(UpdateError).map((s) => `${ErrorCode.UPDATE_MESSAGE}/${s}`),
      `${ErrorCode.HOLD_TIMER_EXPIRED}/0`,
      ...Object.values(FsmError).map((s) => `${ErrorCode.FSM}/${s}`),
      ...Object.values(Cease).map((s) => `${ErrorCode.CEASE}/${s}`),
      `${ErrorCode.ROUTE_REFRESH}/1`,
      `${ErrorCode.SEND_HOLD_TIMER_EXPIRED}/0`,
    ];
    expect([...Object.keys(SENT), ...Object.keys(NEVER)].toSorted()).toEqual(all.toSorted());
  });
});
