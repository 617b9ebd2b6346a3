/** The system's randomness in small pieces: an exchange asks for a dozen, and a call to the generator costs 2 us. */
import { randomFillSync } from "node:crypto";
import type { Random } from "@tandem/sansio";

const POOL_LENGTH = 4096;

export function systemRandom(): Random {
  const pool = new Uint8Array(POOL_LENGTH);
  let used = POOL_LENGTH;
  /** Each byte is given out once and wiped from the pool. */
  const bytes = (length: number): Uint8Array => {
    if (length > POOL_LENGTH / 4) return randomFillSync(new Uint8Array(length));
    if (used + length > POOL_LENGTH) {
      randomFillSync(pool);
      used = 0;
    }
    const piece = pool.slice(used, used + length);
    pool.fill(0, used, used + length);
    used += length;
    return piece;
  };
  const word = (): number => {
    const [a, b, c, d] = bytes(4);
    return (a! * 2 ** 24 + (b! << 16) + (c! << 8) + d!) >>> 0;
  };
  return {
    bytes,
    below(bound) {
      const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound);
      let value = word();
      while (value >= limit) value = word();
      return value % bound;
    },
  };
}
