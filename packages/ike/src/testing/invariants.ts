/** What has to hold between two endpoints, for simulations. Each function returns the violation in words, or undefined. */
import type { EffectOf, Node, Pair } from "./exchange-pair.ts";

/** The Child SA that a driver sends on: the latest that became ready and is not down. */
export function outboundChild(node: Node): EffectOf<"child-sa-up"> | undefined {
  const alive = new Map(node.children.map((c) => [c.childSa, c]));
  const ready = node.of("child-sa-outbound-ready").filter((e) => alive.has(e.childSa));
  const last = ready.at(-1);
  return last === undefined ? undefined : alive.get(last.childSa);
}

/** Make-before-break: whatever one side sends on, the other side can receive. */
export function blackHole(pair: Pair): string | undefined {
  for (const [from, to] of [
    [pair.a, pair.b],
    [pair.b, pair.a],
  ] as const) {
    const out = outboundChild(from);
    if (out === undefined) return `${from.name} has nothing to send on`;
    if (!to.children.some((c) => c.spiIn === out.spiOut))
      return `${from.name} sends on ${out.childSa} (${out.spiOut.toString(16)}), which ${to.name} does not have`;
  }
  return undefined;
}

/** At rest: one IKE SA, the same Child SAs on both sides, `children` of them. */
export function settled(pair: Pair, children = 1): string | undefined {
  const { a, b } = pair;
  if (a.ikeSas.length !== 1 || b.ikeSas.length !== 1)
    return `IKE SAs: a has ${a.ikeSas.join(" ")}, b has ${b.ikeSas.join(" ")}`;
  const ofA = a.children.map((c) => `${c.spiIn}/${c.spiOut}`).sort();
  const ofB = b.children.map((c) => `${c.spiOut}/${c.spiIn}`).sort();
  if (ofA.length !== children || ofA.join() !== ofB.join())
    return `Child SAs: a has ${a.children.map((c) => c.childSa).join(" ")}, b has ${b.children.map((c) => c.childSa).join(" ")}`;
  return blackHole(pair);
}
