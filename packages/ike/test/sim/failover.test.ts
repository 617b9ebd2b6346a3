/** DESIGN §3 and RFC 6311: an IKE SA goes on in another process; nothing that was exposed is ever unknown there. */
import { bytesToHex } from "@tandem/crypto";
import type { ExportedIkeSa } from "@tandem/ike";
import {
  A,
  B,
  blackHole,
  establishedPair,
  type Network,
  Node,
  type Pair,
  settled,
  testConnection,
  testPair,
} from "@tandem/ike/testing";
import { describe, expect, it } from "vitest";

const replicated = { options: { replicate: true } };

/** What the partner holds: the last state of each IKE SA. */
function replica(node: Node): ExportedIkeSa[] {
  const states = new Map<string, ExportedIkeSa | null>();
  for (const { ikeSa, state } of node.of("replicate")) states.set(ikeSa, state);
  return structuredClone([...states.values()].filter((s) => s !== null));
}

/** B stops; its partner takes over address and state. */
function failOver(pair: Pair, seed: number): Node {
  const { network } = pair;
  const states = replica(pair.b);
  network.nodes.splice(network.nodes.indexOf(pair.b), 1);
  const partner = network.add(new Node("b2", { seed, replicate: true }), B);
  network.give(partner, {
    kind: "connection-set",
    connection: testConnection(B, A, { mode: "ResponderOnly", tunnel: "b" }),
  });
  network.give(partner, { kind: "adopt", ikeSas: states, announce: true });
  return partner;
}

const ivs = (network: Network, node: Node): string[] =>
  network.sent
    .filter((f) => f.from === node && f.datagram.payload[18] !== 34)
    .map(
      (f) => bytesToHex(f.datagram.payload.subarray(0, 16)) + bytesToHex(f.datagram.payload.subarray(32, 40)),
    );

describe("replication", () => {
  it("holds back every datagram that exposes state until the partner has it", () => {
    const pair = testPair(1, replicated);
    pair.b.autoReplicate = false;
    pair.network.runFor(400);
    // IKE_SA_INIT is answered; IKE_AUTH's answer waits.
    expect(pair.network.sent.filter((f) => f.from === pair.b)).toHaveLength(1);
    const last = pair.b.of("replicate").at(-1)!;
    expect(last.state!.children).toHaveLength(1);
    pair.network.give(pair.b, { kind: "replicated", barrier: last.barrier });
    pair.network.runFor(400);
    expect(pair.network.sent.filter((f) => f.from === pair.b).length).toBeGreaterThan(1);
    expect(pair.a.children).toHaveLength(1);
  });

  it("says when an IKE SA is gone", () => {
    const pair = establishedPair(2, replicated);
    pair.network.give(pair.a, { kind: "terminate", tunnel: "a", reason: "test", hold: true });
    pair.network.runFor(1000);
    expect(pair.b.of("replicate").at(-1)!.state).toBeNull();
    expect(replica(pair.b)).toHaveLength(0);
  });

  it("holds keys in types that do not print them", () => {
    const pair = establishedPair(3, replicated);
    const { keys } = pair.b.of("replicate").at(-1)!.state!;
    expect(JSON.stringify(keys)).toContain("[secret: ");
    expect(JSON.stringify(keys)).not.toMatch(/\d+,\d+,\d+/);
  });
});

