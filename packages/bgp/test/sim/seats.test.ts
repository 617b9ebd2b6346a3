/** Two seats of one gateway with iBGP between them, and devices: DESIGN §3, azure-vpn-gateway §3.2. */
import { describe, expect, it } from "vitest";
import { type SimulatedSpeaker, SpeakerNetwork } from "../../src/testing/index.ts";

const SEAT0 = "10.2.0.4";
const SEAT1 = "10.2.0.5";
const DEVICE = "192.168.100.1";
const SECOND = "192.168.100.2";

function peerUp(
  a: SimulatedSpeaker,
  nameA: string,
  addressA: string,
  asnA: number,
  b: SimulatedSpeaker,
  nameB: string,
  addressB: string,
  asnB: number,
): void {
  a.input({ kind: "peer-set", peer: { name: nameB, neighbor: addressB, asn: asnB, connectRetryTime: 5 } });
  b.input({ kind: "peer-set", peer: { name: nameA, neighbor: addressA, asn: asnA, connectRetryTime: 5 } });
}

function pair(network: SpeakerNetwork, lastResort = true): [SimulatedSpeaker, SimulatedSpeaker] {
  const seat = (localAddress: string): SimulatedSpeaker =>
    network.add({ localAddress, asn: 65515, ibgpLastResort: lastResort });
  const [a, b] = [seat(SEAT0), seat(SEAT1)];
  peerUp(a, "seat0", SEAT0, 65515, b, "seat1", SEAT1, 65515);
  for (const s of [a, b]) s.input({ kind: "network-set", prefix: "10.2.0.0/16", tag: "vnet" });
  return [a, b];
}

describe("iBGP between seats", () => {
  it("shows one eBGP entry and one iBGP entry per prefix, next hop the other instance (S-LEARNED)", () => {
    const network = new SpeakerNetwork();
    const [a, b] = pair(network);
    const device = network.add({ localAddress: DEVICE, asn: 65555 });
    device.input({ kind: "network-set", prefix: "10.0.0.0/16", tag: "lan" });
    peerUp(a, "seat0", SEAT0, 65515, device, "device", DEVICE, 65555);
    peerUp(b, "seat1", SEAT1, 65515, device, "device", DEVICE, 65555);
    network.run(30_000);
    const row = { localAddress: SEAT0, network: "10.0.0.0/16", asPath: "65555", weight: 32768 };
    expect(a.speaker.learnedRoutes({ prefix: "10.0.0.0/16" })).toEqual([
      { ...row, nextHop: DEVICE, sourcePeer: DEVICE, origin: "EBgp" },
      { ...row, nextHop: SEAT1, sourcePeer: SEAT1, origin: "IBgp" },
    ]);
    expect(a.speaker.learnedRoutes({ prefix: "10.2.0.0/16" })[0]).toEqual({
      asPath: "",
      localAddress: SEAT0,
      network: "10.2.0.0/16",
      nextHop: null,
      origin: "Network",
      sourcePeer: SEAT0,
      weight: 32768,
    });
    expect(a.fib.get("10.0.0.0/16")).toMatchObject({ source: "ebgp", nextHops: [{ peer: "device" }] });
  });

  it("is used only where the seat has no tunnel of its own, even against a shorter path", () => {
    for (const lastResort of [true, false]) {
      const network = new SpeakerNetwork();
      const [a, b] = pair(network, lastResort);
      const long = network.add({ localAddress: DEVICE, asn: 65001 });
      const short = network.add({ localAddress: SECOND, asn: 65002 });
      long.input({ kind: "network-set", prefix: "10.50.0.0/16", tag: "lan" });
      short.input({ kind: "network-set", prefix: "10.50.0.0/16", tag: "lan" });
      peerUp(a, "seat0", SEAT0, 65515, long, "device", DEVICE, 65001);
      long.input({
        kind: "peer-set",
        peer: {
          name: "seat0",
          neighbor: SEAT0,
          asn: 65515,
          connectRetryTime: 5,
          exportPolicy: { statements: [{ name: "longer", set: { prepend: 3 }, action: "accept" }] },
        },
      });
      peerUp(b, "seat1", SEAT1, 65515, short, "device", SECOND, 65002);
      network.run(60_000);
      const source = a.fib.get("10.50.0.0/16")?.source;
      expect(source).toBe(lastResort ? "ebgp" : "ibgp");
      a.input({ kind: "path-availability", peer: "device", available: false });
      network.run(100);
      expect(a.fib.get("10.50.0.0/16")).toMatchObject({
        source: "ibgp",
        nextHops: [{ address: SEAT1, peer: "seat1" }],
      });
    }
  });

  it("does not pass on what it learned by iBGP to another iBGP peer", () => {
    const network = new SpeakerNetwork();
    const [a, b] = pair(network);
    const third = network.add({ localAddress: "10.2.0.6", asn: 65515 });
    peerUp(b, "seat1", SEAT1, 65515, third, "third", "10.2.0.6", 65515);
    a.input({ kind: "network-set", prefix: "10.99.0.0/16", tag: "lng" });
    network.run(30_000);
    expect(b.fib.has("10.99.0.0/16")).toBe(true);
    expect(third.fib.has("10.99.0.0/16")).toBe(false);
    expect(b.speaker.why("10.99.0.0/16")?.withheldFrom).toContainEqual({
      peer: "third",
      reason: "learned by iBGP",
    });
  });
});

