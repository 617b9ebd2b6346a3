/** The decision by step number, and against the RFC's elimination written out naively. */
import { seededRandom } from "@tandem/sansio";
import { makePrefix } from "@tandem/wire";
import { describe, expect, it } from "vitest";
import { prependAs } from "../../src/attributes/as-path.ts";
import { AttributeTable } from "../../src/attributes/attribute-table.ts";
import type { PathAttributes } from "../../src/attributes/path-attributes.ts";
import type { PeerFacts } from "../../src/rib/decision.ts";
import { LocRib } from "../../src/rib/loc-rib.ts";

interface Path {
  readonly source: PeerFacts["source"];
  readonly localPref?: number;
  readonly asns: readonly number[];
  readonly origin?: number;
  readonly med?: number;
  readonly routerId?: number;
  readonly clusters?: number;
  readonly originatorId?: number;
  readonly address?: number;
}

function attributesOf(p: Path): PathAttributes {
  let asPath: Uint8Array = new Uint8Array(0);
  for (const asn of p.asns.toReversed()) asPath = prependAs(asPath, asn, 1);
  return {
    origin: p.origin ?? 0,
    asPath,
    nextHop: Uint8Array.of(10, 0, 0, 2),
    med: p.med,
    localPref: p.localPref,
    atomicAggregate: false,
    aggregator: undefined,
    communities: undefined,
    largeCommunities: undefined,
    originatorId: p.originatorId,
    clusterList: p.clusters === undefined ? undefined : new Uint8Array(p.clusters * 4),
    opaque: [],
  };
}

/** Index of the best path, and those as good up to step 7. */
function decide(
  paths: readonly Path[],
  options: { ibgpLastResort?: boolean; alwaysCompareMed?: boolean } = {},
): { best: number; equal: number[]; steps: Map<number, string> } {
  const attributes = new AttributeTable(65000);
  const facts: PeerFacts[] = paths.map((p, i) => ({
    source: p.source,
    usable: true,
    routerId: p.routerId ?? i + 1,
    address: Uint8Array.of(10, 0, 0, p.address ?? i + 1),
  }));
  const rib = new LocRib("ipv4-unicast", attributes, facts, {
    ibgpLastResort: options.ibgpLastResort ?? false,
    alwaysCompareMed: options.alwaysCompareMed ?? false,
    multipath: true,
  });
  const prefix = rib.table.intern(makePrefix(Uint8Array.of(192, 0, 2, 0), 24));
  paths.forEach((p, i) => {
    const set = attributes.addLocal(attributesOf(p));
    rib.announce(prefix, rib.addPeer(i), set, set);
  });
  const steps = new Map<number, string>();
  const equal = rib.decision.equals(rib.head(prefix), (path, step) => steps.set(rib.paths.peer[path]!, step));
  const members = equal.paths.slice(0, equal.count).map((p) => rib.paths.peer[p]!);
  return { best: rib.paths.peer[rib.best(prefix)]!, equal: members, steps };
}

const e = (extra: Partial<Path> = {}): Path => ({ source: "ebgp", asns: [1, 2], ...extra });

describe("decision, step by step: the second path wins", () => {
  const cases: readonly (readonly [string, Path, Path])[] = [
    ["1 originated here", e({ localPref: 900 }), { source: "network", asns: [] }],
    ["3 highest LOCAL_PREF", e({ asns: [1] }), e({ localPref: 101, asns: [1, 2, 3] })],
    ["4 shortest AS path", e({ asns: [1, 2, 3] }), e({ asns: [4, 5], origin: 2 })],
    ["5 lowest ORIGIN", e({ origin: 1, med: 0 }), e({ origin: 0, med: 5 })],
    ["6 lowest MED from the same AS", e({ med: 10 }), e({ med: 9, source: "ibgp" })],
    ["6 lowest MED from the same AS", e({ med: 1, routerId: 1 }), e({ routerId: 2 })],
    ["7 eBGP before iBGP", e({ source: "ibgp", routerId: 1 }), e({ routerId: 9 })],
  ];
  for (const [step, loser, winner] of cases) {
    it(step, () => {
      const d = decide([loser, winner]);
      expect(d.best).toBe(1);
      expect(d.steps.get(0)).toBe(step);
      expect(d.equal).toEqual([1]);
    });
  }

  it("2 eBGP before iBGP of last resort", () => {
    const own = e({ asns: [1, 2, 3] });
    const partner = e({ source: "ibgp", asns: [1], localPref: 200 });
    expect(decide([partner, own]).best).toBe(0);
    expect(decide([partner, own], { ibgpLastResort: true }).best).toBe(1);
  });

  it("8 lowest BGP identifier, 9 shortest CLUSTER_LIST, 10 lowest address: equal, but one is best", () => {
    expect(decide([e({ routerId: 5 }), e({ routerId: 4 })])).toMatchObject({ best: 1, equal: [1, 0] });
    expect(decide([e({ routerId: 5 }), e({ routerId: 9, originatorId: 4 })]).best).toBe(1);
    expect(decide([e({ routerId: 5, clusters: 2 }), e({ routerId: 5, clusters: 1 })]).best).toBe(1);
    expect(decide([e({ routerId: 5, address: 9 }), e({ routerId: 5, address: 8 })]).best).toBe(1);
  });

  it("MED of different neighbours is not compared, unless told so", () => {
    const a = e({ asns: [7, 2], med: 10, routerId: 1 });
    const b = e({ asns: [8, 2], med: 1, routerId: 2 });
    expect(decide([a, b]).best).toBe(0);
    expect(decide([a, b], { alwaysCompareMed: true }).best).toBe(1);
  });

  it("the order of arrival never matters, MED included (RFC 4271 §9.1.2.2 c)", () => {
    const random = seededRandom(5);
    for (let i = 0; i < 3000; i++) {
      const paths = Array.from({ length: 2 + random.below(5) }, (_, n) => randomPath(random, n));
      const expected = naive(paths);
      const order = paths.map((_, n) => n).toSorted(() => random.below(3) - 1);
      const d = decide(order.map((n) => ({ ...paths[n]!, routerId: paths[n]!.routerId!, address: n + 1 })));
      expect(order[d.best], JSON.stringify(paths)).toBe(expected);
    }
  });
});

type Rng = ReturnType<typeof seededRandom>;

function randomPath(random: Rng, n: number): Path {
  const asns = Array.from({ length: 1 + random.below(3) }, () => 1 + random.below(3));
  return {
    source: random.below(3) === 0 ? "ibgp" : "ebgp",
    asns,
    localPref: 100 + random.below(2),
    origin: random.below(2),
    ...(random.below(2) === 0 ? {} : { med: random.below(3) }),
    routerId: 1 + random.below(3),
    address: n + 1,
  };
}

/** RFC 4271 §9.1.2.2 as prose, one filter after the other. */
function naive(paths: readonly Path[]): number {
  let left = paths.map((_, i) => i);
  const least = (key: (p: Path) => number): void => {
    const min = Math.min(...left.map((i) => key(paths[i]!)));
    left = left.filter((i) => key(paths[i]!) === min);
  };
  least((p) => -(p.localPref ?? 100));
  least((p) => p.asns.length);
  least((p) => p.origin ?? 0);
  left = left.filter(
    (i) =>
      !left.some(
        (j) => paths[j]!.asns[0] === paths[i]!.asns[0] && (paths[j]!.med ?? 0) < (paths[i]!.med ?? 0),
      ),
  );
  least((p) => (p.source === "ebgp" ? 0 : 1));
  least((p) => p.routerId!);
  least((p) => p.address!);
  return left[0]!;
}
