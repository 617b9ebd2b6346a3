/** RFC 4724: both roles, and what a seat's adopter does with a dead speaker's state. */
import { describe, expect, it } from "vitest";
import type { PeerConfig, SpeakerConfig, SpeakerState } from "../../src/index.ts";
import { type SimulatedSpeaker, SpeakerNetwork } from "../../src/testing/index.ts";

const GATEWAY = "10.0.0.1";
const DEVICE = "10.0.0.2";
const OTHER = "10.0.0.3";
const GR = { restarter: true, helper: true, restartTime: 100 };
const NONE = { restarter: false, helper: false };

interface Lab {
  readonly network: SpeakerNetwork;
  gateway: SimulatedSpeaker;
  readonly device: SimulatedSpeaker;
}

function gatewayPeers(gr: PeerConfig["gracefulRestart"], extra: Partial<PeerConfig> = {}): PeerConfig[] {
  const base = { connectRetryTime: 5, ...(gr === undefined ? {} : { gracefulRestart: gr }), ...extra };
  return [{ name: "device", neighbor: DEVICE, asn: 65001, ...base }];
}

function lab(gr: PeerConfig["gracefulRestart"] = GR, extra: Partial<PeerConfig> = {}): Lab {
  const network = new SpeakerNetwork();
  const gateway = network.add({ localAddress: GATEWAY, asn: 65515 });
  const device = network.add({ localAddress: DEVICE, asn: 65001 });
  for (const peer of gatewayPeers(gr, extra)) gateway.input({ kind: "peer-set", peer });
  device.input({
    kind: "peer-set",
    peer: {
      name: "gw",
      neighbor: GATEWAY,
      asn: 65515,
      connectRetryTime: 5,
      ...(gr === undefined ? {} : { gracefulRestart: gr }),
    },
  });
  gateway.input({ kind: "network-set", prefix: "10.1.0.0/16", tag: "vnet" });
  device.input({ kind: "network-set", prefix: "10.51.0.0/16", tag: "lan" });
  device.input({ kind: "network-set", prefix: "2001:db8:51::/48", tag: "lan" });
  expect(network.until(() => gateway.fib.size === 2 && device.fib.size === 1)).toBe(true);
  network.run(1000);
  return { network, gateway, device };
}

/** The dead process's TCP state is gone; a new speaker takes the address. */
function adopt(
  l: Lab,
  state: SpeakerState,
  gr: PeerConfig["gracefulRestart"] = GR,
  extra: Partial<PeerConfig> = {},
  config: Partial<SpeakerConfig> = {},
): void {
  l.gateway = l.network.add({ localAddress: GATEWAY, asn: 65515, ...config });
  for (const peer of gatewayPeers(gr, { ...extra, waitForPath: true }))
    l.gateway.input({ kind: "peer-set", peer });
  l.gateway.input({ kind: "adopt", state });
  l.gateway.input({ kind: "network-set", prefix: "10.1.0.0/16", tag: "vnet" });
  l.gateway.input({ kind: "path-availability", peer: "device", available: true });
}

