import { describe, expect, it } from "vitest";
import type { PeerConfig } from "../../src/index.ts";
import { type SimulatedSpeaker, SpeakerNetwork } from "../../src/testing/index.ts";

const A = "10.0.0.1";
const B = "10.0.0.2";

function pairOf(
  network: SpeakerNetwork,
  a: Partial<PeerConfig> = {},
  b: Partial<PeerConfig> = {},
  asns: readonly [number, number] = [65001, 65515],
): [SimulatedSpeaker, SimulatedSpeaker] {
  const x = network.add({ localAddress: A, asn: asns[0] });
  const y = network.add({ localAddress: B, asn: asns[1] });
  x.input({ kind: "peer-set", peer: { name: "b", neighbor: B, asn: asns[1], connectRetryTime: 5, ...a } });
  y.input({ kind: "peer-set", peer: { name: "a", neighbor: A, asn: asns[0], connectRetryTime: 5, ...b } });
  return [x, y];
}

const stateOf = (s: SimulatedSpeaker, now: number): string => s.speaker.peers(now)[0]!.state;
const up = (network: SpeakerNetwork, ...speakers: SimulatedSpeaker[]): boolean =>
  network.until(() => speakers.every((s) => stateOf(s, network.now) === "Established"), 60_000);
const reason = (s: SimulatedSpeaker, now: number): string => s.speaker.peers(now)[0]!.reason;

