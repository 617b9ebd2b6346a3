/**
 * The Internet checksum (RFC 1071) over arena memory. A sum is taken over little-endian 16-bit words, which commutes with
 * the byte swap; `store` writes it as it is to be on the wire. All sums stay below 2^53, so folding is done once at the end.
 */
import type { Arena } from "@tandem/linux";
import { instantiateChecksum, type WasmMemory } from "./wasm-checksum.ts";

export interface Checksum {
  /** Adds `length` bytes at `offset` to `sum` (little-endian words, not folded). */
  add(sum: number, offset: number, length: number): number;
  /** The same while the bytes are copied to `target`, which must not overlap them. */
  copy(sum: number, target: number, offset: number, length: number): number;
}

/** Portable version, over words of 32 bits where the address allows. */
export function wordChecksum(arena: Pick<Arena, "bytes" | "view" | "words">): Checksum {
  const { bytes, view, words } = arena;
  const checksum: Checksum = {
    copy(sum, target, offset, length) {
      bytes.copyWithin(target, offset, offset + length);
      return checksum.add(sum, offset, length);
    },
    add(sum, offset, length) {
      let at = offset;
      const end = offset + length;
      if ((at & 1) !== 0) {
        // Odd start: words straddle the 32-bit grid. Rare: headers and payloads of even MSS start even.
        for (; at + 1 < end; at += 2) sum += view.getUint16(at, true);
        return at < end ? sum + bytes[at]! : sum;
      }
      if ((at & 2) !== 0 && at + 1 < end) {
        sum += view.getUint16(at, true);
        at += 2;
      }
      let low = 0;
      let high = 0;
      const stop = at + ((end - at) & ~3);
      for (let i = at >> 2; i < stop >> 2; i++) {
        const word = words[i]!;
        low += word & 0xffff;
        high += word >>> 16;
      }
      sum += low + high;
      at = stop;
      if (at + 1 < end) {
        sum += view.getUint16(at, true);
        at += 2;
      }
      return at < end ? sum + bytes[at]! : sum;
    },
  };
  return checksum;
}

/** The version with SIMD; `memory` is the arena's. */
export function simdChecksum(memory: WasmMemory): Checksum {
  const { sum: sumOf, copy } = instantiateChecksum(memory);
  return {
    add: (sum, offset, length) => sum + sumOf(offset, length),
    copy: (sum, target, offset, length) => sum + copy(target, offset, length),
  };
}

/** Folds a sum to 16 bits. */
export function fold(sum: number): number {
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 65536);
  return sum;
}

/** A 16-bit big-endian value as a summand. */
export const swap16 = (value: number): number => ((value & 0xff) << 8) | ((value >>> 8) & 0xff);

/** RFC 1624 update in place of the big-endian checksum at `at` when a 16-bit word of the data changes. */
export function updateChecksum(view: DataView, at: number, before: number, after: number): void {
  const sum = (~view.getUint16(at) & 0xffff) + (~before & 0xffff) + after;
  view.setUint16(at, ~fold(sum) & 0xffff);
}