describe("multipath", () => {
  it("uses equal routes from several tunnels at once (S-HA), and follows each change", () => {
    const network = new SpeakerNetwork();
    const gateway = network.add({ localAddress: SEAT0, asn: 65515 });
    const devices = [DEVICE, SECOND].map((localAddress, i) => {
      const device = network.add({ localAddress, asn: 65001 + i });
      device.input({ kind: "network-set", prefix: "10.50.0.0/16", tag: "lan" });
      peerUp(gateway, "gw", SEAT0, 65515, device, `d${i}`, localAddress, 65001 + i);
      return device;
    });
    network.run(30_000);
    expect(gateway.fib.get("10.50.0.0/16")?.nextHops).toEqual([
      { address: DEVICE, peer: "d0" },
      { address: SECOND, peer: "d1" },
    ]);
    const why = gateway.speaker.why("10.50.0.0/16")!;
    expect(why.paths.map((p) => p.verdict)).toEqual(["best", "multipath"]);
    devices[0]!.input({
      kind: "peer-set",
      peer: {
        name: "gw",
        neighbor: SEAT0,
        asn: 65515,
        connectRetryTime: 5,
        exportPolicy: { statements: [{ name: "backup", set: { prepend: 1 }, action: "accept" }] },
      },
    });
    network.run(1000);
    // AS-path prepending is honoured: the shorter path wins (S-FAQ).
    expect(gateway.fib.get("10.50.0.0/16")?.nextHops).toEqual([{ address: SECOND, peer: "d1" }]);
    expect(gateway.speaker.why("10.50.0.0/16")?.paths[1]).toMatchObject({
      verdict: "loses",
      reason: "loses at step 4 shortest AS path",
    });
    devices[1]!.input({ kind: "network-removed", prefix: "10.50.0.0/16" });
    network.run(1000);
    expect(gateway.fib.get("10.50.0.0/16")?.nextHops).toEqual([{ address: DEVICE, peer: "d0" }]);
  });

  it("stops at maximumPaths", () => {
    const network = new SpeakerNetwork();
    const gateway = network.add({ localAddress: SEAT0, asn: 65515, maximumPaths: 1 });
    for (const [i, localAddress] of [DEVICE, SECOND].entries()) {
      const device = network.add({ localAddress, asn: 65001 + i });
      device.input({ kind: "network-set", prefix: "10.50.0.0/16", tag: "lan" });
      peerUp(gateway, "gw", SEAT0, 65515, device, `d${i}`, localAddress, 65001 + i);
    }
    network.run(30_000);
    expect(gateway.fib.get("10.50.0.0/16")?.nextHops).toHaveLength(1);
  });
});
