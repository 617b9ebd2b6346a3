import type { ChildSaInstall } from "@tandem/ike";
import { describe, expect, it } from "vitest";
import { SaBook, SEQUENCE_BLOCK, SEQUENCE_MARGIN } from "../../src/seat/sa-book.ts";
import { FakeDataPlane } from "../../src/testing/index.ts";

const keys = { encryption: new Uint8Array(16), salt: new Uint8Array(4), integrity: new Uint8Array(0) };
const any = {
  protocol: 0,
  startPort: 0,
  endPort: 65_535,
  startAddress: "0.0.0.0",
  endAddress: "255.255.255.255",
};
const install = (childSa: string, spi: number, esn = false): ChildSaInstall => ({
  childSa,
  suite: { encryption: "aes-gcm-16", keyBits: 128, integrity: "none" },
  esn,
  spiIn: spi,
  spiOut: spi + 1,
  inbound: keys,
  outbound: keys,
  endpoints: { local: "203.0.113.1", remote: "198.51.100.1" },
  localSelectors: [any],
  remoteSelectors: [any],
});
const terms = { connection: "c", replayWindow: 64, hardBytes: 1_000_000 };

function setUp(replicated: Promise<boolean> = Promise.resolve(true)) {
  const plane = new FakeDataPlane();
  const ups: string[] = [];
  const faults: string[] = [];
  const short: string[] = [];
  const told: [string, number][] = [];
  const book = new SaBook("gw/0", plane, {
    tunnelUp: (tunnel, up) => ups.push(`${tunnel} ${up ? "up" : "down"}`),
    replicateSequence: (childSa, upTo) => {
      told.push([childSa, upTo]);
      return replicated;
    },
    sequenceShort: (childSa) => short.push(childSa),
    fault: (message) => faults.push(message),
  });
  return { plane, ups, faults, short, told, book };
}

