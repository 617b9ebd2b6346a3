/** What is said when a message comes in a state where it has no business, and when timers run out. */
import { describe, expect, it } from "vitest";
import { encodeMessage } from "../../src/message/header.ts";
import { encodeKeepalive } from "../../src/message/keepalive.ts";
import { encodeOpen } from "../../src/message/open.ts";
import { encodeRouteRefresh } from "../../src/message/route-refresh.ts";
import { hex, MANDATORY, NLRI, OPEN, ScriptedPeer, update } from "../scripted-peer.ts";

describe("a message in the wrong state", () => {
  it("is an FSM error that names the state (RFC 6608)", () => {
    expect(new ScriptedPeer().accept().send(encodeKeepalive()).notifications).toEqual(["5/1"]);
    expect(new ScriptedPeer().accept().send(update(MANDATORY, NLRI)).notifications).toEqual(["5/1"]);
    const confirm = (): ScriptedPeer => new ScriptedPeer().accept().send(encodeOpen(OPEN));
    expect(confirm().send(update(MANDATORY, NLRI)).notifications).toEqual(["5/2"]);
    expect(confirm().send(encodeOpen(OPEN)).notifications).toEqual(["5/2"]);
    expect(confirm().send(encodeRouteRefresh(1, 1)).notifications).toEqual(["5/2"]);
    expect(new ScriptedPeer().establish().send(encodeOpen(OPEN)).notifications).toEqual(["5/3"]);
  });

  it("gets no answer when it is a NOTIFICATION, however strange", () => {
    for (const body of ["06 02", "63 63 0102", "02 01", "06 02 ff 41"]) {
      const peer = new ScriptedPeer().establish().send(encodeMessage(3, hex(body)));
      expect(peer.notifications).toEqual([]);
      expect(peer.state).toBe("Idle");
    }
  });

  it("is ignored after the connection was given up", () => {
    const peer = new ScriptedPeer().establish();
    peer.send(Uint8Array.from([...new Uint8Array(19), ...update(MANDATORY, NLRI)]), encodeKeepalive());
    expect(peer.notifications).toEqual(["1/1"]);
    expect(peer.routes()).toEqual([]);
  });
});

describe("timers", () => {
  it("end a session that is silent", () => {
    const peer = new ScriptedPeer({ holdTime: 9 }).establish();
    peer.wait(8900);
    expect(peer.state).toBe("Established");
    peer.wait(200);
    expect(peer.notifications).toEqual(["4/0"]);
  });

  it("end a connection without OPEN after the large hold time", () => {
    const peer = new ScriptedPeer().accept();
    peer.wait(239_000);
    expect(peer.state).toBe("OpenSent");
    peer.wait(2000);
    expect(peer.notifications).toEqual(["4/0"]);
  });

  it("are restarted by UPDATEs as well as KEEPALIVEs", () => {
    const peer = new ScriptedPeer({ holdTime: 9 }).establish();
    for (let i = 0; i < 10; i++) {
      peer.wait(5000);
      peer.send(i % 2 === 0 ? update(MANDATORY, NLRI) : encodeKeepalive());
    }
    expect(peer.state).toBe("Established");
  });

  it("send KEEPALIVEs at three quarters to all of a third of the hold time", () => {
    const peer = new ScriptedPeer({ holdTime: 90 }).establish();
    for (let i = 0; i < 10; i++) {
      peer.wait(30_000);
      peer.send(encodeKeepalive());
    }
    const count = peer.messages(4).length;
    expect(count).toBeGreaterThanOrEqual(10);
    expect(count).toBeLessThanOrEqual(15);
  });

  it("send no more than one KEEPALIVE in a second (RFC 4271 §4.4)", () => {
    const peer = new ScriptedPeer({ holdTime: 3 }).establish();
    const before = peer.messages(4).length;
    for (let i = 0; i < 20; i++) {
      peer.wait(1000);
      peer.send(encodeKeepalive());
    }
    const count = peer.messages(4).length - before;
    expect(count).toBeLessThanOrEqual(20);
    expect(count).toBeGreaterThan(15);
  });

  it("lengthen the stay in Idle with each failure in a row", () => {
    const peer = new ScriptedPeer({ passive: false, connectRetryTime: 1 });
    const waits: number[] = [];
    for (let i = 0; i < 6; i++) {
      peer.wait(0);
      const dial = peer.effects.filter((e) => e.kind === "connect").at(-1)!;
      peer.input({
        kind: "tcp-connected",
        connection: dial.connection,
        localAddress: "10.0.0.1",
        localPort: 50_000,
      });
      const before = peer.effects.length;
      peer.input({ kind: "tcp-data", connection: dial.connection, bytes: new Uint8Array(19) });
      const from = peer.now;
      while (!peer.effects.slice(before).some((e) => e.kind === "connect")) peer.wait(100);
      waits.push(Math.round((peer.now - from) / 1000));
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32]);
  });
});

describe("route refresh", () => {
  it("of a wrong length is answered as RFC 7313 §5 says", () => {
    const peer = new ScriptedPeer().establish().send(encodeMessage(5, hex("0001 00")));
    expect(peer.notifications).toEqual(["7/1"]);
  });

  it("for a family that is not spoken is ignored", () => {
    const peer = new ScriptedPeer().establish().send(encodeRouteRefresh(25, 70));
    expect(peer.state).toBe("Established");
  });
});
