/** The WebAssembly with SIMD against the portable version, which is against RFC 1071's own words in @tandem/wire's tests. */
import { randomBytes } from "node:crypto";
import { createArenaOver } from "@tandem/linux";
import { describe, expect, it } from "vitest";
import { type Checksum, fold, simdChecksum, wordChecksum } from "../../src/dataplane/checksum.ts";
import { createWasmMemory } from "../../src/dataplane/wasm-checksum.ts";

const memory = createWasmMemory(8);
const arena = createArenaOver(memory.buffer);
const { bytes } = arena;
const simd = simdChecksum(memory);
const portable = wordChecksum(arena);

const SOURCE = 1024;
const TARGET = 128 * 1024;
const HEADER = 300 * 1024;
const MASK = 400 * 1024;
const LENGTHS = [...Array(200).keys(), 1337, 1338, 1448, 65_482, 65_535];
const CONTENTS = { zeros: () => 0, ones: () => 0xff, random: () => randomBytes(1)[0]! };

describe.each(Object.entries(CONTENTS))("over %s", (_name, content) => {
  bytes.fill(0, SOURCE, TARGET);
  const put = (): void => {
    for (let i = 0; i < 65_540; i++) bytes[SOURCE + i] = content();
  };

  it.each([0, 1, 2, 3])("adds, and copies, every length from offset %i", (odd) => {
    put();
    for (const length of LENGTHS) {
      const expected = fold(portable.add(0x1234, SOURCE + odd, length));
      expect(fold(simd.add(0x1234, SOURCE + odd, length)), `${length} bytes`).toBe(expected);
      bytes.fill(0x55, TARGET, TARGET + length + 16);
      expect(fold(simd.copy(0x1234, TARGET, SOURCE + odd, length))).toBe(expected);
      const copied = Buffer.from(bytes.subarray(TARGET, TARGET + length));
      expect(copied.equals(bytes.subarray(SOURCE + odd, SOURCE + odd + length))).toBe(true);
      expect(bytes[TARGET + length]).toBe(0x55);
    }
  });
});

it("assembles headers of every length and a body", () => {
  bytes.set(randomBytes(65_540), SOURCE);
  bytes.set(randomBytes(300), HEADER);
  for (const headerLength of [8, 20, 28, 32, 40, 48, 52, 60, 72, 80, 100, 255]) {
    for (const length of [1, 2, 15, 16, 17, 1338, 60_000]) {
      const build = (checksum: Checksum): [number, Buffer] => {
        bytes.fill(0, TARGET, TARGET + headerLength + length);
        const sum = fold(checksum.assemble(7, TARGET, HEADER, headerLength, SOURCE, length));
        return [sum, Buffer.from(bytes.slice(TARGET, TARGET + headerLength + length))];
      };
      expect(build(simd), `${headerLength} and ${length}`).toEqual(build(portable));
      bytes.fill(0x55, TARGET, TARGET + headerLength + length + 32);
      simd.assemble(7, TARGET, HEADER, headerLength, SOURCE, length);
      expect(bytes[TARGET + headerLength + length + 15], "at most 15 bytes behind").toBe(0x55);
    }
  }
});

it("sees every bit that differs under the mask, and none beside it", () => {
  for (const length of [40, 52, 60, 100]) {
    bytes.set(randomBytes(length + 16), SOURCE);
    bytes.copyWithin(TARGET, SOURCE, SOURCE + length + 16);
    bytes.fill(0, MASK, MASK + 128);
    for (let i = 0; i < length; i++) bytes[MASK + i] = i % 7 === 3 ? 0 : i % 5 === 2 ? 0xf7 : 0xff;
    for (const checksum of [simd, portable]) {
      expect(checksum.differs(SOURCE, TARGET, MASK, length)).toBe(false);
      for (let bit = 0; bit < (length + 16) * 8; bit++) {
        bytes[TARGET + (bit >> 3)]! ^= 1 << (bit & 7);
        const expected = (bytes[MASK + (bit >> 3)]! & (1 << (bit & 7))) !== 0;
        expect(checksum.differs(SOURCE, TARGET, MASK, length), `bit ${bit} of ${length}`).toBe(expected);
        bytes[TARGET + (bit >> 3)]! ^= 1 << (bit & 7);
      }
    }
  }
});