describe("two speakers", () => {
  it("establish whoever dials, or both at once", () => {
    for (const [a, b] of [
      [{}, {}],
      [{ passive: true }, {}],
      [{}, { passive: true }],
    ]) {
      const network = new SpeakerNetwork();
      const [x, y] = pairOf(network, a, b);
      expect(up(network, x, y)).toBe(true);
      network.run(400_000);
      expect(stateOf(x, network.now)).toBe("Established");
      expect(stateOf(y, network.now)).toBe("Established");
    }
  });

  describe("of which one restarts", () => {
    const WAIT = { connectRetryTime: 5 };
    /** A and B establish, B dies without a word and begins again. */
    function restarted(a: Partial<PeerConfig>, b: Partial<PeerConfig>) {
      const network = new SpeakerNetwork();
      const [x, y] = pairOf(network, a, b);
      expect(up(network, x, y)).toBe(true);
      network.run(2_000);
      y.node.halt();
      const again = network.add({ localAddress: B, asn: 65515 });
      // Takes the port of its life before: with that one its SYN alone would end the old connection.
      again.input({ kind: "peer-set", peer: { name: "nobody", neighbor: "10.0.0.9", asn: 65009 } });
      again.input({ kind: "peer-set", peer: { name: "a", neighbor: A, asn: 65001, ...WAIT, ...b } });
      return { network, x, again };
    }

    it("a KEEPALIVE that is asked for finds the session that a passive peer has lost", () => {
      const { network, x, again } = restarted({}, { passive: true });
      x.input({ kind: "probe", peer: "b" });
      network.run(4_000);
      expect(stateOf(x, network.now)).toBe("Established");
      expect(again.states.at(-1)).toBe("a Established");
    });

    it("its new connection, refused for the sake of the old one (RFC 4271 §6.8), has the old one looked at", () => {
      const { network, x, again } = restarted(
        { passive: true },
        { gracefulRestart: { restarter: false, helper: false } },
      );
      network.run(12_000);
      expect(stateOf(x, network.now)).toBe("Established");
      expect(again.states.at(-1)).toBe("a Established");
    });

    it("never more than one KEEPALIVE goes out per second, however often it is asked for (§4.4)", () => {
      const network = new SpeakerNetwork();
      const [x, y] = pairOf(network);
      expect(up(network, x, y)).toBe(true);
      network.run(2_000);
      const before = y.speaker.peers(network.now)[0]!.messagesReceived;
      for (let i = 0; i < 30; i++) {
        x.input({ kind: "probe", peer: "b" });
        network.run(100);
      }
      expect(y.speaker.peers(network.now)[0]!.messagesReceived - before).toBe(3);
    });
  });

  it("do not establish when both are passive", () => {
    const network = new SpeakerNetwork();
    const [x, y] = pairOf(network, { passive: true }, { passive: true });
    network.run(600_000);
    expect([stateOf(x, network.now), stateOf(y, network.now)]).toEqual(["Active", "Active"]);
  });

  it("tell each other their networks of both families and take them back", () => {
    const network = new SpeakerNetwork();
    const [x, y] = pairOf(network, { nextHop: { ipv6: "2001:db8::1" } });
    x.input({ kind: "network-set", prefix: "10.1.0.0/16", tag: "vnet" });
    x.input({ kind: "network-set", prefix: "2001:db8:1::/48", tag: "vnet", med: 7 });
    up(network, x, y);
    network.run(1000);
    expect([...y.fib.values()]).toEqual([
      { prefix: "10.1.0.0/16", nextHops: [{ address: A, peer: "a" }], source: "ebgp" },
      { prefix: "2001:db8:1::/48", nextHops: [{ address: "2001:db8::1", peer: "a" }], source: "ebgp" },
    ]);
    expect(y.speaker.learnedRoutes({ prefix: "10.1.0.0/16" })).toEqual([
      {
        localAddress: B,
        network: "10.1.0.0/16",
        nextHop: A,
        sourcePeer: A,
        origin: "EBgp",
        asPath: "65001",
        weight: 32768,
      },
    ]);
    expect(y.speaker.why("2001:db8:1::/48")?.paths[0]).toMatchObject({ med: 7, verdict: "best" });
    x.input({ kind: "network-removed", prefix: "10.1.0.0/16" });
    network.run(1000);
    expect([...y.fib.keys()]).toEqual(["2001:db8:1::/48"]);
    x.input({ kind: "peer-stop", peer: "b", communication: "maintenance" });
    network.run(1000);
    expect(y.fib.size).toBe(0);
    expect(y.states.at(-1)).not.toBe("a Established");
    expect(y.node.effects.some((e) => JSON.stringify(e.effect).includes("(maintenance)"))).toBe(true);
  });

  it("speak 4-octet AS numbers and iBGP", () => {
    const network = new SpeakerNetwork();
    const [x, y] = pairOf(network, {}, {}, [4_200_000_001, 4_200_000_001]);
    x.input({ kind: "network-set", prefix: "10.1.0.0/16", tag: "vnet" });
    expect(up(network, x, y)).toBe(true);
    network.run(100);
    expect(y.speaker.learnedRoutes({})).toMatchObject([{ origin: "IBgp", asPath: "", nextHop: A }]);
  });

  it("notice silence by the hold timer: the smaller offer, or the fixed one", () => {
    const network = new SpeakerNetwork();
    const [x, y] = pairOf(network, { holdTime: 30 }, { holdTime: 180, fixedTimers: true, keepaliveTime: 60 });
    up(network, x, y);
    expect(x.speaker.peers(network.now)[0]).toMatchObject({ holdTime: 30, keepaliveTime: 10 });
    expect(y.speaker.peers(network.now)[0]).toMatchObject({ holdTime: 180, keepaliveTime: 60 });
    // The cloud's fixed 60 s starve a device that insists on 30 s: the flap that users see (S-TIMER).
    network.run(40_000);
    expect(x.states).toContain("b Idle");
    expect(y.node.effects.some((e) => JSON.stringify(e.effect).includes("Hold Timer Expired"))).toBe(true);
  });

  it("end a session of hold time 0 only by TCP", () => {
    const network = new SpeakerNetwork();
    const [x, y] = pairOf(network, { holdTime: 0 });
    up(network, x, y);
    network.cut(A, B);
    network.run(3_600_000);
    expect([stateOf(x, network.now), stateOf(y, network.now)]).toEqual(["Established", "Established"]);
  });

  it("find each other again after the link was cut", () => {
    const network = new SpeakerNetwork();
    const [x, y] = pairOf(network);
    x.input({ kind: "network-set", prefix: "10.1.0.0/16", tag: "vnet" });
    up(network, x, y);
    network.cut(A, B);
    network.run(400_000);
    expect(y.fib.size).toBe(0);
    network.heal(A, B);
    expect(up(network, x, y)).toBe(true);
    network.run(1000);
    expect(y.fib.size).toBe(1);
  });

  it("refuse a wrong AS, with the code of RFC 4271 §6.2", () => {
    const network = new SpeakerNetwork();
    const [x, y] = pairOf(network, { asn: 65000 });
    network.run(5000);
    expect(stateOf(x, network.now)).not.toBe("Established");
    expect(
      y.node.effects.some((e) => JSON.stringify(e.effect).includes("OPEN Message Error / Bad Peer AS")),
    ).toBe(true);
  });

  it("refuse each other without a family in common (RFC 5492 §5)", () => {
    const network = new SpeakerNetwork();
    const [x] = pairOf(network, { families: ["ipv4-unicast"] }, { families: ["ipv6-unicast"] });
    network.run(5000);
    expect(x.node.effects.some((e) => JSON.stringify(e.effect).includes("Unsupported Capability"))).toBe(
      true,
    );
  });

  it("send only the family both speak", () => {
    const network = new SpeakerNetwork();
    const [x, y] = pairOf(network, { families: ["ipv4-unicast"] });
    x.input({ kind: "network-set", prefix: "2001:db8::/32", tag: "vnet" });
    x.input({ kind: "network-set", prefix: "10.1.0.0/16", tag: "vnet" });
    up(network, x, y);
    network.run(1000);
    expect([...y.fib.keys()]).toEqual(["10.1.0.0/16"]);
  });

  it("survive a change of policy and reset on a change of what was negotiated", () => {
    const network = new SpeakerNetwork();
    const [x, y] = pairOf(network);
    x.input({ kind: "network-set", prefix: "10.1.0.0/16", tag: "vnet" });
    x.input({ kind: "network-set", prefix: "10.2.0.0/16", tag: "lng" });
    up(network, x, y);
    network.run(1000);
    expect(y.fib.size).toBe(2);
    const peer: PeerConfig = {
      name: "b",
      neighbor: B,
      asn: 65515,
      connectRetryTime: 5,
      exportPolicy: { statements: [{ name: "no lng", match: { tags: ["lng"] }, action: "reject" }] },
    };
    x.input({ kind: "peer-set", peer });
    network.run(1000);
    expect([...y.fib.keys()]).toEqual(["10.1.0.0/16"]);
    expect(x.speaker.why("10.2.0.0/16")?.withheldFrom).toEqual([{ peer: "b", reason: "policy: no lng" }]);
    y.input({
      kind: "peer-set",
      peer: {
        name: "a",
        neighbor: A,
        asn: 65001,
        connectRetryTime: 5,
        importPolicy: { statements: [], otherwise: "reject" },
      },
    });
    network.run(1000);
    expect(y.fib.size).toBe(0);
    expect(y.states.filter((s) => s === "a Idle")).toEqual([]);
    y.input({
      kind: "peer-set",
      peer: { name: "a", neighbor: A, asn: 65001, connectRetryTime: 5, holdTime: 90 },
    });
    network.run(1000);
    expect(y.states).toContain("a Idle");
    expect(up(network, x, y)).toBe(true);
    network.run(1000);
    expect([...y.fib.keys()]).toEqual(["10.1.0.0/16"]);
  });

  it("send everything again when asked (RFC 2918)", () => {
    const network = new SpeakerNetwork();
    const [x, y] = pairOf(network);
    for (let i = 0; i < 50; i++) x.input({ kind: "network-set", prefix: `10.1.${i}.0/24`, tag: "vnet" });
    up(network, x, y);
    network.run(1000);
    const before = x.speaker.peers(network.now)[0]!.updatesSent;
    y.input({ kind: "refresh", peer: "a", direction: "in" });
    network.run(1000);
    expect(x.speaker.peers(network.now)[0]!.updatesSent).toBeGreaterThan(before);
    expect(y.speaker.peers(network.now)[0]!.routesReceived).toBe(50);
  });

  it("drop a session above the prefix limit, and come back after its time", () => {
    const network = new SpeakerNetwork();
    const [x, y] = pairOf(network, {}, { maxPrefixes: { limit: 4000, restartAfter: 300 } });
    for (let i = 0; i < 4000; i++) {
      x.input({ kind: "network-set", prefix: `10.${i >> 8}.${i & 255}.0/24`, tag: "vnet" });
    }
    up(network, x, y);
    network.run(1000);
    expect(stateOf(y, network.now)).toBe("Established");
    expect(y.fib.size).toBe(4000);
    x.input({ kind: "network-set", prefix: "192.0.2.0/24", tag: "vnet" });
    network.run(1000);
    expect(stateOf(y, network.now)).toBe("Idle");
    expect(y.fib.size).toBe(0);
    expect(x.states).toContain("b Idle");
    expect(x.node.effects.some((e) => JSON.stringify(e.effect).includes("Maximum Number of Prefixes"))).toBe(
      true,
    );
    x.input({ kind: "network-removed", prefix: "192.0.2.0/24" });
    network.run(290_000);
    expect(stateOf(y, network.now)).toBe("Idle");
    expect(up(network, x, y)).toBe(true);
  });

  it("bound what is queued for a peer that does not read, and give it up (RFC 9687)", () => {
    const network = new SpeakerNetwork();
    const [x, y] = pairOf(network, { holdTime: 0 }, { holdTime: 0 });
    up(network, x, y);
    x.blocked = true;
    let written = 0;
    const from = x.node.effects.length;
    for (let round = 0; round < 30; round++) {
      for (let i = 0; i < 8000; i++) {
        const prefix = `${10 + (i >> 12)}.${(i >> 4) & 255}.${(i & 15) * 16}.0/28`;
        x.input({ kind: "network-set", prefix, tag: "vnet", med: round });
      }
      network.run(100);
    }
    for (const { effect } of x.node.effects.slice(from))
      if (effect.kind === "write") written += effect.bytes.length;
    expect(written).toBeLessThan(900 * 1024);
    network.run(800_000);
    expect(x.states).toContain("b Idle");
  });

  it("take routes out of use while the tunnel is down, without losing the session", () => {
    const network = new SpeakerNetwork();
    const [x, y] = pairOf(network);
    x.input({ kind: "network-set", prefix: "10.1.0.0/16", tag: "vnet" });
    up(network, x, y);
    network.run(1000);
    y.input({ kind: "path-availability", peer: "a", available: false });
    network.run(10);
    expect(y.fib.size).toBe(0);
    expect(y.speaker.why("10.1.0.0/16")?.paths[0]).toMatchObject({
      verdict: "not-eligible",
      reason: "its tunnel is down",
    });
    y.input({ kind: "path-availability", peer: "a", available: true });
    network.run(10);
    expect(y.fib.size).toBe(1);
    expect(reason(y, network.now)).not.toContain("Idle");
    expect(y.states.filter((s) => s === "a Idle")).toEqual([]);
  });

  it("wait for the path when told to", () => {
    const network = new SpeakerNetwork();
    const [x, y] = pairOf(network, { waitForPath: true }, { passive: true });
    network.run(60_000);
    expect(x.node.effects.filter((e) => e.effect.kind === "connect")).toEqual([]);
    x.input({ kind: "path-availability", peer: "b", available: true });
    network.run(100);
    expect(stateOf(x, network.now)).toBe("Established");
    expect(stateOf(y, network.now)).toBe("Established");
  });

  it("forget a removed peer and use its place again", () => {
    const network = new SpeakerNetwork();
    const [x, y] = pairOf(network);
    x.input({ kind: "network-set", prefix: "10.1.0.0/16", tag: "vnet" });
    up(network, x, y);
    network.run(1000);
    y.input({ kind: "peer-removed", peer: "a" });
    network.run(1000);
    expect(y.fib.size).toBe(0);
    expect(y.speaker.peers(network.now)).toEqual([]);
    y.input({ kind: "peer-set", peer: { name: "again", neighbor: A, asn: 65001, connectRetryTime: 5 } });
    expect(network.until(() => y.fib.size === 1, 60_000)).toBe(true);
  });

  it("wait with the OPEN when DelayOpen is set", () => {
    const network = new SpeakerNetwork();
    const [x, y] = pairOf(network, { delayOpenTime: 3 }, { passive: true, delayOpenTime: 10 });
    expect(up(network, x, y)).toBe(true);
    expect(network.now).toBeGreaterThan(2900);
    expect(network.now).toBeLessThan(9000);
  });
});
