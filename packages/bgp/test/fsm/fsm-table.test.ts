/** RFC 4271 §8.2.2, cell by cell: the next state of every event in every state. */
import { describe, expect, it } from "vitest";
import { FSM_TABLE, FsmEvent, fsmEventName } from "../../src/fsm/fsm-table.ts";
import type { PeerState } from "../../src/index.ts";

/** I Idle, C Connect, A Active, S OpenSent, O OpenConfirm, E Established, . nothing happens. Events 1 to 28. */
const EXPECTED: Readonly<Record<PeerState, string>> = {
  //            1234567 8 9 ...
  Idle: "C.CAACA.....................",
  Connect: ".I.....ICIISI..SSAIOIIIIIIII",
  Active: ".I.....ICIISI..SSIIOIIIIIIII",
  OpenSent: ".I.....IIIIII....AOIIIIIIIII",
  OpenConfirm: ".I.....IIIOII....IIIIIIIIEII",
  Established: ".I.....IIIEII....IIIIIIIIEEI",
};
const LETTER: Readonly<Record<string, PeerState>> = {
  I: "Idle",
  C: "Connect",
  A: "Active",
  S: "OpenSent",
  O: "OpenConfirm",
  E: "Established",
};

describe("the state machine", () => {
  for (const [state, row] of Object.entries(EXPECTED) as [PeerState, string][]) {
    it(`in ${state}`, () => {
      expect(row).toHaveLength(28);
      const actual = Object.fromEntries(
        Object.values(FsmEvent).map((e) => [fsmEventName(e), FSM_TABLE[state][e]?.next]),
      );
      const expected = Object.fromEntries(
        Object.values(FsmEvent).map((e) => [fsmEventName(e), LETTER[row[e - 1]!]]),
      );
      expect(actual).toEqual(expected);
    });
  }

  it("sends the NOTIFICATION that each state owes", () => {
    const first = (state: PeerState, event: FsmEvent): string | undefined =>
      FSM_TABLE[state][event]?.actions[0];
    for (const state of ["OpenSent", "OpenConfirm", "Established"] as const) {
      expect(first(state, FsmEvent.ManualStop)).toBe("send-cease");
      expect(first(state, FsmEvent.AutomaticStop)).toBe("send-cease");
      expect(first(state, FsmEvent.HoldTimerExpires)).toBe("send-hold-expired");
      expect(first(state, FsmEvent.OpenCollisionDump)).toBe("send-collision");
      expect(first(state, FsmEvent.ConnectRetryTimerExpires)).toBe("send-fsm-error");
      expect(first(state, FsmEvent.HeaderError)).toBe("send-error");
    }
    // §6.4: a NOTIFICATION is never answered.
    for (const state of ["OpenSent", "OpenConfirm", "Established"] as const) {
      for (const event of [FsmEvent.NotificationReceived, FsmEvent.NotificationVersionError]) {
        expect(FSM_TABLE[state][event]?.actions.some((a) => a.startsWith("send"))).toBe(false);
      }
    }
  });

  it("leaves every state but Idle with the connection dropped", () => {
    for (const [state, row] of Object.entries(FSM_TABLE)) {
      if (state === "Idle") continue;
      for (const cell of Object.values(row)) {
        if (cell?.next === "Idle") expect(cell.actions).toContain("drop-connection");
      }
    }
  });
});
