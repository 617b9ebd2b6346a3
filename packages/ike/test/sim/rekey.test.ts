import type { EspProposal, IkeInput } from "@tandem/ike";
import { blackHole, establishedPair, type Pair, settled } from "@tandem/ike/testing";
import { seededRandom } from "@tandem/sansio";
import { describe, expect, it } from "vitest";

const rekey = (tunnel: string, what: "child" | "ike" | "reauthenticate"): IkeInput => ({
  kind: "rekey",
  tunnel,
  what,
});

/** Runs in small steps and looks after each whether both directions can be used. */
function watch(pair: Pair, duration: number, step = 5): void {
  const end = pair.network.now + duration;
  while (pair.network.now < end) {
    pair.network.runFor(step);
    expect(blackHole(pair), `at ${pair.network.now}`).toBeUndefined();
  }
}

const pfs: EspProposal = {
  encryption: [{ name: "aes-gcm-16", keyBits: 128 }],
  integrity: [],
  groups: ["ecp256"],
  esn: [false],
};

describe("rekeying", () => {
  it.each([
    ["child", "a"],
    ["child", "b"],
    ["ike", "a"],
    ["ike", "b"],
    ["reauthenticate", "a"],
  ] as const)("of %s by %s loses nothing", (what, who) => {
    const pair = establishedPair(1);
    pair.network.give(pair[who], rekey(who, what));
    watch(pair, 5000);
    expect(settled(pair)).toBeUndefined();
    const fresh = what === "ike" ? pair.a.of("ike-sa-up") : pair.a.of("child-sa-up");
    expect(fresh).toHaveLength(2);
    if (what === "ike") return;
    // Both ends tell a rekeyed Child SA from one that a new IKE SA brought.
    for (const end of [pair.a, pair.b]) {
      const [first, second] = end.of("child-sa-up");
      expect(second).toMatchObject({ replaces: first?.childSa, rekeyed: what === "child" });
    }
  });

  it("with PFS does a fresh key exchange", () => {
    const over = { esp: { offer: [pfs], accept: [pfs] } };
    const pair = establishedPair(2, { a: over, b: over });
    pair.network.give(pair.a, rekey("a", "child"));
    watch(pair, 5000);
    expect(pair.a.transcript).toContain("PFS ecp256");
    expect(settled(pair)).toBeUndefined();
  });

  it("with a PFS group that the peer does not have fails and keeps the old Child SA", () => {
    const other: EspProposal = { ...pfs, groups: ["ecp384"] };
    const pair = establishedPair(3, {
      a: { esp: { offer: [pfs], accept: [pfs] } },
      b: { esp: { offer: [other], accept: [other] } },
    });
    pair.network.give(pair.a, rekey("a", "child"));
    watch(pair, 1000);
    expect(pair.a.transcript).toContain("Child SA rekey refused by the peer: no proposal in common");
    expect(pair.b.transcript).toContain("closest pair differs in key exchange: peer ECP_256, here ECP_384");
    expect(settled(pair)).toBeUndefined();
  });

  it("happens before the lifetimes end, 2 minutes of 5 s and 20 s, both initiator roles", () => {
    const over = { childLifetime: 5000, ikeLifetime: 20_000 };
    for (const roles of [
      { a: over, b: { ...over, mode: "Default" as const } },
      { a: over, b: over },
    ]) {
      const pair = establishedPair(4, roles);
      // Two crossing dials have to be settled first.
      pair.network.runFor(4000);
      watch(pair, 120_000);
      expect(pair.a.of("child-sa-up").length).toBeGreaterThan(20);
      expect(pair.a.of("ike-sa-up").length).toBeGreaterThan(5);
      expect(pair.a.of("ike-sa-down").every((e) => ["rekeyed", "replaced"].includes(e.cause))).toBe(true);
      expect(pair.a.of("child-sa-down").every((e) => ["rekeyed", "replaced"].includes(e.cause))).toBe(true);
    }
  });

  it("goes on through 20 % loss and reordering", () => {
    for (let seed = 10; seed < 16; seed++) {
      const chance = seededRandom(seed);
      // The soft limit lies at least 5 % before the hard one: time for five tries.
      const over = { childLifetime: 200_000, ikeLifetime: 600_000, dpdTimeout: 120_000 };
      const pair = establishedPair(seed, { a: over, b: over });
      pair.network.rule = () => (chance.below(100) < 20 ? [] : [5 + chance.below(200)]);
      watch(pair, 2_000_000, 200);
      pair.network.rule = () => [10];
      // Quiet again: long enough for what is under way, without the next rekey in between.
      pair.network.runFor(60_000, () => settled(pair) === undefined);
      expect(settled(pair), `seed ${seed}`).toBeUndefined();
    }
  });

  it("is begun by a soft limit in bytes, and forced by a hard one", () => {
    const pair = establishedPair(20);
    const [first] = pair.a.children;
    pair.network.give(pair.a, { kind: "child-soft-expired", childSa: first!.childSa, cause: "bytes" });
    watch(pair, 5000);
    const [second] = pair.a.children;
    expect(second!.childSa).not.toBe(first!.childSa);
    pair.network.give(pair.a, { kind: "child-hard-expired", childSa: second!.childSa, cause: "bytes" });
    pair.network.runFor(10_000);
    expect(pair.a.children[0]!.childSa).not.toBe(second!.childSa);
    expect(pair.a.of("child-sa-down").at(-1)!.reason).toContain("hard lifetime reached (bytes)");
    expect(settled(pair)).toBeUndefined();
  });

  it("switches the responder's outbound side with the first packet on the new SA, else with the DELETE", () => {
    const pair = establishedPair(21);
    pair.network.rule = ({ from, datagram }) => (from === pair.a && datagram.payload[18] === 37 ? [] : [10]);
    pair.network.give(pair.a, rekey("a", "child"));
    pair.network.runFor(100);
    const fresh = pair.b.children.at(-1)!;
    expect(pair.b.of("child-sa-outbound-ready").map((e) => e.childSa)).not.toContain(fresh.childSa);
    pair.network.give(pair.b, { kind: "esp-received", childSa: fresh.childSa });
    expect(pair.b.of("child-sa-outbound-ready").map((e) => e.childSa)).toContain(fresh.childSa);
  });
});
