/**
 * The Internet checksum (RFC 1071) over arena memory. A sum is taken over little-endian 16-bit words, which commutes with
 * the byte swap; `store` writes it as it is to be on the wire. All sums stay below 2^53, so folding is done once at the end.
 */
import type { Arena } from "@tandem/linux";
import { sumBytes, swapWord, updateChecksum as updatedChecksum } from "@tandem/wire";
import { instantiateChecksum, type WasmMemory } from "./wasm-checksum.ts";

/** The passes over packet bytes that are worth WebAssembly: sums, copies with sums, and the comparison of headers. */
export interface Checksum {
  /** Adds `length` bytes at `offset` to `sum` (little-endian words, not folded). */
  add(sum: number, offset: number, length: number): number;
  /** The same while the bytes are copied to `target`, which must not overlap them. */
  copy(sum: number, target: number, offset: number, length: number): number;
  /**
   * The same to behind `headerLength` bytes from `header`, which are copied to `target` and not added. The 15 bytes behind the
   * headers must be readable; those behind both are overwritten.
   */
  assemble(
    sum: number,
    target: number,
    header: number,
    headerLength: number,
    offset: number,
    length: number,
  ): number;
  /**
   * Whether the bytes at `a` and `b` differ where those at `mask` have ones. The 15 bytes behind the last ones must be readable,
   * and zeros in the mask.
   */
  differs(a: number, b: number, mask: number, length: number): boolean;
}

/** Portable version, over words of 32 bits where the address allows. */
export function wordChecksum(arena: Pick<Arena, "bytes" | "words">): Checksum {
  const { bytes, words } = arena;
  const checksum: Checksum = {
    copy(sum, target, offset, length) {
      bytes.copyWithin(target, offset, offset + length);
      return checksum.add(sum, offset, length);
    },
    assemble(sum, target, header, headerLength, offset, length) {
      bytes.copyWithin(target, header, header + headerLength);
      return checksum.copy(sum, target + headerLength, offset, length);
    },
    differs(a, b, mask, length) {
      for (let i = 0; i < length; i++)
        if (((bytes[a + i]! ^ bytes[b + i]!) & bytes[mask + i]!) !== 0) return true;
      return false;
    },
    add: (sum, offset, length) => sumBytes(bytes, words, offset, length, sum),
  };
  return checksum;
}

/** The version with SIMD; `memory` is the arena's. */
export function simdChecksum(memory: WasmMemory): Checksum {
  const { sum: sumOf, copy, assemble, differs } = instantiateChecksum(memory);
  return {
    add: (sum, offset, length) => sum + sumOf(offset, length),
    copy: (sum, target, offset, length) => sum + copy(target, offset, length),
    assemble: (sum, target, header, headerLength, offset, length) =>
      sum + assemble(target, offset, length, header, headerLength),
    differs: (a, b, mask, length) => differs(a, b, mask, length) !== 0,
  };
}

/** Folds a sum to 16 bits. wire's `foldSum` with integer operations: sums of one packet fit them, and this runs for each. */
export function fold(sum: number): number {
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 65536);
  return sum;
}

/** A 16-bit big-endian value as a summand. */
export const swap16: (value: number) => number = swapWord;

/** RFC 1624 update in place of the big-endian checksum at `at` when a 16-bit word of the data changes. */
export function updateChecksum(view: DataView, at: number, before: number, after: number): void {
  view.setUint16(at, updatedChecksum(view.getUint16(at), before, after));
}
