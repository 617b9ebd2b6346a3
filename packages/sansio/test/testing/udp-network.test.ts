import { describe, expect, it } from "vitest";
import { Nat, receivedAs, sentBy, udpPath } from "../../src/testing/index.ts";

const payload = Uint8Array.of(1);
const out = {
  source: "10.0.0.2",
  sourcePort: 4500,
  destination: "192.0.2.1",
  destinationPort: 4500,
  payload,
};

describe("Nat", () => {
  it("translates outwards, and back for endpoints that were written to", () => {
    const nat = new Nat({ inside: ["10.0.0.2"], publicAddress: "203.0.113.9" });
    const sent = nat.translate(out, 0);
    expect(sent).toMatchObject({ source: "203.0.113.9", sourcePort: 40_000 });
    const back = {
      source: "192.0.2.1",
      sourcePort: 4500,
      destination: "203.0.113.9",
      destinationPort: 40_000,
      payload,
    };
    expect(nat.translate(back, 1)).toMatchObject({ destination: "10.0.0.2", destinationPort: 4500 });
    expect(nat.translate({ ...back, sourcePort: 500 }, 1)).toMatchObject({
      drop: expect.stringContaining("filtered"),
    });
    expect(nat.translate({ ...back, destinationPort: 1 }, 1)).toMatchObject({ drop: "nat: no mapping" });
  });

  it("forgets idle mappings and rebinds to another port and address", () => {
    const nat = new Nat({ inside: ["10.0.0.2"], publicAddress: "203.0.113.9", idle: 1_000 });
    nat.translate(out, 0);
    expect(nat.translate(out, 900)).toMatchObject({ sourcePort: 40_000 });
    expect(nat.translate(out, 2_000)).toMatchObject({ sourcePort: 40_001 });
    nat.rebind("203.0.113.10");
    expect(nat.translate(out, 2_001)).toMatchObject({ source: "203.0.113.10", sourcePort: 40_002 });
  });

  it("routes by address", () => {
    const path = udpPath(new Map([["192.0.2.1", "gateway"]]));
    expect(path(out, "device", 0)).toEqual({ to: "gateway", packet: out });
    expect(path({ ...out, destination: "192.0.2.7" }, "device", 0)).toEqual({
      drop: "no route to 192.0.2.7",
    });
  });
});

describe("views of a datagram", () => {
  it("swap local and remote", () => {
    const local = { local: "a", localPort: 1, remote: "b", remotePort: 2, payload };
    expect(receivedAs(sentBy(local))).toEqual({
      local: "b",
      localPort: 2,
      remote: "a",
      remotePort: 1,
      payload,
    });
  });
});