describe("graceful restart, as helper", () => {
  it("keeps routes when the session ends silently, until the End-of-RIB of the next one", () => {
    const l = lab();
    l.gateway.node.halt();
    const state = l.gateway.speaker.exportState();
    l.network.run(1000);
    expect(l.device.fib.size).toBe(1);
    // The adopter's dial ends the old session without a NOTIFICATION.
    adopt(l, state);
    let least = 99;
    l.network.until(() => {
      least = Math.min(least, l.device.fib.size);
      return l.network.now > 30_000;
    }, 60_000);
    expect(least).toBe(1);
    expect(l.device.speaker.peers(l.network.now)[0]?.state).toBe("Established");
    expect(l.device.states).toContain("gw OpenSent");
  });

  it("drops what the restarted peer does not announce again", () => {
    const l = lab();
    l.gateway.input({ kind: "network-set", prefix: "10.9.0.0/16", tag: "vnet" });
    l.network.run(1000);
    expect(l.device.fib.size).toBe(2);
    l.gateway.node.halt();
    adopt(l, l.gateway.speaker.exportState());
    l.network.run(60_000);
    expect([...l.device.fib.keys()]).toEqual(["10.1.0.0/16"]);
  });

  it("drops everything when the restart time is over", () => {
    const l = lab();
    const dead = l.gateway;
    // A reset without a word, as from a kernel whose process was killed.
    const connection = -1;
    l.device.input({ kind: "tcp-closed", connection, reason: "reset" });
    l.device.input({ kind: "tcp-closed", connection: 1, reason: "reset" });
    dead.node.halt();
    l.network.cut(GATEWAY, DEVICE);
    l.network.run(90_000);
    expect(l.device.fib.size).toBe(1);
    l.network.run(15_000);
    expect(l.device.fib.size).toBe(0);
  });

  it("drops everything at once after a NOTIFICATION", () => {
    const l = lab();
    l.gateway.input({ kind: "peer-stop", peer: "device" });
    l.network.run(100);
    expect(l.device.fib.size).toBe(0);
  });

  it("drops everything at once when the peer did not offer it", () => {
    const l = lab(NONE);
    l.device.input({ kind: "tcp-closed", connection: -1, reason: "reset" });
    l.device.input({ kind: "tcp-closed", connection: 1, reason: "reset" });
    l.network.run(1);
    expect(l.device.fib.size).toBe(0);
  });

  it("shows per peer whether it will", () => {
    expect(lab().gateway.speaker.peers(0)[0]?.gracefulRestart).toBe(true);
    expect(lab(NONE).gateway.speaker.peers(0)[0]?.gracefulRestart).toBe(false);
    expect(lab({ restarter: false, helper: true }).gateway.speaker.peers(0)[0]?.gracefulRestart).toBe(false);
  });
});

