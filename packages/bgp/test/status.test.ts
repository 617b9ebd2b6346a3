import { describe, expect, it } from "vitest";
import { timeSpan } from "../src/status-view.ts";
import { MANDATORY, NLRI, ScriptedPeer, update } from "./scripted-peer.ts";

describe("status", () => {
  it("has the cloud's words for states (S-SDK)", () => {
    const peer = new ScriptedPeer();
    const state = (): string => peer.speaker.apiPeers(peer.now)[0]!.state;
    expect(state()).toBe("Connecting");
    peer.establish();
    expect(state()).toBe("Connected");
    peer.send(update(MANDATORY, NLRI));
    peer.wait(1500);
    expect(peer.speaker.apiPeers(peer.now)).toEqual([
      {
        localAddress: "10.0.0.1",
        neighbor: "10.0.0.2",
        asn: 65001,
        state: "Connected",
        connectedDuration: "00:00:01.5000000",
        routesReceived: 1,
        messagesSent: 4,
        messagesReceived: 3,
      },
    ]);
    peer.input({ kind: "peer-stop", peer: "p" });
    expect(state()).toBe("Stopped");
    expect(peer.speaker.apiPeers(peer.now)[0]!.connectedDuration).toBeNull();
  });

  it("writes durations as .NET does (S-BGPDIAG)", () => {
    expect(timeSpan(0)).toBe("00:00:00.0000000");
    expect(timeSpan(((9 * 24 + 1) * 3600 + 4 * 60 + 53) * 1000 + 576.7637)).toBe("9.01:04:53.5767637");
  });

  it("cuts long tables at the limit", () => {
    const peer = new ScriptedPeer().establish();
    for (let i = 0; i < 20; i++) peer.send(update(MANDATORY, `18 c0 00 ${i.toString(16).padStart(2, "0")}`));
    expect(peer.speaker.learnedRoutes({ limit: 5 })).toHaveLength(5);
    expect(peer.speaker.learnedRoutes({ prefix: "192.0.7.0/24" })).toHaveLength(1);
    expect(peer.speaker.learnedRoutes({ prefix: "nonsense" })).toEqual([]);
    expect(peer.speaker.learnedRoutes({ peer: "nobody" })).toEqual([]);
    expect(peer.speaker.why("nonsense")).toBeUndefined();
    expect(peer.speaker.why("203.0.113.0/24")).toBeUndefined();
  });
});
