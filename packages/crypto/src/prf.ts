/** Pseudo-random functions (RFC 7296 §2.13) and integrity algorithms (RFC 4868, RFC 2403, RFC 2404). */

import { INTEGRITY, PRF_HASH, prfOutputLength } from "./algorithm-sizes.ts";
import type { HashName, IntegrityName, PrfName } from "./algorithms.ts";
import type { Primitives } from "./primitives.ts";
import { type SecretBytes, secretBytes } from "./secret-bytes.ts";

export interface PrfFunctions {
  hash(name: HashName, ...data: readonly Uint8Array[]): Uint8Array;
  /** prf(key, data | data | ...): the parts are concatenated. */
  prf(name: PrfName, key: Uint8Array, ...data: readonly Uint8Array[]): Uint8Array;
  /** prf+(key, seed), cut at `length` bytes; `length` beyond 255 blocks is a programmer's error and throws. */
  prfPlus(name: PrfName, key: Uint8Array, seed: Uint8Array, length: number): SecretBytes;
  /** The ICV, cut to the algorithm's length. `none` gives an empty array. */
  integ(name: IntegrityName, key: Uint8Array, ...data: readonly Uint8Array[]): Uint8Array;
}

export function prfFunctions(primitives: Primitives): PrfFunctions {
  const prf = (name: PrfName, key: Uint8Array, ...data: readonly Uint8Array[]): Uint8Array =>
    primitives.hmac(PRF_HASH[name], key, ...data);
  return {
    hash: primitives.hash,
    prf,
    prfPlus(name, key, seed, length) {
      const block = prfOutputLength(name);
      const blocks = Math.ceil(length / block);
      if (blocks > 255) throw new RangeError(`prf+ cannot give ${length} bytes (RFC 7296 §2.13)`);
      const out = new Uint8Array(blocks * block);
      let previous = new Uint8Array(0);
      for (let i = 1; i <= blocks; i++) {
        previous = Uint8Array.from(prf(name, key, previous, seed, Uint8Array.of(i)));
        out.set(previous, (i - 1) * block);
      }
      return secretBytes(out.subarray(0, length));
    },
    integ(name, key, ...data) {
      if (name === "none") return new Uint8Array(0);
      const { hash, icvLength } = INTEGRITY[name];
      return primitives.hmac(hash, key, ...data).slice(0, icvLength);
    },
  };
}
