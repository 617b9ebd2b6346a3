import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checksumOf, finishChecksum, foldSum, sumBytes, updateChecksum } from "../src/checksum.ts";
import { parseHex } from "../src/text.ts";

/** RFC 1071 §1 as it stands: big-endian words, end-around carry. */
function reference(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

describe("the Internet checksum", () => {
  test("RFC 1071 §3: the example's sum is ddf2", () => {
    const bytes = parseHex("0001 f203 f4f5 f6f7")!;
    expect(checksumOf(bytes)).toBe(~0xddf2 & 0xffff);
  });

  test("RFC 1624 §4: from 5555 to 3285 the checksum dd2f becomes 0000, never ffff", () => {
    expect(updateChecksum(0xdd2f, 0x5555, 0x3285)).toBe(0x0000);
  });

  test("equals the definition at every offset and length, with and without words", () => {
    const memory = new Uint8Array(4096);
    const words = new Uint32Array(memory.buffer);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.nat(64), (data, offset) => {
        memory.set(data, offset);
        const expected = reference(data);
        for (const view of [words, undefined]) {
          const little = finishChecksum(sumBytes(memory, view, offset, data.length, 0));
          expect(((little & 0xff) << 8) | (little >> 8)).toBe(expected);
        }
      }),
    );
  });

  test("64 KiB of ones do not overflow", () => {
    const memory = new Uint8Array(65536).fill(0xff);
    const words = new Uint32Array(memory.buffer);
    expect(foldSum(sumBytes(memory, words, 0, 65534, 0))).toBe(0xffff);
  });

  test("parts of even length add up to the whole", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 2, maxLength: 200 }), fc.nat(), (data, at) => {
        const cut = (at % data.length) & ~1;
        const whole = sumBytes(data, undefined, 0, data.length, 0);
        const parts = sumBytes(data, undefined, cut, data.length - cut, sumBytes(data, undefined, 0, cut, 0));
        expect(foldSum(parts)).toBe(foldSum(whole));
      }),
    );
  });

  test("an incremental update equals computing anew", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 20, maxLength: 20 }),
        fc.nat(9),
        fc.nat(0xffff),
        (data, word, value) => {
          fc.pre(data.some((byte) => byte !== 0) && value !== 0);
          const before = checksumOf(data);
          const old = (data[2 * word]! << 8) | data[2 * word + 1]!;
          data[2 * word] = value >> 8;
          data[2 * word + 1] = value & 0xff;
          expect(updateChecksum(before, old, value)).toBe(checksumOf(data));
        },
      ),
    );
  });
});
