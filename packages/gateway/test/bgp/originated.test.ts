/** What a seat says of its own accord, and to whom (azure-vpn-gateway §3.1, §3.2). */
import { SpeakerNetwork } from "@tandem/bgp/testing";
import { describe, expect, it } from "vitest";
import { type Origins, originatedPrefixes } from "../../src/bgp/originated.ts";
import { exportPolicy } from "../../src/bgp/routing-policy.ts";

const origins: Origins = {
  kind: "instance",
  localPrefixes: ["10.1.0.0/16"],
  lngPrefixes: [["10.51.0.0/16"], ["10.61.0.0/16", "10.61.255.1/32"]],
  neighbours: ["10.51.255.254", "10.61.255.1", "fd51::1", "169.254.21.2"],
};

describe("what a gateway's seat originates", () => {
  it("is its VNet, its LNGs, and host routes of the neighbours that it reaches", () => {
    expect(Object.fromEntries(originatedPrefixes(origins))).toEqual({
      "10.1.0.0/16": "vnet",
      "10.51.0.0/16": "lng",
      "10.61.0.0/16": "lng",
      // Listed by its LNG as the old documents had it: then it is told to devices as well.
      "10.61.255.1/32": "lng",
      "10.51.255.254/32": "host-route",
      "fd51::1/128": "host-route",
    });
    expect(originatedPrefixes({ ...origins, neighbours: [] }).has("10.51.255.254/32")).toBe(false);
  });

  it("is a device's own prefixes and nothing else", () => {
    expect([...originatedPrefixes({ ...origins, kind: "device" })]).toEqual([["10.1.0.0/16", "vnet"]]);
  });

  it("reaches the other seat whole, and devices without the host routes (S-LEARNED)", () => {
    const network = new SpeakerNetwork();
    const seat = network.add({ localAddress: "10.1.255.4", asn: 65515, ibgpLastResort: true });
    const others = { device: ["10.61.255.1", 65061], seat1: ["10.1.255.5", 65515] } as const;
    const policy = exportPolicy("instance", origins.localPrefixes, 0, false);
    for (const [prefix, tag] of originatedPrefixes(origins)) {
      seat.input({ kind: "network-set", prefix, tag });
    }
    const [device, seat1] = Object.entries(others).map(([name, [localAddress, asn]]) => {
      const other = network.add({ localAddress, asn, ibgpLastResort: true });
      const exported = name === "device" ? { exportPolicy: policy } : {};
      const peer = { name, neighbor: localAddress, asn, connectRetryTime: 5, ...exported };
      seat.input({ kind: "peer-set", peer });
      const back = { name: "seat", neighbor: "10.1.255.4", asn: 65515, connectRetryTime: 5 };
      other.input({ kind: "peer-set", peer: back });
      return other;
    });
    network.run(30_000);
    const configured = ["10.1.0.0/16", "10.51.0.0/16", "10.61.0.0/16", "10.61.255.1/32"];
    expect([...device!.fib.keys()].toSorted()).toEqual(configured);
    expect([...seat1!.fib.keys()].toSorted()).toEqual(
      [...configured, "10.51.255.254/32", "fd51::1/128"].toSorted(),
    );
    expect(seat.speaker.learnedRoutes({ prefix: "10.51.255.254/32" })).toMatchObject([
      { origin: "Network", nextHop: null, asPath: "", weight: 32768 },
    ]);
    expect(seat1!.speaker.learnedRoutes({ prefix: "10.51.255.254/32" })).toMatchObject([
      { origin: "IBgp", nextHop: "10.1.255.4", asPath: "" },
    ]);
  });
});
