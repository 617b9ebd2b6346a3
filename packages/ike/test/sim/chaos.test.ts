/** Random rekeys of every kind by both sides over a bad link; afterwards both sides agree. Seeds are printed with a failure. */
import { establishedPair, settled } from "@tandem/ike/testing";
import { seededRandom } from "@tandem/sansio";
import { expect, it } from "vitest";

/** Runs in this process are few; IKE_CHAOS_SEEDS=2000 is a good night's work. */
declare const process: { readonly env: Readonly<Record<string, string | undefined>> };
const SEEDS = Number(process.env.IKE_CHAOS_SEEDS ?? 60);

it(`${SEEDS} random schedules with loss, duplicates and reordering end in one IKE SA and one Child SA`, () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const chance = seededRandom(seed + 777);
    const pair = establishedPair(seed, { b: { mode: seed % 2 === 1 ? "Default" : "ResponderOnly" } });
    const { a, b, network } = pair;
    network.rule = () => {
      if (chance.below(100) < 15) return [];
      const delay = 5 + chance.below(40);
      return chance.below(100) < 10 ? [delay, 5 + chance.below(3000)] : [delay];
    };
    for (let i = 0; i < 30; i++) {
      const node = chance.below(2) === 0 ? a : b;
      const what = (["child", "child", "ike", "reauthenticate"] as const)[chance.below(4)]!;
      network.give(node, { kind: "rekey", tunnel: node.name, what });
      network.runFor(chance.below(3) * chance.below(1500) + chance.below(30));
    }
    network.rule = () => [10];
    network.runFor(130_000);
    expect(settled(pair), `seed ${seed}`).toBeUndefined();
  }
});
