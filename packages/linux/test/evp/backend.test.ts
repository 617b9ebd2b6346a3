import { createDecipheriv, createHmac, randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createArena } from "../../src/arena.ts";
import type { CipherKeys, CipherSuite } from "../../src/packet-cipher.ts";
import { BACKENDS } from "../backends.ts";

// Provenance: every packet is checked against node:crypto's one-shot interface, computed from the RFCs' formulas here.

const arena = createArena(1 << 20);
const HEADER = 4096;
const PLAIN = 65536;
const SPI = 0xc0ffee01;

const aeads: CipherSuite[] = [
  { encryption: "aes-gcm-16", keyBits: 128, integrity: "none" },
  { encryption: "aes-gcm-16", keyBits: 192, integrity: "none" },
  { encryption: "aes-gcm-16", keyBits: 256, integrity: "none" },
  { encryption: "chacha20-poly1305", keyBits: 256, integrity: "none" },
];
const hashes = {
  "hmac-md5-96": ["md5", 16, 12],
  "hmac-sha1-96": ["sha1", 20, 12],
  "hmac-sha256-128": ["sha256", 32, 16],
  "hmac-sha384-192": ["sha384", 48, 24],
  "hmac-sha512-256": ["sha512", 64, 32],
} as const;
const macs: CipherSuite[] = (Object.keys(hashes) as (keyof typeof hashes)[]).flatMap((integrity) => [
  { encryption: "aes-cbc", keyBits: 128, integrity },
  { encryption: "aes-cbc", keyBits: 192, integrity },
  { encryption: "aes-cbc", keyBits: 256, integrity },
  { encryption: "3des-cbc", keyBits: 192, integrity },
  { encryption: "null", keyBits: 0, integrity },
]);
const cases = [...aeads, ...macs].flatMap((suite) => [
  { suite, esn: false },
  { suite, esn: true },
]);
const title = (suite: CipherSuite): string => `${suite.encryption} ${suite.keyBits} ${suite.integrity}`;

function makeKeys(suite: CipherSuite): CipherKeys {
  const aead = suite.integrity === "none";
  return {
    encryption: randomBytes(suite.keyBits / 8),
    salt: aead ? randomBytes(4) : new Uint8Array(0),
    integrity: suite.integrity === "none" ? new Uint8Array(0) : randomBytes(hashes[suite.integrity][1]),
  };
}

function u32(...values: number[]): Buffer {
  const out = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) out.writeUInt32BE(value, 4 * i);
  return out;
}

/** Decrypts a packet with node:crypto; undefined when it does not verify. */
function reference(
  packet: Buffer,
  suite: CipherSuite,
  esn: boolean,
  keys: CipherKeys,
  high: number,
): Buffer | undefined {
  if (suite.integrity === "none") {
    const name = suite.encryption === "aes-gcm-16" ? `aes-${suite.keyBits}-gcm` : "chacha20-poly1305";
    const nonce = Buffer.concat([keys.salt, packet.subarray(8, 16)]);
    const decipher = createDecipheriv(name as "aes-128-gcm", keys.encryption, nonce, { authTagLength: 16 });
    const text = packet.subarray(16, -16);
    const [spi, low] = [packet.readUInt32BE(0), packet.readUInt32BE(4)];
    decipher.setAAD(esn ? u32(spi, high, low) : u32(spi, low), { plaintextLength: text.length });
    decipher.setAuthTag(packet.subarray(-16));
    return Buffer.concat([decipher.update(text), decipher.final()]);
  }
  const [hash, , icv] = hashes[suite.integrity];
  const mac = createHmac(hash, keys.integrity).update(packet.subarray(0, -icv));
  if (esn) mac.update(u32(high));
  if (!mac.digest().subarray(0, icv).equals(packet.subarray(-icv))) return undefined;
  const body = packet.subarray(8, -icv);
  if (suite.encryption === "null") return body;
  const block = suite.encryption === "aes-cbc" ? 16 : 8;
  const name = suite.encryption === "aes-cbc" ? `aes-${suite.keyBits}-cbc` : "des-ede3-cbc";
  const decipher = createDecipheriv(name, keys.encryption, body.subarray(0, block)).setAutoPadding(false);
  return Buffer.concat([decipher.update(body.subarray(block)), decipher.final()]);
}

