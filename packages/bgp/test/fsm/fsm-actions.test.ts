/**
 * RFC 4271 §8.2.2: what every event does in every state, run on the machine itself. One row per state, one cell per
 * event, in the order of §8.1; what a cell says is what the text says, but for the departures that fsm-table.ts names.
 *
 *      N5/1 NOTIFICATION of that code    open, keepalive: sent       dial     drop: the connection is closed
 *      zero, count: ConnectRetryCounter  damp: DampPeerOscillations  up, down: the session    update: processed
 *      retry, delay, hold240, hold90, keep30: timers that were started
 */
import { seededRandom } from "@tandem/sansio";
import { describe, expect, it } from "vitest";
import { Connection } from "../../src/connection.ts";
import { bgpError } from "../../src/errors.ts";
import { Fsm, type FsmCause, type FsmHost } from "../../src/fsm/fsm.ts";
import { FsmEvent, fsmEventName } from "../../src/fsm/fsm-table.ts";
import type { PeerState } from "../../src/index.ts";
import { type Timer, TimerQueue } from "../../src/timer-queue.ts";

const NONE = "";
const FAILED = "Idle drop count damp";
const fsmError = (subcode: number, more = ""): string => `Idle N5/${subcode} ${more}drop count damp`;

/** Events 1 to 28. */
const EXPECTED: Readonly<Record<PeerState, readonly string[]>> = {
  Idle: [
    "Connect zero retry dial", // ManualStart
    NONE, // ManualStop
    "Connect zero retry dial", // AutomaticStart
    "Active zero retry", // ManualStart with PassiveTcpEstablishment
    "Active zero retry",
    "Connect retry dial", // with DampPeerOscillations
    "Active retry",
    ...Array.from({ length: 21 }, () => NONE),
  ],
  Connect: [
    NONE,
    "Idle drop zero", // ManualStop
    ...Array.from({ length: 5 }, () => NONE),
    FAILED, // AutomaticStop
    "Connect drop retry dial", // ConnectRetryTimerExpires
    FAILED, // HoldTimerExpires
    FAILED, // KeepaliveTimerExpires
    "OpenSent open hold240", // DelayOpenTimerExpires
    FAILED, // IdleHoldTimerExpires
    NONE, // TcpConnectionValid
    NONE, // TcpCrInvalid
    "OpenSent open hold240", // TcpCrAcked
    "OpenSent open hold240", // TcpConnectionConfirmed
    "Active drop retry", // TcpConnectionFails
    FAILED, // BgpOpen without DelayOpenTimer
    "OpenConfirm open keepalive hold90 keep30", // BgpOpen with DelayOpenTimer running
    "Idle N1/3 drop count damp", // BgpHeaderErr
    "Idle N1/3 drop count damp", // BgpOpenMsgErr
    FAILED, // OpenCollisionDump
    "Idle drop damp", // NotifMsgVerErr
    FAILED, // NotifMsg
    FAILED, // KeepAliveMsg
    FAILED, // UpdateMsg
    FAILED, // UpdateMsgErr
  ],
  Active: [
    NONE,
    "Idle drop zero",
    ...Array.from({ length: 5 }, () => NONE),
    FAILED,
    "Connect retry dial",
    FAILED,
    FAILED,
    "OpenSent open hold240",
    FAILED,
    NONE,
    NONE,
    "OpenSent open hold240",
    "OpenSent open hold240",
    "Idle retry drop count damp",
    FAILED,
    "OpenConfirm open keepalive hold90 keep30",
    "Idle N1/3 drop count damp",
    "Idle N1/3 drop count damp",
    FAILED,
    "Idle drop damp",
    FAILED,
    FAILED,
    FAILED,
    FAILED,
  ],
  OpenSent: [
    NONE,
    "Idle N6/2 drop zero",
    ...Array.from({ length: 5 }, () => NONE),
    "Idle N6/2 drop count damp",
    fsmError(1),
    "Idle N4/0 drop count damp",
    fsmError(1),
    fsmError(1),
    fsmError(1),
    NONE,
    NONE,
    NONE,
    NONE,
    "Active drop retry",
    "OpenConfirm keepalive hold90 keep30",
    fsmError(1),
    "Idle N1/3 drop count damp",
    "Idle N1/3 drop count damp",
    "Idle N6/7 drop count damp",
    "Idle drop damp",
    FAILED,
    fsmError(1),
    fsmError(1),
    fsmError(1),
  ],
  OpenConfirm: [
    NONE,
    "Idle N6/2 drop zero",
    ...Array.from({ length: 5 }, () => NONE),
    "Idle N6/2 drop count damp",
    fsmError(2),
    "Idle N4/0 drop count damp",
    "OpenConfirm keepalive keep30",
    fsmError(2),
    fsmError(2),
    NONE,
    NONE,
    NONE,
    NONE,
    FAILED,
    fsmError(2),
    fsmError(2),
    "Idle N1/3 drop count damp",
    "Idle N1/3 drop count damp",
    "Idle N6/7 drop count damp",
    "Idle drop damp",
    FAILED,
    "Established up",
    fsmError(2),
    fsmError(2),
  ],
  Established: [
    NONE,
    "Idle N6/2 down drop zero",
    ...Array.from({ length: 5 }, () => NONE),
    "Idle N6/2 down drop count damp",
    fsmError(3, "down "),
    "Idle N4/0 down drop count damp",
    "Established keepalive keep30",
    fsmError(3, "down "),
    fsmError(3, "down "),
    NONE,
    NONE,
    NONE,
    NONE,
    "Idle down drop count damp",
    fsmError(3, "down "),
    fsmError(3, "down "),
    "Idle N1/3 down drop count damp",
    fsmError(3, "down "),
    "Idle N6/7 down drop count damp",
    "Idle down drop count damp",
    "Idle down drop count damp",
    "Established",
    "Established update",
    "Idle N1/3 down drop count damp",
  ],
};

