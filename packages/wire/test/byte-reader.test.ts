import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteReader } from "../src/byte-reader.ts";
import { ByteWriter } from "../src/byte-writer.ts";

test("reads what the writer wrote, in network order", () => {
  const bytes = new ByteWriter(1)
    .u8(0x01)
    .u16(0x0203)
    .u24(0x040506)
    .u32(0xf7080910)
    .u64(0x1112131415161718n)
    .bytes(Uint8Array.of(1, 2))
    .zeros(1)
    .finish();
  expect(bytes.length).toBe(21);
  expect([...bytes.subarray(0, 6)]).toEqual([1, 2, 3, 4, 5, 6]);
  const reader = new ByteReader(bytes);
  expect([reader.u8(), reader.u16(), reader.u24(), reader.u32(), reader.u64()]).toEqual([
    0x01,
    0x0203,
    0x040506,
    0xf7080910,
    0x1112131415161718n,
  ]);
  expect([...reader.rest()]).toEqual([1, 2, 0]);
  expect(reader.failed).toBe(false);
});

test("a read past the end sets the flag, consumes nothing and stays failed", () => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3));
  expect(reader.u32()).toBe(0);
  expect(reader.failed).toBe(true);
  expect(reader.offset).toBe(0);
  expect(reader.u8()).toBe(0);
  expect(reader.bytes(1).length).toBe(0);
});

test("a sub-reader ends at its length, and has failed when the bytes are not there", () => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3, 4));
  const inner = reader.sub(2);
  expect([inner.u8(), inner.u8(), inner.remaining]).toEqual([1, 2, 0]);
  inner.u8();
  expect([inner.failed, reader.failed, reader.u8()]).toEqual([true, false, 3]);
  expect(reader.sub(2).failed).toBe(true);
});

test("reads respect the window and views that do not start their buffer", () => {
  const outer = Uint8Array.of(9, 9, 1, 2, 3, 9).subarray(2);
  const reader = new ByteReader(outer, 1, 3);
  expect([reader.offset, reader.remaining, reader.u16(), reader.offset]).toEqual([1, 2, 0x0203, 3]);
  expect(reader.failed).toBe(false);
});

test("fields are patched once their value is known", () => {
  const writer = new ByteWriter().u16(0).u32(0).u8(7);
  expect([...writer.patchU16(0, 0x0102).patchU32(2, 0x03040506).finish()]).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(() => writer.patchU32(4, 0)).toThrow(RangeError);
});

test("values that do not fit are a programmer's error", () => {
  const writer = new ByteWriter();
  for (const act of [
    () => writer.u8(256),
    () => writer.u16(-1),
    () => writer.u24(0x1000000),
    () => writer.u32(1.5),
    () => writer.u64(-1n),
  ]) {
    expect(act).toThrow(RangeError);
  }
});

test("never throws, never reads outside", () => {
  const operation = fc.tuple(
    fc.constantFrom("u8", "u16", "u24", "u32", "u64", "bytes", "skip", "sub"),
    fc.nat(40),
  );
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 64 }),
      fc.array(operation, { maxLength: 30 }),
      (bytes, operations) => {
        const reader = new ByteReader(bytes);
        for (const [name, length] of operations) {
          if (name === "bytes" || name === "skip" || name === "sub") reader[name](length);
          else reader[name]();
          expect(reader.offset + reader.remaining).toBe(bytes.length);
        }
      },
    ),
  );
});
