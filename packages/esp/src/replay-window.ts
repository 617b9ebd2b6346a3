/**
 * Anti-replay window over a ring of words: RFC 4303 §3.4.3 as RFC 6479 does it (moving the window clears whole words
 * instead of shifting bits), with extended sequence numbers (RFC 4303 §2.2.1 and appendix A2).
 *
 *      word ring, one word more than the window needs
 *      ┌────┬────┬────┬────┬────┐
 *      │    │    │ ▲  │    │    │      ▲ holds the highest number authenticated so far (`top`)
 *      └────┴────┴────┴────┴────┘
 *
 * `check` runs before decryption and changes nothing; `commit` runs only after the ICV has verified.
 * Numbers are doubles, exact up to 2^53; state is kept in typed arrays, so nothing is allocated per packet.
 */
import { DropReason } from "./drop-reason.ts";

const TWO_32 = 0x1_0000_0000;
const REPLAY_SEEN = DropReason["replay-seen"];
const REPLAY_TOO_OLD = DropReason["replay-too-old"];

/** Implementation limits: powers of two so that the ring index is a mask. */
export const REPLAY_WINDOW_MIN = 64;
export const REPLAY_WINDOW_MAX = 4096;

export class ReplayWindow {
  /** Numbers in [top - size + 1, top] are remembered; 0 turns the check off. */
  readonly size: number;
  readonly #esn: boolean;
  readonly #words: Uint32Array;
  readonly #mask: number;
  readonly #top = new Float64Array(1);

  /** `size` is rounded up to a multiple of 32 and clamped to 64..4096; 0 turns the check off. */
  constructor(size: number, esn: boolean) {
    this.size =
      size === 0 ? 0 : Math.min(REPLAY_WINDOW_MAX, Math.max(REPLAY_WINDOW_MIN, Math.ceil(size / 32) * 32));
    this.#esn = esn;
    let words = 2;
    while (words * 32 < this.size + 32) words *= 2;
    this.#words = new Uint32Array(words);
    this.#mask = words - 1;
  }

  /** The highest number committed; 0 before the first. */
  get top(): number {
    return this.#top[0]!;
  }

  /**
   * The full sequence number that a packet with low half `low` has (RFC 4303 appendix A2.2). Without ESN it is `low` itself.
   * The guess is confirmed by the ICV, which covers the high half.
   */
  infer(low: number): number {
    if (!this.#esn) return low;
    const top = this.#top[0]!;
    const topHigh = Math.floor(top / TWO_32);
    const topLow = top - topHigh * TWO_32;
    // With the check off the window still decides which subspace a number lies in.
    const size = this.size === 0 ? REPLAY_WINDOW_MAX : this.size;
    const bottom = topLow - size + 1;
    if (bottom >= 0) return (low >= bottom ? topHigh : topHigh + 1) * TWO_32 + low;
    // The window spans two subspaces: a low half past its lower edge belongs to the earlier one.
    return (low >= bottom + TWO_32 && topHigh > 0 ? topHigh - 1 : topHigh) * TWO_32 + low;
  }

  /** 0 when `sequence` may be new, else the DropReason. To be called before decryption. */
  check(sequence: number): number {
    if (this.size === 0) return 0;
    if (sequence === 0) return REPLAY_SEEN; // RFC 4303 §3.3.3: the first packet has number 1
    const top = this.#top[0]!;
    if (sequence > top) return 0;
    if (sequence <= top - this.size) return REPLAY_TOO_OLD;
    const low = sequence >>> 0; // the ring is a power of two, so the low half tells the place
    return (this.#words[(low >>> 5) & this.#mask]! & (1 << (low & 31))) === 0 ? 0 : REPLAY_SEEN;
  }

  /** Marks `sequence` as seen. Only after the ICV has verified, and only after `check` gave 0 in the same call chain. */
  commit(sequence: number): void {
    const top = this.#top[0]!;
    const low = sequence >>> 0;
    const index = (low >>> 5) & this.#mask;
    if (sequence > top) {
      const topIndex = ((top >>> 0) >>> 5) & this.#mask;
      if (sequence - top >= this.#words.length * 32 - 32) this.#words.fill(0);
      else for (let i = index; i !== topIndex; i = (i - 1) & this.#mask) this.#words[i] = 0;
      this.#top[0] = sequence;
    }
    this.#words[index] = this.#words[index]! | (1 << (low & 31));
  }

  /** Bit k (least significant first) of the bitmap tells whether `top - k` was seen. A copy, owned by the caller. */
  export(): { readonly top: number; readonly bitmap: Uint8Array } {
    const top = this.#top[0]!;
    const bitmap = new Uint8Array(this.size / 8);
    for (let k = 0; k < this.size && top - k >= 1; k++) {
      if (this.check(top - k) === REPLAY_SEEN) bitmap[k >> 3] = bitmap[k >> 3]! | (1 << (k & 7));
    }
    return { top, bitmap };
  }

  /** Besides what was seen here, what `state` has seen is seen. Both are of the same SA. */
  merge(state: { readonly top: number; readonly bitmap: Uint8Array }): void {
    const own = this.export();
    const [newer, older] = own.top >= state.top ? [own, state] : [state, own];
    if (newer !== own) this.adopt(newer);
    for (let k = 0; k < older.bitmap.length * 8 && older.top - k >= 1; k++) {
      const sequence = older.top - k;
      if ((older.bitmap[k >> 3]! & (1 << (k & 7))) !== 0 && this.check(sequence) === 0) this.commit(sequence);
    }
  }

  /** Takes over an exported state; a bitmap from a window of another size is cut or counts as unseen beyond its end. */
  adopt(state: { readonly top: number; readonly bitmap: Uint8Array }): void {
    this.#words.fill(0);
    this.#top[0] = state.top;
    const bits = Math.min(this.size, state.bitmap.length * 8);
    for (let k = 0; k < bits && state.top - k >= 1; k++) {
      if ((state.bitmap[k >> 3]! & (1 << (k & 7))) !== 0) this.commit(state.top - k);
    }
  }
}
