/** Each of the cloud's rules by its source, on and off (azure-vpn-gateway §3, §3.1). */
import { describe, expect, it } from "vitest";
import {
  asnProblem,
  type CloudRuleSwitches,
  cloudPeer,
  gatewayApipaProblem,
  peerAddressProblem,
} from "../src/index.ts";
import { type SimulatedSpeaker, SpeakerNetwork } from "../src/testing/index.ts";

const VNET = ["10.0.0.0/16", "fd00:1::/48"];
const GATEWAY = "10.0.255.30";

/** A gateway between two devices; `d0` announces what is given. */
function transit(
  announced: readonly string[],
  switches: CloudRuleSwitches = {},
): { gateway: SimulatedSpeaker; d1: SimulatedSpeaker; network: SpeakerNetwork } {
  const network = new SpeakerNetwork();
  const gateway = network.add({ localAddress: GATEWAY, asn: 65515 });
  const devices = ["192.0.2.1", "192.0.2.2"].map((localAddress, i) => {
    const device = network.add({ localAddress, asn: 65001 + i });
    const nextHop = { ipv6: `2001:db8::${i + 1}` };
    device.input({
      kind: "peer-set",
      peer: { name: "gw", neighbor: GATEWAY, asn: 65515, connectRetryTime: 5, nextHop },
    });
    const base = { name: `d${i}`, neighbor: localAddress, asn: 65001 + i, connectRetryTime: 5 };
    gateway.input({ kind: "peer-set", peer: cloudPeer(base, VNET, switches) });
    return device;
  });
  for (const prefix of VNET) gateway.input({ kind: "network-set", prefix, tag: "vnet" });
  gateway.input({ kind: "network-set", prefix: "10.60.0.0/16", tag: "lng" });
  gateway.input({ kind: "network-set", prefix: "192.0.2.1/32", tag: "host-route" });
  for (const prefix of announced) devices[0]!.input({ kind: "network-set", prefix, tag: "lan" });
  network.run(30_000);
  return { gateway, d1: devices[1]!, network };
}

const told = (s: SimulatedSpeaker): string[] => [...s.fib.keys()].toSorted();

describe("what is advertised (S-FAQ)", () => {
  it("VNet prefixes, LNG prefixes and other peers' routes", () => {
    expect(told(transit(["10.51.0.0/16"]).d1)).toEqual(["10.51.0.0/16", "10.60.0.0/16", ...VNET].toSorted());
  });

  it("never a default route that was learned, though it is used", () => {
    const { gateway, d1 } = transit(["0.0.0.0/0", "::/0"]);
    expect(gateway.fib.has("0.0.0.0/0")).toBe(true);
    expect(gateway.fib.has("::/0")).toBe(true);
    expect(told(d1)).not.toContain("0.0.0.0/0");
    expect(told(d1)).not.toContain("::/0");
    expect(told(transit(["0.0.0.0/0"], { keepDefaultRoute: false, keepVnetOverlaps: false }).d1)).toContain(
      "0.0.0.0/0",
    );
  });

  it("nothing learned that overlaps the VNet", () => {
    const { gateway, d1 } = transit(["10.0.0.0/8"]);
    expect(gateway.fib.has("10.0.0.0/8")).toBe(true);
    expect(told(d1)).not.toContain("10.0.0.0/8");
    expect(told(transit(["10.0.0.0/8"], { keepVnetOverlaps: false }).d1)).toContain("10.0.0.0/8");
  });

  it("no host routes of peers to devices (S-LEARNED)", () => {
    expect(told(transit([]).d1)).not.toContain("192.0.2.1/32");
    expect(told(transit([], { keepHostRoutes: false }).d1)).toContain("192.0.2.1/32");
  });
});

describe("what is refused (S-BGPOV, S-FAQ)", () => {
  it("prefixes equal to or inside the VNet, not those around it", () => {
    const { gateway } = transit([
      "10.0.0.0/16",
      "10.0.7.0/24",
      "fd00:1:0:7::/64",
      "10.0.0.0/8",
      "10.1.0.0/16",
    ]);
    expect(told(gateway)).toEqual(["10.0.0.0/8", "10.1.0.0/16"]);
    const why = gateway.speaker.why("10.0.7.0/24");
    expect(why?.paths[0]).toMatchObject({
      verdict: "not-eligible",
      reason: "policy: equal to or inside the VNet (S-BGPOV, S-FAQ)",
    });
    expect(told(transit(["10.0.7.0/24"], { refuseVnetPrefixes: false }).gateway)).toContain("10.0.7.0/24");
  });

  it("the 4,001st prefix, with the session", () => {
    const many = (n: number): string[] =>
      Array.from({ length: n }, (_, i) => `172.${16 + (i >> 8)}.${i & 255}.0/24`);
    const state = (n: number, switches: CloudRuleSwitches = {}): string => {
      const { gateway, network } = transit(many(n), switches);
      return gateway.speaker.peers(network.now)[0]!.state;
    };
    expect(state(4000)).toBe("Established");
    expect(state(4001)).toBe("Idle");
    expect(state(4001, { limitPrefixes: false })).toBe("Established");
  });
});

