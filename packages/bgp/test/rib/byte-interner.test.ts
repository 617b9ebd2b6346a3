import { seededRandom } from "@tandem/sansio";
import { describe, expect, it } from "vitest";
import { ByteInterner } from "../../src/rib/byte-interner.ts";

describe("byte interner", () => {
  it("agrees with a Map through random retains and releases", () => {
    const random = seededRandom(3);
    const interner = new ByteInterner();
    const model = new Map<string, { id: number; references: number; bytes: Uint8Array; salt: number }>();
    for (let i = 0; i < 40_000; i++) {
      const bytes = random.bytes(random.below(12)).map((b) => b & 3);
      const salt = random.below(3);
      const key = `${salt}:${bytes.join()}`;
      const known = model.get(key);
      expect(interner.find(bytes, 0, bytes.length, salt)).toBe(known?.id ?? 0);
      if (known === undefined || random.below(2) === 0) {
        const id = interner.intern(bytes, 0, bytes.length, salt);
        interner.retain(id);
        if (known === undefined) model.set(key, { id, references: 1, bytes, salt });
        else {
          expect(id).toBe(known.id);
          known.references++;
        }
      } else {
        known.references--;
        expect(interner.release(known.id)).toBe(known.references === 0);
        if (known.references === 0) model.delete(key);
      }
      expect(interner.size).toBe(model.size);
    }
    for (const m of model.values()) expect(interner.key(m.id)).toEqual(m.bytes);
  });

  it("keeps a copy", () => {
    const interner = new ByteInterner();
    const bytes = Uint8Array.of(1, 2, 3, 4, 5);
    const id = interner.intern(bytes, 1, 4, 0);
    bytes.fill(9);
    expect(interner.key(id)).toEqual(Uint8Array.of(2, 3, 4));
  });
});
