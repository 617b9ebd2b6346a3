/** What a network does to packets, as numbers: one model per direction of a simulated link. */
import type { Duration, Instant } from "../instant.ts";
import type { Random } from "../random.ts";

export interface LinkModel {
  /** One-way delay and its uniform spread above that, in ms. */
  readonly delay: Duration;
  readonly jitter: Duration;
  /** Probabilities, 0 to 1. */
  readonly loss: number;
  readonly duplicate: number;
  /** Probability of being held back by another `delay + jitter`, behind packets sent later. */
  readonly reorder: number;
  /** Packets longer than this are lost; `Infinity` for no limit. */
  readonly mtu: number;
  /** Arrivals keep the order of sending, as in a TCP stream. */
  readonly ordered: boolean;
  /** Nothing arrives while it is true. */
  readonly cut: boolean;
}

export const PERFECT_LINK: LinkModel = {
  delay: 1,
  jitter: 0,
  loss: 0,
  duplicate: 0,
  reorder: 0,
  mtu: Number.POSITIVE_INFINITY,
  ordered: false,
  cut: false,
};

/** When a packet arrives (twice for a duplicate), or why it does not. */
export type Passage =
  | { readonly kind: "arrives"; readonly at: readonly Instant[] }
  | { readonly kind: "lost"; readonly reason: "cut" | "too-big" | "loss" };

function chance(random: Random, probability: number): boolean {
  return probability > 0 && random.below(1_000_000) < probability * 1_000_000;
}

function oneWay(model: LinkModel, random: Random): Duration {
  const spread = model.jitter > 0 ? (random.below(1_000_001) / 1_000_000) * model.jitter : 0;
  const held = chance(random, model.reorder) ? model.delay + model.jitter : 0;
  return model.delay + spread + held;
}

/** The fate of one packet of `size` bytes sent at `now`. Only `random` decides, so a seed repeats it. */
export function passLink(model: LinkModel, size: number, now: Instant, random: Random): Passage {
  if (model.cut) return { kind: "lost", reason: "cut" };
  if (size > model.mtu) return { kind: "lost", reason: "too-big" };
  if (chance(random, model.loss)) return { kind: "lost", reason: "loss" };
  const at = [now + oneWay(model, random)];
  if (chance(random, model.duplicate)) at.push(now + oneWay(model, random));
  return { kind: "arrives", at };
}
