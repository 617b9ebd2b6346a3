import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeUtf8, encodeUtf8, formatHex, parseHex } from "../src/text.ts";

test("hexadecimal both ways", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => void expect(parseHex(formatHex(bytes))).toEqual(bytes)));
  expect(parseHex("DE ad\nbe EF")).toEqual(Uint8Array.of(0xde, 0xad, 0xbe, 0xef));
  for (const text of ["0", "0x00", "zz", "12 3"]) expect(parseHex(text)).toBeUndefined();
});

test("UTF-8 is what the platform makes of any string, lone surrogates included", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }), (a, b) => {
      const text = a + b;
      expect(encodeUtf8(text)).toEqual(new Uint8Array(new TextEncoder().encode(text)));
      expect(decodeUtf8(encodeUtf8(text))).toBe(text.toWellFormed());
    }),
  );
  expect(encodeUtf8("\ud800x")).toEqual(new Uint8Array(new TextEncoder().encode("\ud800x")));
});

test("decoding agrees with the platform's strict decoder on any bytes", () => {
  const strict = (bytes: Uint8Array): string | undefined => {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return undefined;
    }
  };
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 8 }),
      (bytes) => void expect(decodeUtf8(bytes)).toBe(strict(bytes)),
    ),
    {
      numRuns: 2000,
    },
  );
  // RFC 3629 §10: overlong forms; §3: surrogates; §4: past U+10FFFF
  for (const hex of ["c080", "e08080", "f0808080", "eda080", "f4908080", "f5808080", "80", "c2"]) {
    expect(decodeUtf8(parseHex(hex)!), hex).toBeUndefined();
  }
});
