import { InstanceConfig } from "@tandem/contract";
import { describe, expect, it } from "vitest";
import { configDifference, describeDifference } from "../../src/config/difference.ts";
import { instanceConfig, pskConnection } from "../../src/testing/index.ts";

const config = (over: Parameters<typeof instanceConfig>[0] = {}) =>
  InstanceConfig.parse(instanceConfig(over));

describe("the difference of two configurations", () => {
  it("is empty between equals, in whatever order prefixes stand", () => {
    const a = config({ localPrefixes: ["10.1.0.0/16", "10.2.0.0/16"] });
    const b = config({ localPrefixes: ["10.2.0.0/16", "10.1.0.0/16"] });
    expect(describeDifference(configDifference(a, b))).toEqual([]);
  });

  it("tells a prefix from a key", () => {
    const before = config();
    const prefixes = config({ connections: [pskConnection({ staticPrefixes: ["192.168.1.0/24"] })] });
    const key = config({
      connections: [pskConnection({ authentication: { method: "psk", secret: "other" } })],
    });
    expect(configDifference(before, prefixes).connectionsChanged[0]).toMatchObject({
      ike: false,
      prefixes: true,
    });
    expect(configDifference(before, key).connectionsChanged[0]).toMatchObject({ ike: true, prefixes: false });
  });

  it("names what needs a restart", () => {
    expect(configDifference(config(), config({ outside: { interface: "eth9" } })).fixed).toEqual(["outside"]);
  });

  it("does not touch a seat whose epoch alone rose", () => {
    const seat = { name: "gw/0", publicIps: ["203.0.113.1"], bgpIp: "10.1.255.4" };
    const difference = configDifference(
      config({ seats: [{ ...seat, epoch: 1 }] }),
      config({ seats: [{ ...seat, epoch: 2 }] }),
    );
    expect(difference.seatsAdded).toEqual([]);
  });
});
