import { checkPrimeSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { powMod } from "../src/mod-power.ts";
import { MODP_GROUPS, type ModpName } from "../src/modp-groups.ts";

/** floor(2^bits * pi) by Machin's formula, with guard bits. */
function piBits(bits: number): bigint {
  const one = 1n << BigInt(bits + 64);
  const arctanInverse = (x: bigint): bigint => {
    let sum = 0n;
    let term = one / x;
    for (let n = 1n; term !== 0n; n += 2n) {
      sum += n % 4n === 1n ? term / n : -(term / n);
      term /= x * x;
    }
    return sum;
  };
  return (4n * (4n * arctanInverse(5n) - arctanInverse(239n))) >> 64n;
}

/** The additive constants of RFC 2409 §6.1-6.2 and RFC 3526 §2-5. */
const FROM_PI: [ModpName, number, bigint][] = [
  ["modp768", 768, 149686n],
  ["modp1024", 1024, 129093n],
  ["modp1536", 1536, 741804n],
  ["modp2048", 2048, 124476n],
  ["modp3072", 3072, 1690314n],
  ["modp4096", 4096, 240904n],
];

describe("MODP groups", () => {
  it.each(FROM_PI)("%s is the prime that its RFC defines", (name, n, constant) => {
    const bits = BigInt(n);
    const prime = (1n << bits) - (1n << (bits - 64n)) - 1n + (1n << 64n) * (piBits(n - 130) + constant);
    const group = MODP_GROUPS[name];
    expect(group.primeHex).toBe(prime.toString(16));
    expect(group.length).toBe(n / 8);
    expect(BigInt(`0x${group.generatorHex}`)).toBe(2n);
  });

  it("modp2048s256 has the prime order subgroup that RFC 5114 §2.3 says", () => {
    const { primeHex, generatorHex, orderHex, length } = MODP_GROUPS.modp2048s256;
    const [p, g, q] = [primeHex, generatorHex, orderHex!].map((hex) => BigInt(`0x${hex}`)) as [
      bigint,
      bigint,
      bigint,
    ];
    expect(length).toBe(256);
    expect([p.toString(2).length, q.toString(2).length]).toEqual([2048, 256]);
    expect(primeHex.startsWith("87a8e61db4b6663cffbbd19c65195999")).toBe(true);
    expect(checkPrimeSync(p)).toBe(true);
    expect(checkPrimeSync(q)).toBe(true);
    expect((p - 1n) % q).toBe(0n);
    expect(g).not.toBe(1n);
    expect(powMod(g, q, p)).toBe(1n);
  });
});