describe.each(BACKENDS)("%s", (_name, createBackend) => {
  const backend = createBackend();

  test.each(cases)(
    "$suite.encryption $suite.keyBits $suite.integrity, ESN $esn: seals as the RFCs say, opens, refuses what was touched",
    ({ suite, esn }) => {
      const keys = makeKeys(suite);
      const seal = backend.create("seal", suite, esn, keys, arena);
      const open = backend.create("open", suite, esn, keys, arena);
      const high = esn ? 5 : 0;
      for (const length of [16, 48, 1424, 9008]) {
        const plain = randomBytes(length);
        arena.bytes.set(plain, PLAIN);
        arena.view.setUint32(HEADER, SPI);
        arena.view.setUint32(HEADER + 4, 7);
        const total = seal.seal(HEADER, PLAIN, length, high, 7);
        expect(total).toBe(8 + seal.ivLength + length + seal.icvLength);
        const packet = Buffer.from(arena.bytes.slice(HEADER, HEADER + total));
        expect(reference(packet, suite, esn, keys, high)?.equals(plain)).toBe(true);

        expect(open.open(HEADER, total, high)).toBe(length);
        const at = HEADER + 8 + open.ivLength;
        expect(Buffer.from(arena.bytes.slice(at, at + length)).equals(plain)).toBe(true);

        for (const touched of [0, 5, 8 + open.ivLength, total - 1]) {
          arena.bytes.set(packet, HEADER);
          arena.bytes[HEADER + touched]! ^= 1;
          expect(open.open(HEADER, total, high)).toBe(-1);
          const left = Buffer.from(arena.bytes.slice(at, at + length));
          if (suite.encryption !== "null") expect(left.includes(plain.subarray(0, 16))).toBe(false);
        }
        if (esn) {
          arena.bytes.set(packet, HEADER);
          expect(open.open(HEADER, total, high + 1)).toBe(-1);
        }
        arena.bytes.set(packet, HEADER);
        for (const short of [0, 8, 8 + open.ivLength + open.icvLength - 1])
          expect(open.open(HEADER, short, high)).toBe(-1);
      }
      seal.destroy();
      seal.destroy();
      open.destroy();
    },
  );

  test("AEAD: the plaintext of a forged packet is zeroed, and the IV is the 64-bit sequence number", () => {
    const suite = aeads[0]!;
    const keys = makeKeys(suite);
    const seal = backend.create("seal", suite, true, keys, arena);
    const open = backend.create("open", suite, true, keys, arena);
    arena.bytes.fill(7, PLAIN, PLAIN + 64);
    const total = seal.seal(HEADER, PLAIN, 64, 0x01020304, 0x05060708);
    expect(Buffer.from(arena.bytes.slice(HEADER + 8, HEADER + 16)).toString("hex")).toBe("0102030405060708");
    arena.bytes[HEADER + total - 1]! ^= 0x80;
    expect(open.open(HEADER, total, 0x01020304)).toBe(-1);
    expect(arena.bytes.slice(HEADER + 16, HEADER + 80).every((byte) => byte === 0)).toBe(true);
  });

  test("CBC: no two packets share an IV, also across refills of the pool", () => {
    const suite: CipherSuite = { encryption: "aes-cbc", keyBits: 128, integrity: "hmac-sha256-128" };
    const seal = backend.create("seal", suite, false, makeKeys(suite), arena);
    const seen = new Set<string>();
    for (let i = 0; i < 5000; i++) {
      seal.seal(HEADER, PLAIN, 16, 0, i);
      seen.add(Buffer.from(arena.bytes.slice(HEADER + 8, HEADER + 24)).toString("hex"));
    }
    expect(seen.size).toBe(5000);
    expect(seal.seal(HEADER, PLAIN, 17, 0, 1)).toBe(-1);
  });

  test("sealing in place and from elsewhere gives the same bytes", () => {
    for (const suite of [aeads[0]!, aeads[3]!]) {
      const seal = backend.create("seal", suite, false, makeKeys(suite), arena);
      const plain = randomBytes(100);
      arena.bytes.set(plain, PLAIN);
      const total = seal.seal(HEADER, PLAIN, 100, 0, 1);
      const apart = arena.bytes.slice(HEADER, HEADER + total);
      arena.bytes.set(plain, HEADER + 16);
      seal.seal(HEADER, HEADER + 16, 100, 0, 1);
      expect(arena.bytes.slice(HEADER, HEADER + total), title(suite)).toEqual(apart);
    }
  });

  test("refuses by name what it cannot do", () => {
    const none = new Uint8Array(0);
    const keys = { encryption: new Uint8Array(8), salt: none, integrity: new Uint8Array(20) };
    const des = { encryption: "des-cbc", keyBits: 64, integrity: "hmac-sha1-96" } as const;
    expect(() => backend.create("seal", des, false, keys, arena)).toThrow(/has no DES-CBC/);
    expect(() => backend.create("seal", aeads[0]!, false, keys, arena)).toThrow(
      /128 bits got a key of 64 bits/,
    );
    const short = { encryption: new Uint8Array(16), salt: none, integrity: new Uint8Array(19) };
    const cbc = { encryption: "aes-cbc", keyBits: 128, integrity: "hmac-sha1-96" } as const;
    expect(() => backend.create("seal", cbc, false, short, arena)).toThrow(/needs a key of 20 bytes, not 19/);
    expect(() => backend.create("seal", aeads[0]!, false, short, arena)).toThrow(/salt of 4 bytes/);
  });
});
