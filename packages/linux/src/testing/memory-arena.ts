import type { OwnedArena } from "../arena.ts";

/** An arena without mmap: `base` is 0, so only twins can use it. */
export function createMemoryArena(length: number = 1 << 20): OwnedArena {
  const buffer = new ArrayBuffer(Math.ceil(length / 4) * 4);
  let next = 0;
  return {
    base: 0,
    length: buffer.byteLength,
    bytes: new Uint8Array(buffer),
    view: new DataView(buffer),
    words: new Uint32Array(buffer),
    allocate(wanted, alignment = 64) {
      const at = Math.ceil(next / alignment) * alignment;
      if (at + wanted > buffer.byteLength) {
        throw new RangeError(
          `the arena has ${buffer.byteLength - next} of ${buffer.byteLength} bytes left and ${wanted} are asked for`,
        );
      }
      next = at + wanted;
      return at;
    },
  };
}
