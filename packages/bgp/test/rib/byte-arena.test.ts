import { seededRandom } from "@tandem/sansio";
import { describe, expect, it } from "vitest";
import { ByteArena } from "../../src/rib/byte-arena.ts";

describe("byte arena", () => {
  it("keeps every string apart through random puts and drops", () => {
    const random = seededRandom(5);
    const arena = new ByteArena();
    const held: { place: number; bytes: Uint8Array }[] = [];
    for (let i = 0; i < 20_000; i++) {
      if (held.length > 0 && random.below(5) < 2) {
        const [one] = held.splice(random.below(held.length), 1);
        expect(arena.view(one!.place, one!.bytes.length)).toEqual(one!.bytes);
        arena.drop(one!.place, one!.bytes.length);
      } else {
        const bytes = random.bytes(random.below(60));
        held.push({ place: arena.put(bytes, 0, bytes.length), bytes });
      }
    }
    for (const { place, bytes } of held) {
      expect(arena.view(place, bytes.length)).toEqual(bytes);
      expect(arena.equals(place, bytes.length, bytes, 0)).toBe(true);
    }
  });

  it("uses places again, and gives everything back with the last string", () => {
    const arena = new ByteArena();
    const long = new Uint8Array(1000).fill(7);
    const places: number[] = [];
    for (let i = 0; i < 2000; i++) places.push(arena.put(long, 0, 1000));
    const capacity = arena.capacity;
    for (let round = 0; round < 5; round++) {
      for (const place of places.splice(1)) arena.drop(place, 1000);
      for (let i = 1; i < 2000; i++) places.push(arena.put(long, 0, 1000));
    }
    expect(arena.capacity).toBe(capacity);
    for (const place of places) arena.drop(place, 1000);
    expect(arena.capacity).toBe(0);
  });

  it("takes strings longer than a chunk", () => {
    const arena = new ByteArena();
    const bytes = new Uint8Array(300_000).map((_, i) => i & 0xff);
    const place = arena.put(bytes, 0, bytes.length);
    const next = arena.put(bytes, 5, 10);
    expect(arena.equals(place, bytes.length, bytes, 0)).toBe(true);
    expect([...arena.view(next, 5)]).toEqual([5, 6, 7, 8, 9]);
  });
});
