/** Two replicators over real sockets: who is shown which key (src/replication/README.md, rule 3). */
import { randomBytes } from "node:crypto";
import { createServer } from "node:net";
import type { ExportedIkeSa } from "@tandem/ike";
import { afterEach, expect, it } from "vitest";
import { type ReplicatedSeat, Replicator } from "../../src/replication/replicator.ts";
import { VirtualClock } from "../../src/testing/index.ts";

const running: Replicator[] = [];
afterEach(() => {
  for (const replicator of running.splice(0)) replicator.stop();
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

const ikeSa = (name: string, child: string): ExportedIkeSa =>
  ({
    ikeSa: name,
    tunnel: "t",
    ivReservedUpTo: 1,
    children: [{ childSa: child }],
  }) as unknown as ExportedIkeSa;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

it("a restarted partner gets fresh keys only, and the owner is asked to make them", async () => {
  const [port, key] = [await freePort(), randomBytes(32).toString("hex")];
  let exported = [ikeSa("i", "c")];
  const renewed: string[] = [];
  const seat: ReplicatedSeat = {
    config: { name: "s", epoch: 1 },
    exportIkeSas: () => exported,
    reservations: () => [],
    childSaIds: () => exported.flatMap(({ children }) => children.map(({ childSa }) => childSa)),
    bgp: undefined,
  };
  const start = (instance: string, name: string, seats: readonly ReplicatedSeat[]): Replicator => {
    const replicator = new Replicator({
      instance,
      partner: { name, localAddress: "127.0.0.1", address: "127.0.0.1", port, key, bgpPeers: [] },
      clock: new VirtualClock(),
      wallClock: () => 0,
      seats: () => seats,
      exportChildSa: () => Promise.resolve(undefined),
      onSuperseded: () => {},
      onState: () => {},
      renewKeys: (of, tunnel) => renewed.push(`${of} ${tunnel}`),
    });
    running.push(replicator);
    replicator.start();
    return replicator;
  };

  const owner = start("gw/IN_0", "gw/IN_1", [seat]);
  const first = start("gw/IN_1", "gw/IN_0", []);
  await until(() => first.holds("s"));
  expect(await owner.sequence("s", "c", 100)).toBe(true);
  expect(renewed).toEqual([]);

  first.stop();
  await until(() => !owner.up);
  const second = start("gw/IN_1", "gw/IN_0", []);
  await until(() => owner.up && renewed.length > 0);
  expect(renewed).toEqual(["s t"]);
  expect(await owner.sequence("s", "c", 200)).toBe(false);
  await owner.ikeSa("s", "i", exported[0]!);
  expect(second.holds("s")).toBe(false);

  exported = [ikeSa("j", "d")];
  await owner.ikeSa("s", "j", exported[0]!);
  expect(await owner.sequence("s", "d", 100)).toBe(true);
  expect(second.take("s", 2)?.ikeSas.map((state) => state.ikeSa)).toEqual(["j"]);
  // And what it has taken, it holds no more for the owner that it was taken from.
  expect(await owner.sequence("s", "d", 200)).toBe(false);
});

it("copies the live state of what carried packets, not of thousands of idle Child SAs", async () => {
  const [port, key] = [await freePort(), randomBytes(32).toString("hex")];
  const ids = Array.from({ length: 5_000 }, (_, i) => `c${i}`);
  const exported: string[] = [];
  let touched: string[] = [];
  const seat: ReplicatedSeat = {
    config: { name: "s", epoch: 1 },
    exportIkeSas: () => ids.map((id) => ikeSa(`ike-${id}`, id)),
    reservations: () => [],
    childSaIds: () => ids,
    bgp: undefined,
  };
  const clock = new VirtualClock();
  const start = (instance: string, name: string, seats: readonly ReplicatedSeat[]): Replicator => {
    const replicator = new Replicator({
      instance,
      partner: { name, localAddress: "127.0.0.1", address: "127.0.0.1", port, key, bgpPeers: [] },
      clock,
      wallClock: () => 0,
      seats: () => seats,
      exportChildSa: (childSa) => {
        exported.push(childSa);
        return Promise.resolve({ id: childSa } as never);
      },
      touchedChildSas: () => Promise.resolve(touched.splice(0)),
      onSuperseded: () => {},
      onState: () => {},
      renewKeys: () => {},
    });
    running.push(replicator);
    replicator.start();
    return replicator;
  };
  const owner = start("gw/IN_0", "gw/IN_1", [seat]);
  const partner = start("gw/IN_1", "gw/IN_0", []);
  await until(() => partner.holds("s"));
  /** One interval, and everything that it leads to. */
  const interval = async (): Promise<string[]> => {
    exported.length = 0;
    clock.advance(25);
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
    return [...exported];
  };
  expect(await interval()).toHaveLength(5_000); // the partner has just been told the whole
  expect(await interval()).toEqual([]);
  touched = ["c7", "c4000"];
  expect(await interval()).toEqual(["c7", "c4000"]);
  expect(await interval()).toEqual([]);
  await owner.ikeSa("s", "ike-c9", ikeSa("ike-c9", "c9"));
  expect(await interval()).toEqual(["c9"]); // the partner may have forgotten its window meanwhile
});
