import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  asPathContains,
  asPathItems,
  asPathLength,
  decodeAs4Path,
  decodeAsPath,
  mergeAs4Path,
  narrowAsPath,
  neighborAs,
  prependAs,
} from "../../src/attributes/as-path.ts";
import {
  changeList,
  listContains,
  parseCommunity,
  parseLargeCommunity,
  withoutRepeats,
} from "../../src/attributes/community.ts";
import { decodeAttributes } from "../../src/attributes/decode.ts";
import { encodeAttributes } from "../../src/attributes/encode.ts";
import type { PathAttributes } from "../../src/attributes/path-attributes.ts";
import { encodeKeepalive } from "../../src/message/keepalive.ts";
import { encodeOpen } from "../../src/message/open.ts";
import { hex, MANDATORY, NLRI, OPEN, ScriptedPeer, update } from "../scripted-peer.ts";

const path = (text: string): Uint8Array => decodeAsPath(hex(text), 4) as Uint8Array;
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const segment = fc.record({
  type: fc.constantFrom(1, 2),
  asns: fc.array(fc.integer({ min: 1, max: 0xffffffff }), { minLength: 1, maxLength: 5 }),
});
const asPath = fc
  .array(segment, { maxLength: 3 })
  .map((segments) =>
    Uint8Array.from(
      segments.flatMap((s) => [
        s.type,
        s.asns.length,
        ...s.asns.flatMap((a) => [a >>> 24, (a >>> 16) & 255, (a >>> 8) & 255, a & 255]),
      ]),
    ),
  );
const list = (size: number): fc.Arbitrary<Uint8Array | undefined> =>
  fc.option(
    fc
      .array(fc.uint8Array({ minLength: size, maxLength: size }), { minLength: 1, maxLength: 80 })
      .map((l) => {
        const out = new Uint8Array(l.length * size);
        l.forEach((x, i) => {
          out.set(x, i * size);
        });
        return out;
      }),
    { nil: undefined },
  );

const attributes: fc.Arbitrary<PathAttributes> = fc.record({
  origin: fc.integer({ min: 0, max: 2 }),
  asPath,
  nextHop: fc.constant(Uint8Array.of(10, 0, 0, 2)),
  med: fc.option(u32, { nil: undefined }),
  localPref: fc.option(u32, { nil: undefined }),
  atomicAggregate: fc.boolean(),
  aggregator: fc.option(
    fc.uint8Array({ minLength: 8, maxLength: 8 }).filter((a) => a.subarray(0, 4).some((b) => b !== 0)),
    { nil: undefined },
  ),
  communities: list(4),
  largeCommunities: list(12).map((l) => (l === undefined ? undefined : withoutRepeats(l, 12))),
  originatorId: fc.option(u32, { nil: undefined }),
  clusterList: list(4),
  opaque: fc
    .uniqueArray(fc.integer({ min: 40, max: 200 }), { maxLength: 3 })
    .map((types) =>
      types.toSorted((a, b) => a - b).map((type) => ({ type, flags: 0xe0, value: Uint8Array.of(type, 1) })),
    ),
});

describe("path attributes", () => {
  it("are what they were after encoding and decoding", () => {
    fc.assert(
      fc.property(attributes, (a) => {
        const wire = encodeAttributes(a, { fourOctetAs: true, nextHop: true });
        const d = decodeAttributes(wire, 0, wire.length, { external: false, fourOctetAs: true });
        expect(d.withdraw).toBeUndefined();
        expect(d.reset).toBeUndefined();
        expect(d.attributes).toEqual(a);
      }),
    );
  });

  it("survive a 2-octet speaker in between (RFC 6793 §4.2)", () => {
    fc.assert(
      fc.property(attributes, (a) => {
        const wire = encodeAttributes(a, { fourOctetAs: false, nextHop: true });
        const d = decodeAttributes(wire, 0, wire.length, { external: false, fourOctetAs: false });
        expect(asPathItems(d.attributes!.asPath)).toEqual(asPathItems(a.asPath));
        // An aggregator whose AS is AS_TRANS itself cannot be told apart from one that did not fit.
        expect(d.attributes!.aggregator).toEqual(a.aggregator);
      }),
    );
  });

  it("pass unknown transitive ones on with the Partial bit, and drop unknown others", () => {
    const wire = hex("40 01 01 00 40 02 00 40 03 04 0a000002 c0 63 02 beef 80 64 01 00");
    const d = decodeAttributes(wire, 0, wire.length, { external: true, fourOctetAs: true });
    expect(d.attributes?.opaque).toEqual([{ type: 0x63, flags: 0xe0, value: hex("beef") }]);
    const out = encodeAttributes(d.attributes!, { fourOctetAs: true, nextHop: true });
    expect([...out].join()).toContain([...hex("e0 63 02 beef")].join());
  });
});

