/** Twenty speakers, random links, random failures, virtual time: they converge, to shortest paths, without loops. */
import { seededRandom } from "@tandem/sansio";
import { describe, expect, it } from "vitest";
import { type SimulatedSpeaker, SpeakerNetwork } from "../../src/testing/index.ts";

const SIZE = 20;
const address = (i: number): string => `10.0.0.${i + 1}`;
const asn = (i: number): number => 64512 + i;
const prefix = (i: number): string => `10.${100 + i}.0.0/16`;

class World {
  readonly network: SpeakerNetwork;
  readonly speakers: SimulatedSpeaker[] = [];
  /** Links that work, as "i j" with i < j. */
  readonly links: Set<string> = new Set();
  readonly down: Set<string> = new Set();

  constructor(seed: number) {
    const random = seededRandom(seed);
    this.network = new SpeakerNetwork(seed);
    for (let i = 0; i < SIZE; i++) {
      this.speakers.push(this.network.add({ localAddress: address(i), asn: asn(i) }));
      this.speakers[i]!.input({ kind: "network-set", prefix: prefix(i), tag: "vnet" });
    }
    for (let i = 1; i < SIZE; i++) this.link(i, random.below(i));
    for (let n = 0; n < 20; n++) {
      const i = random.below(SIZE);
      const j = random.below(SIZE);
      if (i !== j) this.link(i, j);
    }
  }

  link(i: number, j: number): void {
    const key = i < j ? `${i} ${j}` : `${j} ${i}`;
    if (this.links.has(key)) return;
    this.links.add(key);
    const set = (a: number, b: number): void =>
      this.speakers[a]!.input({
        kind: "peer-set",
        peer: { name: `${b}`, neighbor: address(b), asn: asn(b), holdTime: 30, connectRetryTime: 5 },
      });
    set(i, j);
    set(j, i);
  }

  toggle(key: string): void {
    const [i, j] = key.split(" ").map(Number);
    if (this.down.delete(key)) this.network.heal(address(i!), address(j!));
    else {
      this.down.add(key);
      this.network.cut(address(i!), address(j!));
    }
  }

  /** Hops between every two speakers over the links that work. */
  distances(from: number): (number | undefined)[] {
    const distance: (number | undefined)[] = new Array(SIZE).fill(undefined);
    distance[from] = 0;
    for (const queue = [from]; queue.length > 0; ) {
      const i = queue.shift()!;
      for (const key of this.links) {
        if (this.down.has(key)) continue;
        const [a, b] = key.split(" ").map(Number);
        const j = a === i ? b : b === i ? a : undefined;
        if (j !== undefined && distance[j] === undefined) {
          distance[j] = distance[i]! + 1;
          queue.push(j);
        }
      }
    }
    return distance;
  }

  /** Follows the FIBs hop by hop, over every equal path. */
  check(): void {
    for (let from = 0; from < SIZE; from++) {
      const distance = this.distances(from);
      for (let to = 0; to < SIZE; to++) {
        if (to === from) continue;
        const entry = this.speakers[from]!.fib.get(prefix(to));
        if (distance[to] === undefined) {
          expect(entry, `${from} has no way to ${to}`).toBeUndefined();
          continue;
        }
        expect(entry, `${from} has a way to ${to}`).toBeDefined();
        for (const hop of entry!.nextHops) {
          const next = this.distances(Number(hop.peer))[to];
          expect(next, `${from} via ${hop.peer} to ${to} comes nearer`).toBe(distance[to]! - 1);
        }
      }
    }
  }
}

describe("a network of twenty speakers", () => {
  for (const seed of [1, 2, 3]) {
    it(`converges through random failures, seed ${seed}`, () => {
      const world = new World(seed);
      const random = seededRandom(seed + 100);
      world.network.run(60_000);
      world.check();
      for (let round = 0; round < 4; round++) {
        const keys = [...world.links];
        for (let n = 0; n < 5; n++) {
          world.toggle(keys[random.below(keys.length)]!);
          world.network.run(random.below(20_000));
        }
        world.network.run(180_000);
        world.check();
      }
    }, 60_000);
  }
});