describe("a seat's adopter", () => {
  it("has a whole FIB before any session is back", () => {
    const l = lab();
    const before = [...l.gateway.fib.values()];
    const state = structuredClone(l.gateway.speaker.exportState());
    l.gateway.node.halt();
    l.network.cut(GATEWAY, DEVICE);
    adopt(l, state);
    l.network.run(1);
    const byPrefix = (a: { prefix: string }, b: { prefix: string }): number =>
      a.prefix.localeCompare(b.prefix);
    expect([...l.gateway.fib.values()].toSorted(byPrefix)).toEqual(before.toSorted(byPrefix));
  });

  it("hands on what it has adopted when the seat goes on before any session is back", () => {
    const l = lab();
    const before = [...l.gateway.fib.keys()].toSorted();
    const first = structuredClone(l.gateway.speaker.exportState());
    l.gateway.node.halt();
    l.network.cut(GATEWAY, DEVICE);
    adopt(l, first);
    l.network.run(50);
    const second = structuredClone(l.gateway.speaker.exportState());
    expect(second).toEqual(first);
    l.gateway.node.halt();
    adopt(l, second);
    l.network.run(1);
    expect([...l.gateway.fib.keys()].toSorted()).toEqual(before);
  });

  it("redials from the dead session's port, which clears it at the peer", () => {
    const l = lab(NONE, { holdTime: 180 });
    const state = l.gateway.speaker.exportState();
    const saved = state.peers[0]!;
    l.gateway.node.halt();
    l.network.run(1000);
    const at = l.network.now;
    adopt(l, state, NONE);
    const dial = l.gateway.node.effects.find((e) => e.effect.kind === "connect")?.effect;
    expect(dial).toMatchObject({ localPort: saved.localPort, remotePort: saved.remotePort });
    expect(l.network.until(() => l.gateway.speaker.peers(0)[0]?.state === "Established", 60_000)).toBe(true);
    // Far sooner than the hold time in which the peer would have noticed.
    expect(l.network.now - at).toBeLessThan(15_000);
  });

  it("advertises nothing before its peers have told their routes, then all of it", () => {
    const l = lab();
    const third = l.network.add({ localAddress: OTHER, asn: 65003 });
    third.input({
      kind: "peer-set",
      peer: { name: "gw", neighbor: GATEWAY, asn: 65515, connectRetryTime: 5, gracefulRestart: GR },
    });
    l.gateway.input({
      kind: "peer-set",
      peer: { name: "third", neighbor: OTHER, asn: 65003, connectRetryTime: 5, gracefulRestart: GR },
    });
    l.network.until(() => third.fib.size === 3);
    const state = l.gateway.speaker.exportState();
    l.gateway.node.halt();
    l.network.cut(GATEWAY, OTHER);
    adopt(l, state);
    l.gateway.input({
      kind: "peer-set",
      peer: { name: "third", neighbor: OTHER, asn: 65003, connectRetryTime: 5, gracefulRestart: GR },
    });
    l.network.until(() => l.gateway.speaker.peers(0)[0]?.state === "Established", 60_000);
    l.network.run(5000);
    // `third` was no peer at the time of the adoption, so only `device` is waited for.
    expect(l.device.fib.size).toBe(1);
    expect(l.gateway.speaker.peers(l.network.now)[0]?.routesAdvertised).toBe(1);
  });

  it("keeps the routes of a peer without graceful restart too, and tells it its own at once", () => {
    const l = lab(NONE);
    const state = l.gateway.speaker.exportState();
    expect(state.peers[0]).toMatchObject({ gracefulRestart: false, restartSeconds: 0 });
    l.gateway.node.halt();
    adopt(l, state, NONE);
    let least = 99;
    let told = 0;
    l.network.until(() => {
      least = Math.min(least, l.gateway.fib.size);
      if (told === 0 && l.gateway.speaker.peers(0)[0]!.routesAdvertised > 0) told = l.network.now;
      return l.network.now > 200_000;
    }, 300_000);
    expect(least).toBe(2);
    expect(told).toBeLessThan(20_000);
    expect(l.gateway.speaker.peers(l.network.now)[0]).toMatchObject({
      state: "Established",
      routesReceived: 2,
    });
  });

  it("drops what a peer does not say again, by the End-of-RIB that RFC 4724 §2 recommends to everybody", () => {
    const l = lab(NONE);
    const state = l.gateway.speaker.exportState();
    l.gateway.node.halt();
    l.device.input({ kind: "network-removed", prefix: "10.51.0.0/16" });
    adopt(l, state, NONE);
    expect(l.gateway.fib.size).toBe(2);
    l.network.run(30_000);
    expect([...l.gateway.fib.keys()]).toEqual(["2001:db8:51::/48"]);
  });

  it("waits as long as it is told to (Selection_Deferral_Timer, RFC 4724 §4.1)", () => {
    const l = lab(NONE);
    const state = l.gateway.speaker.exportState();
    l.gateway.node.halt();
    l.network.cut(GATEWAY, DEVICE);
    adopt(l, state, NONE, {}, { selectionDeferralTime: 10 });
    l.network.run(8000);
    expect(l.gateway.fib.size).toBe(2);
    l.network.run(4000);
    expect(l.gateway.fib.size).toBe(0);
  });

  it("gives up adopted routes after a minute when the peer does not come back", () => {
    const l = lab(NONE);
    const state = l.gateway.speaker.exportState();
    l.gateway.node.halt();
    l.network.cut(GATEWAY, DEVICE);
    adopt(l, state, NONE);
    l.network.run(55_000);
    expect(l.gateway.fib.size).toBe(2);
    l.network.run(10_000);
    expect(l.gateway.fib.size).toBe(0);
  });

  it("says in its OPEN that it has restarted and kept forwarding", () => {
    const l = lab();
    const state = l.gateway.speaker.exportState();
    l.gateway.node.halt();
    adopt(l, state);
    l.network.run(3000);
    const open = l.gateway.node.effects
      .map((e) => e.effect)
      .find((e) => e.kind === "write" && e.bytes[18] === 1);
    const bytes = open?.kind === "write" ? [...open.bytes] : [];
    const at = bytes.findIndex((b, i) => i > 28 && b === 64 && bytes[i + 1] === 10);
    // R bit and 100 seconds; F bit for both families.
    expect(bytes.slice(at + 2, at + 12)).toEqual([0x80, 100, 0, 1, 1, 0x80, 0, 2, 1, 0x80]);
  });
});
