import { BgpNeighborConfig } from "@tandem/contract";
import { describe, expect, it } from "vitest";
import { type PeerTerms, partnerPeer, routerIdOf, tunnelPeer } from "../../src/bgp/peer-config.ts";

const terms: PeerTerms = {
  kind: "instance",
  asn: 65515,
  profile: "azure",
  localPrefixes: ["10.1.0.0/16"],
  draining: false,
};
const neighbour = (more: object = {}): BgpNeighborConfig =>
  BgpNeighborConfig.parse({ neighbor: "10.51.255.254", asn: 65051, ...more });

describe("a neighbour behind a tunnel", () => {
  it("has the cloud's limits and times, and waits for its tunnel", () => {
    expect(tunnelPeer("c|gw/0|site", neighbour({ fixedTimers: true }), terms)).toMatchObject({
      name: "c|gw/0|site",
      neighbor: "10.51.255.254",
      asn: 65051,
      waitForPath: true,
      holdTime: 180,
      keepaliveTime: 60,
      fixedTimers: true,
      maxPrefixes: { limit: 4000 },
      md5: false,
      connectRetryTime: 10,
    });
  });

  it("gets what is configured: key, TTL, address, IPv6 next hop", () => {
    const nextHop6 = "fd00:1::4";
    const peer = tunnelPeer(
      "t",
      neighbour({ md5: "key", ttlSecurity: 1, localAddress: "169.254.21.1", nextHop6 }),
      terms,
    );
    expect(peer).toMatchObject({
      md5: true,
      ttlSecurity: 1,
      localAddress: "169.254.21.1",
      nextHop: { ipv6: nextHop6 },
    });
    // The key stays with the sockets.
    expect(JSON.stringify(peer)).not.toContain('"key"');
  });

  it("is told nothing while the seat is drained", () => {
    const { exportPolicy } = tunnelPeer("t", neighbour(), { ...terms, draining: true });
    expect(exportPolicy?.statements.map(({ action }) => action)).toEqual(["reject"]);
  });
});

describe("the speaker itself", () => {
  it("speaks iBGP with the partner's seat, which needs no export policy", () => {
    const peer = partnerPeer("gw/1", "10.1.255.5", terms);
    expect(peer).toMatchObject({ asn: 65515, neighbor: "10.1.255.5" });
    expect(peer.exportPolicy).toBeUndefined();
  });

  it("is named by its IPv4 address, or by a number made of its IPv6 address (RFC 6286)", () => {
    const seat = { name: "gw/0", publicIps: ["203.0.113.10"], bgpIp: "10.1.255.4", epoch: 1 };
    expect(routerIdOf(undefined, seat)).toBe("10.1.255.4");
    expect(routerIdOf("192.0.2.1", seat)).toBe("192.0.2.1");
    const six = { ...seat, publicIps: ["2001:db8::1"], bgpIp: "fd00::4" };
    expect(routerIdOf(undefined, six)).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    expect(routerIdOf(undefined, six)).not.toBe(routerIdOf(undefined, { ...six, bgpIp: "fd00::5" }));
  });
});
