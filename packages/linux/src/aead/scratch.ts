/** Small fixed memory for the keys, nonces, lengths and tags of the ciphers of this isolate, apart from the packets. */
import { createArena, type OwnedArena } from "../arena.ts";

export interface ScratchSlot {
  readonly arena: OwnedArena;
  /** Offset, aligned to 64. */
  readonly at: number;
  /** Wipes it. */
  release(): void;
}

/** Slots of one length; `capacity` of them at most, of which the untouched cost nothing. */
export function scratchPool(length: number, capacity: number): () => ScratchSlot {
  let memory: OwnedArena | undefined;
  const free: number[] = [];
  return () => {
    memory ??= createArena(length * capacity);
    const arena = memory;
    const at = free.pop() ?? arena.allocate(length);
    return {
      arena,
      at,
      release() {
        arena.bytes.fill(0, at, at + length);
        free.push(at);
      },
    };
  };
}

/** 256 bytes. */
export const takeScratchSlot: () => ScratchSlot = scratchPool(256, 16_384);
