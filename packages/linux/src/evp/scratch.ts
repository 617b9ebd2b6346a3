/** Small fixed memory for nonces, lengths and tags of the ciphers of this isolate, apart from the packets. */
import { createArena, type OwnedArena } from "../arena.ts";

export const SLOT_LENGTH = 256;

let memory: OwnedArena | undefined;
const free: number[] = [];

export interface ScratchSlot {
  readonly arena: OwnedArena;
  /** Offset of SLOT_LENGTH bytes. */
  readonly at: number;
  release(): void;
}

export function takeScratchSlot(): ScratchSlot {
  memory ??= createArena(4 << 20); // 16,000 ciphers; untouched pages cost nothing
  const arena = memory;
  const at = free.pop() ?? arena.allocate(SLOT_LENGTH);
  return {
    arena,
    at,
    release() {
      arena.bytes.fill(0, at, at + SLOT_LENGTH);
      free.push(at);
    },
  };
}
