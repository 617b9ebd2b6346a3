/**
 * Packet memory: one mmap between two guard pages, seen by JavaScript as bytes and by FFI calls as an address.
 *
 *      PROT_NONE │ bytes[0] ........................ bytes[length-1] │ PROT_NONE
 *      one page  │ base                                 base+length  │ one page
 *
 * An address formed past either end therefore faults at once; it never reads or writes a neighbour. The mapping lives as
 * long as the process: views in other isolates must stay valid. Another isolate attaches with the `shared` half.
 */
import koffi from "koffi";
import { errno, mmap, mprotect } from "./libc.ts";
import { LinuxError } from "./linux-error.ts";

export const DEFAULT_ARENA_LENGTH: number = 16 << 20;

const GUARD = 65536; // a multiple of every page size in use (4, 16 and 64 KiB)
const PROT_NONE = 0;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 0x01;
const MAP_ANONYMOUS = 0x20;
const MAP_NORESERVE = 0x4000;

/** What another isolate of this process needs to see the same memory; goes through `workerData` or a message. */
export interface SharedArena {
  readonly base: number;
  readonly length: number;
}

/** Memory as the packet path sees it. Offsets count from `bytes[0]`, whose address is `base`. */
export interface Arena extends SharedArena {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** The same memory as native-endian words, for checksums and counters; index = offset / 4. */
  readonly words: Uint32Array;
}

/** The creator's arena. Only it hands out regions, so two isolates never hand out the same one. */
export interface OwnedArena extends Arena {
  /** Offset of a fresh zeroed region; throws a RangeError when the arena is used up. `alignment` is a power of two. */
  allocate(length: number, alignment?: number): number;
}

export function createArena(length: number = DEFAULT_ARENA_LENGTH): OwnedArena {
  const size = Math.ceil(length / GUARD) * GUARD;
  const whole = Number(
    mmap(0, size + 2 * GUARD, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
  );
  if (whole > Number.MAX_SAFE_INTEGER) throw new LinuxError("mmap", errno(), `an arena of ${size} bytes`);
  const base = whole + GUARD;
  if (mprotect(base, size, PROT_READ_WRITE) !== 0) {
    throw new LinuxError("mprotect", errno(), `an arena of ${size} bytes`);
  }
  return { ...attachArena({ base, length: size }), allocate: regionAllocator(size) };
}

function regionAllocator(size: number): OwnedArena["allocate"] {
  let next = 0;
  return (wanted, alignment = 64) => {
    const at = Math.ceil(next / alignment) * alignment;
    if (at + wanted > size) {
      throw new RangeError(`the arena has ${size - next} of ${size} bytes left and ${wanted} are asked for`);
    }
    next = at + wanted;
    return at;
  };
}

/**
 * The same over memory that WebAssembly code shares: `memory` is the buffer of a WebAssembly.Memory whose initial size is
 * its maximum, so that it never moves (V8 puts it between guard regions of its own). The caller keeps the Memory alive.
 */
export function createArenaOver(memory: ArrayBuffer): OwnedArena {
  const bytes = new Uint8Array(memory);
  return {
    base: Number(koffi.address(bytes)),
    length: memory.byteLength,
    bytes,
    view: new DataView(memory),
    words: new Uint32Array(memory),
    allocate: regionAllocator(memory.byteLength),
  };
}

/** Views an arena of this process from another isolate. */
export function attachArena(shared: SharedArena): Arena {
  const buffer = koffi.view(BigInt(shared.base), shared.length);
  return {
    base: shared.base,
    length: shared.length,
    bytes: new Uint8Array(buffer),
    view: new DataView(buffer),
    words: new Uint32Array(buffer),
  };
}
