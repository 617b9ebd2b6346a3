/** RFC 7296 §2.5, §2.21, §1.5: exactly these answers, and silence for everything else. */
import { bytesToHex } from "@tandem/crypto";
import { A, B, establishedPair, type Pair, settled, testPair } from "@tandem/ike/testing";
import { describe, expect, it } from "vitest";
import { encodeIkeHeader } from "../../src/message/header.ts";

const toB = (pair: Pair, payload: Uint8Array, more: object = {}) => {
  const before = pair.b.of("transmit").length;
  pair.network.give(pair.b, {
    kind: "datagram",
    local: B,
    localPort: 500,
    remote: A,
    remotePort: 500,
    payload,
    ...more,
  });
  return pair.b
    .of("transmit")
    .slice(before)
    .map((t) => t.payload);
};

/** Type and data of the only notify in an unprotected answer. */
const notifyIn = (payload: Uint8Array) => ({
  type: (payload[34]! << 8) | payload[35]!,
  response: (payload[19]! & 0x20) !== 0,
  exchange: payload[18],
});

const header = (fields: object) =>
  encodeIkeHeader(
    {
      initiatorSpi: "1111111111111111",
      responderSpi: "2222222222222222",
      nextPayload: 0,
      exchangeType: 37,
      fromInitiator: true,
      response: false,
      messageId: 7,
      ...fields,
    },
    28,
  );

describe("unprotected errors", () => {
  it("INVALID_IKE_SPI for a request with unknown SPIs: same SPIs, exchange and message ID, at a limited rate", () => {
    const pair = establishedPair(1);
    const answers = toB(pair, header({}));
    expect(answers).toHaveLength(1);
    expect(notifyIn(answers[0]!)).toEqual({ type: 4, response: true, exchange: 37 });
    expect(bytesToHex(answers[0]!.subarray(0, 16))).toBe("11111111111111112222222222222222");
    expect(answers[0]![23]).toBe(7);
    let count = 0;
    for (let i = 0; i < 100; i++) count += toB(pair, header({})).length;
    expect(count).toBeLessThanOrEqual(10);
    expect(toB(pair, header({ response: true }))).toHaveLength(0);
  });

  it("INVALID_MAJOR_VERSION for a higher version, silence for IKEv1", () => {
    const pair = testPair(2);
    const future = header({ exchangeType: 34, responderSpi: "0000000000000000" });
    future[17] = 0x30;
    expect(toB(pair, future).map(notifyIn)).toEqual([{ type: 5, response: true, exchange: 34 }]);
    const past = future.slice();
    past[17] = 0x10;
    expect(toB(pair, past)).toHaveLength(0);
    expect(pair.b.engine.drops["wrong-version"]).toBe(2);
  });

  it("INVALID_IKE_SPI received without protection moves nothing", () => {
    const pair = establishedPair(3);
    const [sa] = pair.a.engine.ikeSas;
    const payload = header({
      initiatorSpi: sa!.initiatorSpi,
      responderSpi: sa!.responderSpi,
      response: true,
      fromInitiator: false,
      messageId: 2,
    });
    pair.network.give(pair.a, {
      kind: "datagram",
      local: A,
      localPort: 500,
      remote: B,
      remotePort: 500,
      payload,
    });
    expect(settled(pair)).toBeUndefined();
  });
});

describe("critical payloads", () => {
  const withPayload = (pair: Pair, critical: boolean): Uint8Array => {
    const init = pair.network.sent[0]!.datagram.payload;
    const extra = Uint8Array.of(init[16]!, critical ? 0x80 : 0, 0, 8, 1, 2, 3, 4);
    const out = new Uint8Array(init.length + 8);
    out.set(init.subarray(0, 28));
    out.set(extra, 28);
    out.set(init.subarray(28), 36);
    out[16] = 200;
    new DataView(out.buffer).setUint32(24, out.length);
    return out;
  };

  it("unknown and critical: UNSUPPORTED_CRITICAL_PAYLOAD with its type", () => {
    const pair = testPair(4);
    const [answer] = toB(pair, withPayload(pair, true));
    expect(notifyIn(answer!).type).toBe(1);
    expect(answer![36]).toBe(200);
    expect(pair.b.engine.halfOpen).toBe(0);
  });

  it("unknown and not critical: skipped", () => {
    const pair = testPair(5);
    const [answer] = toB(pair, withPayload(pair, false));
    expect(answer!.length).toBeGreaterThan(100);
  });
});

