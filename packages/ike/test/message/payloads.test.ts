/** Every payload there and back, and what the decoders refuse. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeIkeHeader, encodeIkeHeader } from "../../src/message/header.ts";
import { isMalformed } from "../../src/message/octets.ts";
import { decodePayloadChain, encodePayloadChain, type Payload } from "../../src/message/payload.ts";
import { illegalContents } from "../../src/message/rules.ts";

const bytes = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength });
const byte = fc.integer({ min: 0, max: 255 });
const u16 = fc.integer({ min: 0, max: 65535 });
const spi = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((b) => Buffer.from(b).toString("hex"));
const ipv4 = fc.ipV4();
const selector = fc.record({
  protocol: byte,
  startPort: u16,
  endPort: u16,
  startAddress: ipv4,
  endAddress: ipv4,
});
const transform = fc
  .record({ type: fc.integer({ min: 1, max: 5 }), id: u16, keyBits: fc.option(u16, { nil: undefined }) })
  .map(({ keyBits, ...rest }) => (keyBits === undefined ? rest : { ...rest, keyBits }));

const payload: fc.Arbitrary<Payload> = fc.oneof(
  fc.record({
    kind: fc.constant("SA" as const),
    proposals: fc.array(
      fc.record({
        number: byte,
        protocol: byte,
        spi: fc.oneof(spi(0), spi(4), spi(8)),
        transforms: fc.array(transform, { maxLength: 8 }),
      }),
      { minLength: 1, maxLength: 4 },
    ),
  }),
  fc.record({ kind: fc.constant("KE" as const), group: u16, data: bytes(1, 64) }),
  fc.record({ kind: fc.constant("Nonce" as const), data: bytes(16, 256) }),
  fc.record({ kind: fc.constantFrom("IDi" as const, "IDr" as const), idType: byte, data: bytes(0, 40) }),
  fc.record({ kind: fc.constant("CERT" as const), encoding: byte, data: bytes(0, 40) }),
  fc.record({ kind: fc.constant("CERTREQ" as const), encoding: byte, authorities: bytes(0, 40) }),
  fc.record({ kind: fc.constant("AUTH" as const), method: byte, data: bytes(0, 64) }),
  fc.record({
    kind: fc.constant("N" as const),
    protocol: byte,
    spi: fc.oneof(spi(0), spi(4)),
    type: u16,
    data: bytes(0, 40),
  }),
  fc.record({ kind: fc.constant("D" as const), protocol: byte, spis: fc.array(spi(4), { maxLength: 5 }) }),
  fc.record({ kind: fc.constant("V" as const), data: bytes(0, 40) }),
  fc.record({
    kind: fc.constantFrom("TSi" as const, "TSr" as const),
    selectors: fc.array(selector, { minLength: 1, maxLength: 4 }),
    unknown: fc.constant(0),
  }),
  fc.record({
    kind: fc.constant("CP" as const),
    cfgType: byte,
    attributes: fc.array(fc.record({ type: fc.integer({ min: 0, max: 0x7fff }), value: bytes(0, 20) }), {
      maxLength: 5,
    }),
  }),
  fc.record({
    kind: fc.constant("unknown" as const),
    type: fc.integer({ min: 100, max: 255 }),
    critical: fc.boolean(),
    data: bytes(0, 40),
  }),
);

describe("the payload chain", () => {
  it("comes back as it was", () => {
    fc.assert(
      fc.property(fc.array(payload, { maxLength: 8 }), (payloads) => {
        const { first, bytes: encoded } = encodePayloadChain(payloads);
        const decoded = decodePayloadChain(first, encoded, 0);
        expect(decoded).toEqual({ payloads });
      }),
      { numRuns: 2000 },
    );
  });

  it("never throws, and never reads past the end, whatever it is given", () => {
    fc.assert(
      fc.property(byte, bytes(0, 200), (first, data) => {
        const decoded = decodePayloadChain(first, data, 0);
        expect(isMalformed(decoded) || Array.isArray(decoded.payloads)).toBe(true);
      }),
      { numRuns: 20_000 },
    );
  });

  it("cut anywhere is refused or shorter, never a throw", () => {
    fc.assert(
      fc.property(fc.array(payload, { minLength: 1, maxLength: 4 }), fc.nat(), (payloads, cut) => {
        const { first, bytes: encoded } = encodePayloadChain(payloads);
        const length = cut % encoded.length;
        expect(isMalformed(decodePayloadChain(first, encoded.subarray(0, length), 0))).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });
});

describe("single refusals", () => {
  const chain = (type: number, ...body: number[]) =>
    decodePayloadChain(type, Uint8Array.of(0, 0, 0, 4 + body.length, ...body), 0);
  it.each([
    ["a nonce of 15 octets", chain(40, ...new Array(15).fill(1)), "nonce of 15 octets instead of 16 to 256"],
    ["a KE payload without data", chain(34, 0, 14, 0, 0), "KE payload without key exchange data"],
    ["a delete with SPIs of 3 octets", chain(42, 3, 3, 0, 1, 1, 2, 3), "D payload with SPIs of 3 octets"],
    [
      "a delete that promises more SPIs",
      chain(42, 3, 4, 0, 2, 1, 2, 3, 4),
      "D payload of 8 octets for 2 SPIs",
    ],
    ["no selector", chain(44, 0, 0, 0, 0), "TSi payload with 0 selectors"],
    [
      "a selector of the wrong length",
      chain(44, 1, 0, 0, 0, 7, 0, 0, 12, 0, 0, 0, 0, 1, 2, 3, 4),
      "selector length 12 in TSi",
    ],
    ["a proposal beyond the payload", chain(33, 0, 0, 0, 99, 1, 1, 0, 0), "proposal length 99"],
  ])("%s", (_name, decoded, reason) => {
    expect(decoded).toEqual({ malformed: reason });
  });
});

describe("the header", () => {
  it("comes back as it was", () => {
    const fields = {
      initiatorSpi: "0123456789abcdef",
      responderSpi: "fedcba9876543210",
      nextPayload: 46,
      exchangeType: 36,
      fromInitiator: true,
      response: true,
      messageId: 0xfffffffe,
    };
    expect(decodeIkeHeader(encodeIkeHeader(fields, 28))).toMatchObject({
      ...fields,
      majorVersion: 2,
      minorVersion: 0,
    });
  });
});

describe("the rules of message contents", () => {
  const one = (kind: string): Payload => ({ kind }) as Payload;
  const n = (type: number): Payload => ({ kind: "N", protocol: 0, spi: "", type, data: new Uint8Array(0) });
  it.each([
    ["IKE_SA_INIT without KE", 34, false, [one("SA"), one("Nonce")], "KE payload is missing"],
    ["two SA payloads", 34, false, [one("SA"), one("SA"), one("KE"), one("Nonce")], "2 SA payloads"],
    [
      "AUTH in IKE_SA_INIT",
      34,
      false,
      [one("SA"), one("KE"), one("Nonce"), one("AUTH")],
      "AUTH payload does not belong here",
    ],
    [
      "TSi without TSr",
      35,
      false,
      [one("IDi"), one("AUTH"), one("SA"), one("TSi")],
      "TSr payload is missing",
    ],
    [
      "SA without selectors",
      35,
      false,
      [one("IDi"), one("AUTH"), one("SA")],
      "TSi and TSr payloads are missing",
    ],
    ["childless IKE_AUTH", 35, false, [one("IDi"), one("AUTH")], undefined],
    ["an error in place of everything", 35, true, [n(24)], undefined],
    ["a cookie in place of everything", 34, true, [n(16390)], undefined],
    ["a status notify is no excuse", 35, true, [n(16384)], "IDr payload is missing"],
    ["liveness", 37, false, [], undefined],
    ["an unknown exchange", 43, false, [], "exchange type 43 is not known"],
  ] as const)("%s", (_name, exchange, response, payloads, expected) => {
    expect(illegalContents(exchange, response, payloads)).toBe(expected);
  });
});
