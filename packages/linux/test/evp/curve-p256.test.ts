import { createECDH, randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { openCurveP256 } from "../../src/evp/curve-p256.ts";

const curve = openCurveP256()!;
const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/\s+/g, ""), "hex"));

describe("P-256 by OpenSSL's EC functions", () => {
  it("is there in the Node that runs this", () => expect(curve).toBeDefined());

  it("gives the example of RFC 5903 §8.1", () => {
    const i = hex("C88F01F5 10D9AC3F 70A292DA A2316DE5 44E9AAB8 AFE84049 C62A9C57 862D1433");
    const gi = hex(`DAD0B653 94221CF9 B051E1FE CA5787D0 98DFE637 FC90B9EF 945D0C37 72581180
                    5271A046 1CDB8252 D61F1C45 6FA3E59A B1F45B33 ACCF5F58 389E0577 B8990BB3`);
    const r = hex("C6EF9C5D 78AE012A 011164AC B397CE20 88685D8F 06BF9BE0 B283AB46 476BEE53");
    const gr = hex(`D12DFB52 89C8D4F8 1208B702 70398C34 2296970A 0BCCB74C 736FC755 4494BF63
                    56FBF3CA 366CC23E 8157854C 13C58D6A AC23F046 ADA30F83 53E74F33 039872AB`);
    const gir = hex("D6840F6B 42F6EDAF D13116E0 E1256520 2FEF8E9E CE7DCE03 812464D0 4B9442DE");
    expect(curve.publicValue(i)).toEqual(gi);
    expect(curve.publicValue(r)).toEqual(gr);
    expect(curve.agree(i, gr)).toEqual(gir);
    expect(curve.agree(r, gi)).toEqual(gir);
  });

  it("agrees with node:crypto for random keys", () => {
    for (let n = 0; n < 50; n++) {
      const [a, b] = [createECDH("prime256v1"), createECDH("prime256v1")];
      a.generateKeys();
      b.generateKeys();
      const key = Buffer.alloc(32);
      a.getPrivateKey().copy(key, 32 - a.getPrivateKey().length);
      expect(Buffer.from(curve.publicValue(key))).toEqual(a.getPublicKey().subarray(1));
      expect(Buffer.from(curve.agree(key, b.getPublicKey().subarray(1))!)).toEqual(
        a.computeSecret(b.getPublicKey()),
      );
    }
  });

  it("refuses what is no point of the curve, and goes on", () => {
    const key = randomBytes(32).fill(1, 0, 1);
    const good = createECDH("prime256v1").generateKeys().subarray(1);
    for (let i = 0; i < 64; i++) {
      const bad = Uint8Array.from(good);
      bad[i]! ^= 1;
      expect(curve.agree(key, bad)).toBeUndefined();
    }
    for (const bad of [
      new Uint8Array(64),
      new Uint8Array(64).fill(0xff),
      good.subarray(1),
      new Uint8Array(0),
    ])
      expect(curve.agree(key, bad)).toBeUndefined();
    expect(curve.agree(key, good)).toHaveLength(32);
    // Nothing is left in OpenSSL's queue of errors for the next caller.
    expect(createECDH("prime256v1").generateKeys()).toHaveLength(65);
  });
});