describe("silence", () => {
  it.each([
    ["nothing", new Uint8Array(0), "short-header"],
    ["half a header", new Uint8Array(20), "short-header"],
    ["a length that lies", Uint8Array.from([...header({}), 0]), "bad-length"],
    [
      "an IKE_SA_INIT with nothing in it",
      header({ exchangeType: 34, responderSpi: "0000000000000000", messageId: 0 }),
      "malformed",
    ],
  ] as const)("for %s", (_name, payload, reason) => {
    const pair = testPair(6);
    expect(toB(pair, payload)).toHaveLength(0);
    expect(pair.b.engine.drops[reason]).toBe(1);
  });

  it("for a protected message whose integrity fails, whatever it says", () => {
    const pair = establishedPair(7);
    pair.network.give(pair.a, { kind: "rekey", tunnel: "a", what: "child" });
    const request = pair.network.sent.at(-1)!.datagram.payload;
    for (let i = 28; i < request.length; i += 7) {
      const bad = request.slice();
      bad[i]! ^= 0x10;
      expect(toB(pair, bad)).toHaveLength(0);
    }
    pair.network.runFor(5000);
    expect(settled(pair)).toBeUndefined();
  });

  it("for a request outside of the window", () => {
    const pair = establishedPair(8);
    const auth = pair.network.sent.find((f) => f.from === pair.a && f.datagram.payload[18] === 35)!.datagram
      .payload;
    pair.network.give(pair.a, { kind: "rekey", tunnel: "a", what: "child" });
    pair.network.runFor(1000);
    expect(toB(pair, auth)).toHaveLength(0);
    expect(pair.b.engine.drops["out-of-window"]).toBe(1);
  });
});

describe("INVALID_SPI (RFC 7296 §1.5)", () => {
  it("is told to the peer inside the IKE SA, which makes the lost Child SA again", () => {
    const pair = establishedPair(9);
    const [child] = pair.a.children;
    // b has forgotten it, without a DELETE, and a goes on sending.
    pair.b.engine.indexChild(child!.childSa, child!.spiOut, undefined);
    for (let i = 0; i < 5; i++) {
      pair.network.give(pair.b, { kind: "esp-unknown-spi", remote: A, spi: child!.spiOut });
      pair.network.runFor(1500);
    }
    pair.network.runFor(6000);
    expect(pair.b.transcript).toContain("N(INVALID_SPI)");
    expect(pair.a.of("child-sa-down")[0]!.reason).toContain("(INVALID_SPI)");
    expect(pair.a.children[0]!.childSa).not.toBe(child!.childSa);
    expect(settled(pair)).toBeUndefined();
  });

  it("is not told to an address without an IKE SA", () => {
    const pair = establishedPair(10);
    const before = pair.network.sent.length;
    for (let i = 0; i < 5; i++) {
      pair.network.give(pair.b, { kind: "esp-unknown-spi", remote: "203.0.113.1", spi: 0x1234_5678 });
      pair.network.runFor(1500);
    }
    expect(pair.network.sent.length).toBe(before);
  });

  it("is not told for packets that are ahead of an answer or late, nor for one that is known", () => {
    const pair = establishedPair(11);
    const [child] = pair.b.children;
    const before = pair.network.sent.length;
    for (let i = 0; i < 20; i++) {
      // 1.9 s of one SPI, then others that come once, and one of ours all the time.
      if (i < 19) pair.network.give(pair.b, { kind: "esp-unknown-spi", remote: A, spi: 0x1234_5678 });
      pair.network.give(pair.b, { kind: "esp-unknown-spi", remote: A, spi: 0x2000_0000 + i });
      pair.network.give(pair.b, { kind: "esp-unknown-spi", remote: A, spi: child!.spiIn });
      pair.network.runFor(100);
    }
    expect(pair.network.sent.length).toBe(before);
  });

  it("is told a few times per second at most, whatever SPIs are forged", () => {
    const pair = establishedPair(12);
    const before = pair.network.sent.length;
    for (let i = 0; i < 400; i++) {
      pair.network.give(pair.b, { kind: "esp-unknown-spi", remote: A, spi: 0x1000_0000 + (i % 40) });
      pair.network.runFor(25);
    }
    // Ten seconds at ten answers per second, each an exchange of two datagrams.
    expect(pair.network.sent.length - before).toBeLessThanOrEqual(220);
    expect(pair.network.sent.length).toBeGreaterThan(before);
  });
});