const TIMER_NAMES: readonly (readonly [number, number, string])[] = [
  [750_000, 1_000_000, "retry"],
  [240_000, 240_000, "hold240"],
  [90_000, 90_000, "hold90"],
  [22_500, 30_000, "keep30"],
  [5000, 5000, "delay"],
];

class Bench {
  readonly said: string[] = [];
  readonly timers: TimerQueue;
  readonly fsm: Fsm;

  constructor() {
    const said = this.said;
    this.timers = new (class extends TimerQueue {
      override start(timer: Timer, at: number): void {
        super.start(timer, at);
        said.push(TIMER_NAMES.find(([from, to]) => at >= from && at <= to)?.[2] ?? `timer at ${at}`);
      }
    })();
    const host: FsmHost = {
      timers: this.timers,
      random: seededRandom(1),
      times: { connectRetry: 1000, delayOpen: 0 },
      passive: false,
      dial: (fsm) => {
        said.push("dial");
        fsm.connection = this.connection();
      },
      openMessage: () => Uint8Array.of(...new Array(18).fill(0xff), 1),
      sessionTimes: () => ({ hold: 90, keepalive: 30 }),
      sessionUp: () => said.push("up"),
      sessionDown: () => said.push("down"),
      processUpdate: () => said.push("update"),
      damp: () => said.push("damp"),
      changed: () => undefined,
    };
    this.fsm = new Fsm(host);
  }

  connection(): Connection {
    const ports = { localAddress: "10.0.0.1", localPort: 1, remotePort: 179 };
    return new Connection(1, "p", false, ports, (effect) => {
      if (effect.kind === "close") this.said.push("drop");
      if (effect.kind !== "write") return;
      const [type, code, subcode] = effect.bytes.subarray(18);
      this.said.push(type === 1 ? "open" : type === 4 ? "keepalive" : `N${code}/${subcode}`);
    });
  }

  reach(state: PeerState): void {
    const { fsm } = this;
    if (state === "Idle") return;
    fsm.fire(FsmEvent.AutomaticStart, 0);
    if (state === "Active") {
      fsm.fire(FsmEvent.TcpConnectionFails, 0);
      // As while an OPEN is delayed: otherwise nothing that comes with a connection could happen.
      fsm.connection = this.connection();
    } else if (state !== "Connect") fsm.fire(FsmEvent.TcpConnectionAcknowledged, 0);
    if (state === "OpenConfirm" || state === "Established") fsm.fire(FsmEvent.OpenReceived, 0);
    if (state === "Established") fsm.fire(FsmEvent.KeepaliveReceived, 0);
    expect(fsm.state).toBe(state);
    this.said.length = 0;
  }
}

const CAUSE: FsmCause = { error: bgpError(1, 3, "") };
const EVENTS = Object.values(FsmEvent).toSorted((a, b) => a - b);

describe("what the state machine does (RFC 4271 §8.2.2)", () => {
  for (const [state, row] of Object.entries(EXPECTED) as [PeerState, readonly string[]][]) {
    it(`has a cell for each event in ${state}`, () => {
      expect(row).toHaveLength(28);
      expect(EVENTS).toEqual(row.map((_, i) => i + 1));
    });

    for (const event of EVENTS) {
      const expected = row[event - 1]!;
      it(`${state}, ${fsmEventName(event)}: ${expected === NONE ? "nothing" : expected}`, () => {
        const bench = new Bench();
        bench.reach(state);
        bench.fsm.connectRetryCounter = 3;
        bench.fsm.fire(event, 0, CAUSE);
        const counter = bench.fsm.connectRetryCounter;
        if (counter === 0) bench.said.push("zero");
        if (counter === 4) bench.said.push("count");
        if (expected === NONE) {
          expect([bench.fsm.state, ...bench.said]).toEqual([state]);
          return;
        }
        const [next, ...rest] = expected.split(" ");
        expect(bench.fsm.state).toBe(next);
        expect(bench.said.toSorted()).toEqual(rest.toSorted());
        // What is said is said before the connection goes.
        const order = bench.said.filter((word) => word === "drop" || word.startsWith("N"));
        if (order.length === 2) expect(order[1]).toBe("drop");
        if (next === "Idle") {
          expect(bench.timers.next()).toBeUndefined();
          expect(bench.fsm.connection).toBeUndefined();
        }
      });
    }
  }
});