describe("ASNs (S-FAQ)", () => {
  it("reserved by Azure", () => {
    for (const asn of [8074, 8075, 12076, 65515, 65517, 65518, 65519, 65520]) {
      expect(asnProblem(asn, 64999)).toContain("reserved by Azure");
    }
  });
  it("reserved by IANA", () => {
    for (const asn of [0, 23456, 64496, 64511, 65535, 65551, 429496729, 4294967295]) {
      expect(asnProblem(asn, 65515)).toContain("reserved by IANA");
    }
  });
  it("usable", () => {
    for (const asn of [64512, 64514, 65521, 65534, 65001, 4200000000, 1])
      expect(asnProblem(asn, 65515)).toBeUndefined();
  });
  it("not the same on both ends", () => {
    expect(asnProblem(65010, 65010)).toContain("different");
    expect(asnProblem(65010, 65010, { refuseSameAsn: false })).toBeUndefined();
    expect(asnProblem(65515, 64999, { refuseReservedAsns: false })).toBeUndefined();
  });
});

describe("addresses", () => {
  it("APIPA of the gateway: 169.254.21.0 to 169.254.22.255 (S-BGP, S-BGPOLD)", () => {
    for (const a of ["169.254.21.0", "169.254.21.10", "169.254.22.255"])
      expect(gatewayApipaProblem(a)).toBeUndefined();
    for (const a of ["169.254.20.255", "169.254.23.0", "169.254.0.1"])
      expect(gatewayApipaProblem(a)).toContain(a);
    expect(gatewayApipaProblem("169.254.1.1", { restrictApipa: false })).toBeUndefined();
    expect(gatewayApipaProblem("10.0.0.4")).toBeUndefined();
  });

  it("with APIPA the device dials, otherwise the gateway does (S-FAQ, S-BGP)", () => {
    const peer = (neighbor: string, switches: CloudRuleSwitches = {}): boolean | undefined =>
      cloudPeer({ name: "d", neighbor, asn: 65001 }, VNET, switches).passive;
    expect(peer("169.254.21.5")).toBe(true);
    expect(peer("169.254.200.1")).toBe(true);
    expect(peer("192.0.2.1")).toBeUndefined();
    expect(peer("169.254.21.5", { waitForApipaPeers: false })).toBeUndefined();
  });

  it("a peer address is not the device's public one and not in the VNet (S-FAQ)", () => {
    expect(peerAddressProblem("198.51.100.1", "198.51.100.1", VNET)).toContain("public");
    expect(peerAddressProblem("10.0.5.5", undefined, VNET)).toContain("10.0.0.0/16");
    expect(peerAddressProblem("10.51.255.254", "198.51.100.1", VNET)).toBeUndefined();
  });
});

describe("timers (S-FAQ, S-TIMER)", () => {
  it("60 and 180, whatever the device offers; negotiated when the rule is off", () => {
    const times = (switches: CloudRuleSwitches): unknown => {
      const network = new SpeakerNetwork();
      const gateway = network.add({ localAddress: GATEWAY, asn: 65515 });
      const device = network.add({ localAddress: "192.0.2.1", asn: 65001 });
      gateway.input({
        kind: "peer-set",
        peer: cloudPeer(
          { name: "d", neighbor: "192.0.2.1", asn: 65001, connectRetryTime: 5 },
          VNET,
          switches,
        ),
      });
      device.input({
        kind: "peer-set",
        peer: { name: "gw", neighbor: GATEWAY, asn: 65515, connectRetryTime: 5, holdTime: 30 },
      });
      network.run(10_000);
      const { holdTime, keepaliveTime } = gateway.speaker.peers(network.now)[0]!;
      return { holdTime, keepaliveTime };
    };
    expect(times({})).toEqual({ holdTime: 180, keepaliveTime: 60 });
    expect(times({ fixedTimers: false })).toEqual({ holdTime: 30, keepaliveTime: 10 });
  });
});
