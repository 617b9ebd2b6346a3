import fc from "fast-check";
import { expect, test } from "vitest";
import { LinkType } from "../../src/pcapng/block.ts";
import { decodePcapng } from "../../src/pcapng/reader.ts";
import { type CapturedPacket, PcapngWriter } from "../../src/pcapng/writer.ts";
import { formatHex } from "../../src/text.ts";

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}

test("writes the blocks as draft-ietf-opsawg-pcapng §4 draws them", () => {
  const writer = new PcapngWriter();
  expect(formatHex(writer.start("tandem"))).toBe(
    // type, length 44, magic, version 1.0, section length -1; shb_userappl "tandem" padded; end; length
    "0a0d0d0a" +
      "2c000000" +
      "4d3c2b1a" +
      "01000000" +
      "ffffffffffffffff" +
      "04000600" +
      "74616e64656d0000" +
      "00000000" +
      "2c000000",
  );
  const { id, piece } = writer.addInterface("gw", LinkType.raw);
  expect(id).toBe(0);
  expect(formatHex(piece)).toBe(
    "01000000" +
      "28000000" +
      "65000000" +
      "00000000" +
      "02000200" +
      "67770000" +
      "09000100" +
      "09000000" +
      "00000000" +
      "28000000",
  );
  const packet = {
    interfaceId: 0,
    timestamp: 0x0000000100000002n,
    bytes: Uint8Array.of(0x45),
    direction: "out",
  } as const;
  expect(formatHex(writer.packet(packet))).toBe(
    "06000000" +
      "30000000" +
      "00000000" +
      "01000000" +
      "02000000" +
      "01000000" +
      "01000000" +
      "45000000" +
      "02000400" +
      "02000000" +
      "00000000" +
      "30000000",
  );
  expect(() => writer.packet({ ...packet, interfaceId: 1 })).toThrow(RangeError);
});

test("what is written is read back", () => {
  const packet: fc.Arbitrary<Required<CapturedPacket>> = fc.record({
    interfaceId: fc.nat(1),
    timestamp: fc.bigInt(0n, 0xffffffffffffffffn),
    bytes: fc.uint8Array({ maxLength: 60 }),
    originalLength: fc.nat(65535),
    direction: fc.constantFrom("in", "out", "unknown"),
    comment: fc.string({ unit: "grapheme" }),
  });
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 5 }), (packets) => {
      const writer = new PcapngWriter();
      const bytes = join([
        writer.start("tandem", "a comment"),
        writer.addInterface("gw/IN_0 outside", LinkType.ethernet, "the edge").piece,
        writer.addInterface("gw/IN_0 inside", LinkType.raw).piece,
        ...packets.map((one) => writer.packet(one)),
      ]);
      const file = decodePcapng(bytes);
      if (!file.ok) throw new Error(file.reason);
      expect(file.value.packets).toEqual(packets);
      expect(file.value.interfaces.map((one) => [one.name, one.linkType, one.resolution])).toEqual([
        ["gw/IN_0 outside", 1, 1_000_000_000n],
        ["gw/IN_0 inside", 101, 1_000_000_000n],
      ]);
    }),
  );
});

test("a cut or damaged file is refused with a reason", () => {
  const writer = new PcapngWriter();
  const start = writer.start("tandem");
  const whole = join([start, writer.addInterface("a", LinkType.raw).piece]);
  for (let length = 1; length < whole.length; length++) {
    if (length !== start.length) expect(decodePcapng(whole.subarray(0, length)).ok, `${length}`).toBe(false);
  }
  expect(decodePcapng(whole.subarray(4)).ok).toBe(false);
});
