/**
 * Many short byte strings in few large buffers: a string costs no object, and none ever moves.
 *
 *      chunk of 256 KB:  | 16 | 16 | 16 | ...        a string takes whole grains of 16 bytes
 *
 * A place that is given back serves the next string of as many grains. Places are numbers: chunk and grain.
 */
const GRAIN_BITS = 4;
const CHUNK_GRAINS = 1 << 14;
const GRAIN_MASK: number = CHUNK_GRAINS - 1;

export class ByteArena {
  readonly #chunks: Uint8Array[] = [];
  /** The first grain of the last chunk that was never used. */
  #fresh = CHUNK_GRAINS;
  /** Places that were given back, by grains. */
  readonly #free: (number[] | undefined)[] = [];
  #live = 0;

  /** Bytes taken from the system. */
  get capacity(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  /** A copy of bytes[start..end); the place to find it again. */
  put(bytes: Uint8Array, start: number, end: number): number {
    const place = this.#take(grainsOf(end - start));
    const chunk = this.#chunks[place >>> 14]!;
    let at = (place & GRAIN_MASK) << GRAIN_BITS;
    for (let i = start; i < end; i++) chunk[at++] = bytes[i]!;
    this.#live++;
    return place;
  }

  /** Gives a place back; `length` is what `put` was given. Views of it mean nothing from here on. */
  drop(place: number, length: number): void {
    if (--this.#live === 0) {
      this.#chunks.length = 0;
      this.#free.length = 0;
      this.#fresh = CHUNK_GRAINS;
      return;
    }
    const grains = grainsOf(length);
    const list = this.#free[grains];
    if (list === undefined) this.#free[grains] = [place];
    else list.push(place);
  }

  /** The bytes themselves: read them, do not keep them longer than the place is held. */
  view(place: number, length: number): Uint8Array {
    const at = (place & GRAIN_MASK) << GRAIN_BITS;
    return this.#chunks[place >>> 14]!.subarray(at, at + length);
  }

  /** Whether `length` bytes at the place are those at `start`. */
  equals(place: number, length: number, bytes: Uint8Array, start: number): boolean {
    const chunk = this.#chunks[place >>> 14]!;
    const at = (place & GRAIN_MASK) << GRAIN_BITS;
    let i = 0;
    while (i < length && chunk[at + i] === bytes[start + i]) i++;
    return i === length;
  }

  #take(grains: number): number {
    const used = this.#free[grains]?.pop();
    if (used !== undefined) return used;
    if (this.#fresh + grains > CHUNK_GRAINS) {
      this.#chunks.push(new Uint8Array(Math.max(grains, CHUNK_GRAINS) << GRAIN_BITS));
      this.#fresh = 0;
    }
    const place = ((this.#chunks.length - 1) << 14) | this.#fresh;
    this.#fresh += grains;
    return place;
  }
}

/** The empty string takes a grain too, so that its place is its own. */
const grainsOf = (length: number): number => Math.max(1, (length + 15) >> GRAIN_BITS);