describe("the Partial bit (RFC 4271 §5)", () => {
  it("stays on an attribute that we understand, once somebody has set it", () => {
    const text = "40 01 01 00 40 02 00 40 03 04 0a000002 e0 07 08 0000fde9 0a000001 c0 08 04 fde90001";
    const wire = hex(text);
    const d = decodeAttributes(wire, 0, wire.length, { external: true, fourOctetAs: true });
    expect(encodeAttributes(d.attributes!, { fourOctetAs: true, nextHop: true })).toEqual(wire);
  });

  it("reaches the next peer", () => {
    const peer = new ScriptedPeer().establish();
    peer.input({ kind: "peer-set", peer: { name: "q", neighbor: "10.0.0.3", asn: 65003, passive: true } });
    const connection = 7;
    peer.input({
      kind: "tcp-accepted",
      connection,
      localAddress: "10.0.0.1",
      localPort: 179,
      remote: "10.0.0.3",
      remotePort: 40_001,
    });
    const open = encodeOpen({
      ...OPEN,
      asn: 65003,
      capabilities: { ...OPEN.capabilities, fourOctetAs: 65003 },
    });
    for (const bytes of [open, encodeKeepalive()]) peer.input({ kind: "tcp-data", connection, bytes });
    peer.send(update(`${MANDATORY}e0 08 04 fde90001`, NLRI));
    const sent = peer.effects.flatMap((e) =>
      e.kind === "write" && e.connection === connection ? [[...e.bytes].join()] : [],
    );
    expect(sent.at(-1)).toContain([...hex("e0 08 04 fde90001")].join());
  });
});

describe("AS path", () => {
  const mixed = path("02 02 00000001 00000002 01 02 00000003 00000004");

  it("counts a set as one", () => {
    expect(asPathLength(mixed)).toBe(3);
    expect(asPathItems(mixed)).toEqual(["1", "2", "{3,4}"]);
    expect(neighborAs(mixed)).toBe(1);
    expect(asPathContains(mixed, 4)).toBe(true);
    expect(asPathContains(mixed, 5)).toBe(false);
  });

  it("is prepended into a sequence with room, else into a new one", () => {
    expect(asPathItems(prependAs(mixed, 7, 2)).slice(0, 3)).toEqual(["7", "7", "1"]);
    expect(prependAs(path("01 01 00000003"), 7, 1)).toEqual(path("02 01 00000007 01 01 00000003"));
    const full = prependAs(new Uint8Array(0), 1, 255);
    expect(prependAs(full, 2, 1).slice(0, 8)).toEqual(hex("02 01 00000002 02 ff"));
    expect(asPathLength(prependAs(full, 2, 300))).toBe(555);
  });

  it("loses what 2 octets cannot hold only in the narrow form", () => {
    expect(narrowAsPath(path("02 02 00000001 00010000"))).toEqual({
      bytes: hex("02 02 0001 5ba0"),
      lossy: true,
    });
    expect(narrowAsPath(mixed).lossy).toBe(false);
  });

  it("keeps what was put in front of an AS4_PATH", () => {
    const merged = mergeAs4Path(path("02 03 00000007 00005ba0 00000002"), path("02 02 00010000 00000002"));
    expect(asPathItems(merged)).toEqual(["7", "65536", "2"]);
    expect(mergeAs4Path(path("02 01 00000007"), path("02 02 00010000 00000002"))).toEqual(
      path("02 01 00000007"),
    );
  });
});

describe("AS4_PATH (RFC 6793 §6)", () => {
  it("loses its confederation segments and keeps the rest", () => {
    expect(decodeAs4Path(hex("03 01 00000009 02 01 00010000 04 01 00000008"))).toEqual(hex("02 01 00010000"));
  });

  it("is nothing when it is too short, of another segment type, or names AS 0", () => {
    expect(decodeAs4Path(hex(""))).toBe("of length 0");
    expect(decodeAs4Path(hex("02 01 0001"))).toBe("of length 4");
    expect(decodeAs4Path(hex("05 01 00010000"))).toBe("segment type 5");
    expect(decodeAs4Path(hex("02 02 00010000 00000000"))).toBe("AS 0");
  });
});

describe("communities", () => {
  it("that are large come once each (RFC 8092 §3)", () => {
    const a = "00000001 00000002 00000003";
    const b = "00000001 00000002 00000004";
    const wire = hex(`40 01 01 00 40 02 00 40 03 04 0a000002 c0 20 24 ${a} ${b} ${a}`);
    const d = decodeAttributes(wire, 0, wire.length, { external: true, fourOctetAs: true });
    expect(d.attributes?.largeCommunities).toEqual(hex(a + b));
  });

  it("are added once, removed everywhere, and absent when none is left", () => {
    const a = parseCommunity("65000:1");
    const b = parseCommunity("no-export");
    expect(b).toEqual(hex("ffffff01"));
    const both = changeList(undefined, 4, [a, b, a], [])!;
    expect(both).toHaveLength(8);
    expect(listContains(both, b)).toBe(true);
    expect(changeList(both, 4, [], [a, b])).toBeUndefined();
    expect(parseLargeCommunity("4294967295:0:7")).toEqual(hex("ffffffff 00000000 00000007"));
    for (const bad of ["65536:1", "1", "1:2:3", "x"]) expect(() => parseCommunity(bad)).toThrow(RangeError);
    for (const bad of ["1:2", "4294967296:1:1"]) expect(() => parseLargeCommunity(bad)).toThrow(RangeError);
  });
});
