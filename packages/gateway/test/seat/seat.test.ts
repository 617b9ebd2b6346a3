import type { ExportedIkeSa } from "@tandem/ike";
import { describe, expect, it } from "vitest";
import { adoptedState } from "../../src/replication/adoption.ts";
import { ReplicaStore } from "../../src/replication/replica-store.ts";
import { SEQUENCE_MARGIN } from "../../src/seat/sa-book.ts";
import { type SeatEnd, SeatPair } from "../../src/testing/index.ts";

const names = (end: SeatEnd): string[] => end.events.map((event) => event.event);

function established(over: ConstructorParameters<typeof SeatPair>[0] = {}): SeatPair {
  const pair = new SeatPair(over);
  pair.device.seat.begin();
  pair.gateway.seat.begin();
  pair.clock.advance(1_000);
  return pair;
}

describe("two seats", () => {
  it("come up, install the same keys mirrored, and claim their routes", () => {
    const { gateway, device } = established();
    expect(names(gateway)).toEqual(["ike.established", "child.up", "tunnel.up"]);
    const [near] = gateway.plane.of("add-child-sa");
    const [far] = device.plane.of("add-child-sa");
    expect(near?.sa.spiIn).toBe(far?.sa.spiOut);
    expect(near?.sa.inbound).toEqual(far?.sa.outbound);
    expect(near?.sa.limits?.hardBytes).toBe(102_400_000 * 1024);
    expect(gateway.plane.kinds()).toContain("switch-outbound");
    expect(gateway.fib.list()).toEqual([
      { prefix: "192.168.0.0/24", source: "static", tunnels: ["to-site|gw/0|device"] },
    ]);
    expect(gateway.seat.tunnels()[0]?.state).toBe("ESTABLISHED");
  });

  it("say why, when the keys differ", () => {
    const { gateway } = established({ device: { authentication: { method: "psk", secret: "another" } } });
    const failed = gateway.events.find((event) => event.event === "ike.failed");
    expect(failed?.cause).toBe("authentication-failed");
    expect(failed?.message).toMatch(/pre-shared key/i);
    expect(gateway.fib.list()).toEqual([]);
  });

  it("change prefixes without touching the SAs, and a key with a new negotiation", () => {
    const { gateway, clock } = established();
    gateway.plane.commands.length = 0;
    gateway.seat.setConnection({ ...gateway.connection, staticPrefixes: ["192.168.9.0/24"] });
    expect(gateway.plane.kinds()).toEqual([]);
    expect(gateway.fib.list()[0]?.prefix).toBe("192.168.9.0/24");
    gateway.seat.setConnection({ ...gateway.connection, authentication: { method: "psk", secret: "new" } });
    clock.advance(100);
    expect(gateway.plane.kinds()).toContain("remove-child-sa");
    expect(names(gateway)).toContain("tunnel.down");
  });

  it("leave nothing behind when a connection is removed", () => {
    const { gateway, device, clock } = established();
    gateway.seat.removeConnection("to-site|gw/0|device");
    clock.advance(5_000);
    const kinds = gateway.plane.kinds();
    expect(kinds).toContain("remove-child-sa");
    expect(kinds.at(-1)).toBe("remove-tunnel");
    expect(gateway.fib.list()).toEqual([]);
    expect(gateway.seat.childSaIds()).toEqual([]);
    expect(names(device)).toContain("tunnel.down");
  });

  it("hand numbers out in blocks, as the data plane asks", async () => {
    const { gateway } = established();
    const [childSa] = gateway.seat.childSaIds();
    gateway.seat.dataPlaneEvent({ kind: "need-sequence", childSa: childSa!, reservedUpTo: 1 });
    await new Promise((resolve) => setImmediate(resolve));
    const [added] = gateway.plane.of("add-child-sa");
    expect(gateway.plane.of("reserve-sequence")[0]?.block.first).toBe(added?.sequence.limit);
  });

  it("rekey when the data plane says that a soft limit is reached", () => {
    const { gateway, device, clock } = established();
    const [childSa] = gateway.seat.childSaIds();
    gateway.seat.dataPlaneEvent({ kind: "expire-soft", childSa: childSa!, cause: "bytes" });
    clock.advance(10_000);
    expect(names(gateway)).toContain("child.rekeyed");
    expect(gateway.seat.childSaIds()).toHaveLength(1);
    expect(gateway.seat.childSaIds()).not.toContain(childSa);
    expect(device.seat.childSaIds()).toHaveLength(1);
  });

  it("go on at the partner with what was replicated: no negotiation, numbers above every reservation", () => {
    const store = new ReplicaStore(() => 0);
    const pair = new SeatPair();
    const tell = (seat: string, ikeSa: string, state: ExportedIkeSa | null): Promise<void> => {
      store.apply({ kind: "ike-sa", seat, epoch: 1, ikeSa, state });
      return Promise.resolve();
    };
    const owner = pair.makeGateway(1, {}, { ikeSa: tell, sequence: () => Promise.resolve(true) });
    pair.owners.set("203.0.113.1", owner);
    pair.device.seat.begin();
    owner.seat.begin();
    return settle(pair, 1_000).then(async () => {
      const before = owner.seat.tunnels()[0]!;
      expect(before.state).toBe("ESTABLISHED");
      const limit = owner.plane.of("add-child-sa")[0]!.sequence.limit;
      await owner.seat.stop(false);
      expect(owner.plane.of("send-ike").filter((command) => command.payload[18] === 37)).toEqual([]);

      const partner = pair.makeGateway(2);
      pair.owners.set("203.0.113.1", partner);
      partner.seat.begin({ ...adoptedState(store.take("gw/0", 2)!), bgp: undefined, age: 0 });
      await settle(pair, 1_000);
      const after = partner.seat.tunnels()[0]!;
      expect(after.initiatorSpi).toBe(before.initiatorSpi);
      expect(after.children.map((child) => child.spiIn)).toEqual(before.children.map((child) => child.spiIn));
      const [adopted] = partner.plane.of("add-child-sa");
      expect(adopted?.sequence.first).toBeGreaterThanOrEqual(limit + SEQUENCE_MARGIN);
      expect(partner.plane.of("send-ike").filter((command) => command.payload[18] === 34)).toEqual([]);

      partner.seat.input({ kind: "rekey", tunnel: "to-site|gw/0|device", what: "child" });
      await settle(pair, 10_000);
      expect(partner.seat.tunnels()[0]!.children.map((child) => child.spiIn)).not.toEqual(
        before.children.map((child) => child.spiIn),
      );
      expect(pair.device.seat.childSaIds()).toHaveLength(1);
    });
  });
});

/** Virtual time in small steps, with room for promises between them. */
async function settle(pair: SeatPair, milliseconds: number): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += 10) {
    pair.clock.advance(10);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