describe("adoption", () => {
  it("goes on with the same SPIs and keys, synchronises message IDs, and renegotiates nothing", () => {
    const pair = establishedPair(4, replicated);
    pair.network.runFor(40_000);
    const partner = failOver(pair, 77);
    const handshakes = pair.network.sent.filter((f) => f.datagram.payload[18] === 34).length;
    pair.network.runFor(200_000);
    expect(pair.network.sent.filter((f) => f.datagram.payload[18] === 34)).toHaveLength(handshakes);
    expect(partner.transcript).toContain("N(IKEV2_MESSAGE_ID_SYNC)");
    expect(partner.transcript).toContain("message IDs synchronised");
    expect(pair.a.of("ike-sa-down")).toHaveLength(0);
    expect(settled({ ...pair, b: partner })).toBeUndefined();
  });

  it("never repeats an initialisation vector under one key", () => {
    const pair = establishedPair(5, replicated);
    pair.network.runFor(100_000);
    const partner = failOver(pair, 78);
    pair.network.runFor(200_000);
    const all = [...new Set(ivs(pair.network, pair.b)), ...new Set(ivs(pair.network, partner))];
    expect(new Set(all).size).toBe(all.length);
  });

  it("can rekey everything afterwards, from both ends", () => {
    const pair = establishedPair(6, replicated);
    const partner = failOver(pair, 79);
    pair.network.runFor(2000);
    for (const [node, tunnel] of [
      [pair.a, "a"],
      [partner, "b"],
    ] as const)
      for (const what of ["child", "ike"] as const) {
        pair.network.give(node, { kind: "rekey", tunnel, what });
        pair.network.runFor(5000);
        expect(settled({ ...pair, b: partner }), `${what} by ${tunnel}`).toBeUndefined();
      }
  });

  it("in the middle of any exchange leaves a tunnel that works, without a new IKE SA", () => {
    for (const starter of ["a", "b"] as const)
      for (let steps = 0; steps < 6; steps++) {
        const pair = establishedPair(100 + steps, replicated);
        pair.network.give(pair[starter], { kind: "rekey", tunnel: starter, what: "child" });
        for (let i = 0; i < steps; i++) pair.network.runFor(10);
        const partner = failOver(pair, 80 + steps);
        pair.network.runFor(100_000);
        const both = { ...pair, b: partner };
        expect(pair.a.ikeSas, `${starter} ${steps}`).toHaveLength(1);
        expect(partner.ikeSas, `${starter} ${steps}`).toHaveLength(1);
        const out = pair.a.children.map((c) => c.spiOut);
        expect(
          out.some((spi) => partner.children.some((c) => c.spiIn === spi)),
          `${starter} ${steps}`,
        ).toBe(true);
        pair.network.give(pair.a, { kind: "rekey", tunnel: "a", what: "ike" });
        pair.network.runFor(5000);
        expect(both.a.ikeSas).toHaveLength(1);
      }
  });

  it("in the middle of a rekey that the peer began, of either kind, loses no packet's way and leaves nothing double", () => {
    for (const what of ["child", "ike"] as const)
      for (let steps = 0; steps < 8; steps++) {
        const pair = establishedPair(200 + steps, { ...replicated, b: { mode: "Default" } });
        pair.network.runFor(4000);
        pair.network.give(pair.a, { kind: "rekey", tunnel: "a", what });
        for (let i = 0; i < steps; i++) pair.network.runFor(10);
        const partner = failOver(pair, 300 + steps);
        const both = { ...pair, b: partner };
        for (let i = 0; i < 300; i++) {
          pair.network.runFor(50);
          expect(blackHole(both), `${what}, ${steps} steps`).toBeUndefined();
        }
        pair.network.runFor(60_000);
        expect(settled(both), `${what}, ${steps} steps`).toBeUndefined();
      }
  });

  it("in the middle of a rekey that the failing side began, of either kind, comes to rest and can be rekeyed again", () => {
    for (const what of ["child", "ike"] as const)
      for (let steps = 0; steps < 8; steps++) {
        const pair = establishedPair(400 + steps, { ...replicated, b: { mode: "Default" } });
        pair.network.runFor(8000);
        pair.network.give(pair.b, { kind: "rekey", tunnel: "b", what });
        for (let i = 0; i < steps; i++) pair.network.runFor(10);
        const partner = failOver(pair, 500 + steps);
        const both = { ...pair, b: partner };
        const name = `${what}, ${steps} steps`;
        for (let i = 0; i < 100; i++) {
          pair.network.runFor(50);
          expect(blackHole(both), name).toBeUndefined();
        }
        for (const again of ["child", "ike"] as const) {
          pair.network.give(partner, { kind: "rekey", tunnel: "b", what: again });
          for (let i = 0; i < 100; i++) {
            pair.network.runFor(50);
            expect(blackHole(both), `${name}, then ${again}`).toBeUndefined();
          }
        }
        expect(settled(both), name).toBeUndefined();
        expect(partner.of("ike-failed")).toHaveLength(0);
      }
  });

  it("without RFC 6311 in the peer, the request under way is repeated byte for byte", () => {
    const pair = establishedPair(7, replicated);
    pair.network.rule = ({ from }) => (from === pair.b ? [] : [10]);
    pair.network.give(pair.b, { kind: "rekey", tunnel: "b", what: "child" });
    const lost = pair.network.sent.at(-1)!.datagram.payload;
    const states = replica(pair.b).map((s) => ({
      ...s,
      peerSupports: { ...s.peerSupports, messageIdSync: false },
    }));
    pair.network.nodes.splice(pair.network.nodes.indexOf(pair.b), 1);
    const partner = pair.network.add(new Node("b2", { seed: 81, replicate: true }), B);
    pair.network.rule = () => [10];
    pair.network.give(partner, {
      kind: "connection-set",
      connection: testConnection(B, A, { mode: "ResponderOnly", tunnel: "b" }),
    });
    pair.network.give(partner, { kind: "adopt", ikeSas: states, announce: true });
    expect(bytesToHex(pair.network.sent.at(-1)!.datagram.payload)).toBe(bytesToHex(lost));
    pair.network.runFor(100_000);
    expect(pair.a.ikeSas).toHaveLength(1);
    expect(partner.ikeSas).toHaveLength(1);
  });

  it("of a rekeyed IKE SA takes its successor only", () => {
    const pair = establishedPair(8, replicated);
    pair.network.give(pair.a, { kind: "rekey", tunnel: "a", what: "ike" });
    pair.network.runFor(2000);
    expect(replica(pair.b)).toHaveLength(1);
    const partner = failOver(pair, 82);
    pair.network.runFor(2000);
    expect(settled({ ...pair, b: partner })).toBeUndefined();
  });

  it("a seat that went elsewhere is dropped without a word", () => {
    const pair = establishedPair(9);
    const sent = pair.network.sent.length;
    pair.network.give(pair.b, {
      kind: "terminate",
      tunnel: "b",
      reason: "the seat went to the partner",
      silent: true,
    });
    pair.network.runFor(5000);
    expect(pair.network.sent.filter((f) => f.from === pair.b).length).toBe(
      pair.network.sent.slice(0, sent).filter((f) => f.from === pair.b).length,
    );
    expect(pair.b.of("ike-sa-down")[0]).toMatchObject({ cause: "lost" });
    expect(pair.b.children).toHaveLength(0);
  });
});