describe("SaBook", () => {
  it("rekeys make-before-break: inbound at once, outbound when ready, the old one last", () => {
    const { plane, ups, book } = setUp();
    book.add("t", "ike", install("a", 10), terms);
    book.outboundReady("a");
    book.add("t", "ike", install("b", 20), terms);
    expect(plane.kinds()).toEqual(["add-child-sa", "switch-outbound", "add-child-sa"]);
    book.outboundReady("b");
    book.remove("a");
    expect(plane.kinds().slice(3)).toEqual(["switch-outbound", "remove-child-sa"]);
    expect(ups).toEqual(["t up"]);
    book.remove("b");
    expect(ups).toEqual(["t up", "t down"]);
  });

  it("leaves the Child SAs of a replaced IKE SA as soon as another can carry the packets", () => {
    const { plane, ups, book } = setUp();
    book.add("t", "ike-1", install("a", 10), terms);
    book.outboundReady("a");
    book.add("t", "ike-2", install("b", 20), terms);
    book.outboundReady("b");
    plane.commands.length = 0;
    book.retire("ike-2");
    expect(plane.commands).toMatchObject([{ kind: "switch-outbound", childSa: "a" }]);
    book.remove("b");
    expect(ups).toEqual(["t up"]);
  });

  it("falls back to another usable Child SA before it removes the current one", () => {
    const { plane, book } = setUp();
    for (const id of ["a", "b"]) {
      book.add("t", "ike", install(id, 10), terms);
      book.outboundReady(id);
    }
    plane.commands.length = 0;
    book.remove("b");
    expect(plane.commands).toMatchObject([
      { kind: "switch-outbound", childSa: "a" },
      { kind: "remove-child-sa", childSa: "b" },
    ]);
  });

  it("hands out a sequence block only after the partner has the reservation", async () => {
    let confirm: (known: boolean) => void = () => {};
    const { plane, book } = setUp(
      new Promise((resolve) => {
        confirm = resolve;
      }),
    );
    book.add("t", "ike", install("a", 10), terms);
    expect(plane.of("add-child-sa")[0]?.sequence).toEqual({ first: 1, limit: 1 + SEQUENCE_BLOCK });
    book.needSequence("a");
    await Promise.resolve();
    expect(plane.of("reserve-sequence")).toEqual([]);
    confirm(true);
    await new Promise((resolve) => setImmediate(resolve));
    expect(plane.of("reserve-sequence")[0]?.block).toEqual({
      first: 1 + SEQUENCE_BLOCK,
      limit: 1 + 2 * SEQUENCE_BLOCK,
    });
  });

  it("starts an adopted Child SA above every reserved block, and never passes 2^32 - 1 without ESN", () => {
    const { plane, short, told, book } = setUp();
    const live = {
      id: "a",
      reservedUpTo: 0xffff_ff00,
      replay: { top: 5, bitmap: new Uint8Array(8) },
      bytesIn: 0,
      bytesOut: 0,
      packetsIn: 0,
      packetsOut: 0,
    };
    book.add("t", "ike", install("a", 10), terms, live);
    expect(plane.of("add-child-sa")[0]?.sequence).toEqual({ first: 0xffff_ff00, limit: 0xffff_ffff });
    expect(told).toEqual([["a", 0xffff_ffff]]);
    book.needSequence("a");
    expect(plane.of("reserve-sequence")).toEqual([]);
    expect(short).toEqual(["a"]);
  });

  it("without a partner stays inside the margin that an adopter leaves out, and asks for fresh keys in time", async () => {
    const { plane, short, book } = setUp(Promise.resolve(false));
    book.add("t", "ike", install("a", 10), terms);
    for (let i = 0; i < SEQUENCE_MARGIN / SEQUENCE_BLOCK + 10; i++) {
      book.needSequence("a");
      await Promise.resolve();
      await Promise.resolve();
    }
    const highest = Math.max(...plane.of("reserve-sequence").map((command) => command.block.limit));
    expect(highest).toBeLessThanOrEqual(1 + SEQUENCE_BLOCK + SEQUENCE_MARGIN);
    expect(short.length).toBeGreaterThan(0);
  });

  it("asks the data plane which Child SAs received packets", async () => {
    const { plane, book } = setUp();
    book.add("t", "ike", install("a", 10), terms);
    expect(await book.takeActive()).toEqual([]);
    plane.active.push("a");
    expect(await book.takeActive()).toEqual(["a"]);
    expect(
      plane.of("take-active").every(({ seat, direction }) => seat === "gw/0" && direction === "in"),
    ).toBe(true);
  });

  it("sends on one Child SA per set of selectors, and is down only without any", () => {
    const { plane, ups, book } = setUp();
    const net = (childSa: string, spi: number, startAddress: string): ChildSaInstall => ({
      ...install(childSa, spi),
      remoteSelectors: [{ ...any, startAddress, endAddress: startAddress }],
    });
    const switched = (): string[] => plane.of("switch-outbound").map(({ childSa }) => childSa);
    book.add("t", "ike", net("a", 10, "10.1.0.1"), terms);
    book.outboundReady("a");
    book.add("t", "ike", net("b", 20, "10.2.0.1"), terms);
    book.outboundReady("b");
    book.add("t", "ike", net("a2", 30, "10.1.0.1"), terms);
    book.outboundReady("a2");
    expect(switched()).toEqual(["a", "b", "a2"]);
    // The successor goes before what it replaced: back to that one, and not to the other selectors' Child SA.
    book.remove("a2");
    expect(switched()).toEqual(["a", "b", "a2", "a"]);
    book.remove("a");
    expect(switched()).toHaveLength(4);
    expect(ups).toEqual(["t up"]);
    book.remove("b");
    expect(ups).toEqual(["t up", "t down"]);
  });

  it("knows the Child SAs of an IKE SA after its rekey", () => {
    const { plane, book } = setUp();
    book.add("t", "ike-1", install("a", 10), terms);
    book.outboundReady("a");
    book.inherit("ike-1", "ike-2");
    book.add("t", "ike-3", install("b", 20), terms);
    book.outboundReady("b");
    book.add("t", "ike-2", install("c", 30), terms);
    book.outboundReady("c");
    book.retire("ike-1");
    expect(plane.of("switch-outbound")).toHaveLength(3);
    book.retire("ike-2");
    expect(plane.of("switch-outbound").at(-1)?.childSa).toBe("b");
  });

  it("tells a refusal of the data plane", async () => {
    const { plane, faults, book } = setUp();
    plane.refusals.set("add-child-sa", "SPI in use");
    book.add("t", "ike", install("a", 10), terms);
    await new Promise((resolve) => setImmediate(resolve));
    expect(faults).toEqual(["data plane refused add-child-sa: SPI in use"]);
  });
});
