/**
 * Chance as an argument. The gateway injects the operating system's generator; tests inject a seeded one.
 * Everything in a pure package that needs nonces, SPIs, IVs or jitter takes it from here.
 */
export interface Random {
  /** `length` fresh bytes, owned by the caller. */
  bytes(length: number): Uint8Array;
  /** A uniform integer in [0, bound), bound at most 2^32. */
  below(bound: number): number;
}

/** xoshiro128** seeded by splitmix32: repeatable, fast, and of no use for secrets. Tests only. */
export function seededRandom(seed: number): Random {
  let z = seed >>> 0;
  const split = (): number => {
    z = (z + 0x9e3779b9) >>> 0;
    let t = z ^ (z >>> 16);
    t = Math.imul(t, 0x21f0aaad);
    t ^= t >>> 15;
    t = Math.imul(t, 0x735a2d97);
    return (t ^ (t >>> 15)) >>> 0;
  };
  let a = split();
  let b = split();
  let c = split();
  let d = split();
  const next = (): number => {
    const x = Math.imul(b, 5);
    const result = Math.imul((x << 7) | (x >>> 25), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = (d << 11) | (d >>> 21);
    return result;
  };
  return {
    bytes(length) {
      const out = new Uint8Array(length);
      for (let i = 0; i < length; i++) out[i] = next() & 0xff;
      return out;
    },
    below(bound) {
      // Rejection keeps it uniform.
      const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound);
      let v = next();
      while (v >= limit) v = next();
      return v % bound;
    },
  };
}
