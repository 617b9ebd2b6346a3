/**
 * RFC 7296 §2.8.1, §2.8.2, §2.25: both sides act at once, and every order in which the datagrams can arrive is tried.
 * A path is a list of choices: which of the datagrams under way arrives next. Paths are enumerated depth first, each
 * on a fresh pair with the same seed; the nonces of the seeds make either side the one that yields.
 */

import type { IkeInput } from "@tandem/ike";
import { blackHole, establishedPair, type Flight, type Pair, settled } from "@tandem/ike/testing";
import { describe, expect, it } from "vitest";
import { oursIsRedundant } from "../../src/collision.ts";

type Act = "child" | "ike" | "delete-child" | "delete-ike" | "none";

function act(pair: Pair, who: "a" | "b", what: Act): void {
  const node = pair[who];
  const [child] = node.children;
  const inputs: Record<Act, IkeInput | undefined> = {
    child: { kind: "rekey", tunnel: who, what: "child" },
    ike: { kind: "rekey", tunnel: who, what: "ike" },
    "delete-child": { kind: "child-hard-expired", childSa: child!.childSa, cause: "bytes" },
    "delete-ike": { kind: "terminate", tunnel: who, reason: "test" },
    none: undefined,
  };
  const input = inputs[what];
  if (input !== undefined) pair.network.give(node, input);
}

/** Runs one path; returns how many choices there were at each step. */
function runPath(
  seed: number,
  acts: readonly [Act, Act],
  path: readonly number[],
): { pair: Pair; widths: number[] } {
  const pair = establishedPair(seed);
  const { network } = pair;
  const waiting: Flight[] = [];
  network.rule = (flight) => {
    waiting.push(flight);
    return [];
  };
  act(pair, "a", acts[0]);
  act(pair, "b", acts[1]);
  const widths: number[] = [];
  for (let step = 0; waiting.length > 0 && step < 24; step++) {
    widths.push(waiting.length);
    const [flight] = waiting.splice(Math.min(path[step] ?? 0, waiting.length - 1), 1);
    network.inject(flight!.datagram);
    network.runFor(1);
  }
  network.rule = () => [10];
  for (const flight of waiting) network.inject(flight.datagram);
  return { pair, widths };
}

function enumerate(
  seed: number,
  acts: readonly [Act, Act],
  check: (pair: Pair, path: string) => void,
): number {
  let path: number[] = [];
  for (let count = 1; ; count++) {
    const { pair, widths } = runPath(seed, acts, path);
    pair.network.runFor(30_000);
    check(pair, `seed ${seed}, ${acts.join(" against ")}, order ${path.join("")}`);
    // The next path: the last choice that can still grow.
    let last = widths.length - 1;
    while (last >= 0 && (path[last] ?? 0) + 1 >= widths[last]!) last--;
    if (last < 0 || count >= 400) return count;
    path = [...Array.from({ length: last }, (_, i) => path[i] ?? 0), (path[last] ?? 0) + 1];
  }
}

const ACTS: readonly (readonly [Act, Act])[] = [
  ["child", "child"],
  ["ike", "ike"],
  ["child", "ike"],
  ["ike", "child"],
  ["child", "delete-child"],
  ["delete-child", "child"],
  ["delete-child", "delete-child"],
  ["ike", "delete-child"],
  ["delete-child", "ike"],
  ["child", "delete-ike"],
  ["ike", "delete-ike"],
  ["delete-ike", "ike"],
  ["delete-ike", "delete-ike"],
];

describe("simultaneous exchanges in every order of arrival", () => {
  it.each(ACTS.map((acts) => [acts.join(" against "), acts] as const))("%s", (_name, acts) => {
    let paths = 0;
    for (const seed of [1, 2, 3, 4])
      paths += enumerate(seed, acts, (pair, path) => expect(settled(pair), path).toBeUndefined());
    expect(paths).toBeGreaterThan(4);
  });

  it("of two rekeys lose no way to send at any moment", () => {
    for (const seed of [1, 2, 3, 4])
      for (const acts of [
        ["child", "child"],
        ["ike", "ike"],
        ["child", "ike"],
      ] as const)
        for (let order = 0; order < 16; order++) {
          const path = [0, 1, 2, 3].map((bit) => (order >> bit) & 1);
          const { pair } = runPath(seed, acts, path);
          expect(blackHole(pair)).toBeUndefined();
          for (let i = 0; i < 400; i++) {
            pair.network.runFor(10);
            expect(blackHole(pair), `seed ${seed} ${acts.join()} ${path.join("")}`).toBeUndefined();
          }
        }
  });
});

describe("the comparison of nonces", () => {
  const n = (...bytes: number[]) => Uint8Array.from(bytes);
  it("makes the exchange with the lowest of the four redundant", () => {
    const ours = { initiator: n(5, 0), responder: n(9) };
    expect(oursIsRedundant(ours, { initiator: n(6), responder: n(7) })).toBe(true);
    expect(oursIsRedundant(ours, { initiator: n(6), responder: n(4) })).toBe(false);
    expect(oursIsRedundant(ours, { initiator: n(5), responder: n(8) })).toBe(false);
  });
});
