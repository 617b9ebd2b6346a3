/** Half-open floods (RFC 7296 §2.6): bounded memory, cookies in both roles, and a real peer gets in at once. */
import { bytesToHex } from "@tandem/crypto";
import { A, B, Network, Node, settled, testConnection, testPair } from "@tandem/ike/testing";
import { describe, expect, it } from "vitest";

const limits = { halfOpenCookieThreshold: 8, halfOpenMax: 32, halfOpenPerSourceMax: 4 };

function flooded(count: number, addresses: number) {
  const network = new Network();
  const b = network.add(new Node("b", { seed: 1, limits }), B);
  network.give(b, {
    kind: "connection-set",
    connection: testConnection(B, null, { mode: "ResponderOnly", tunnel: "any" }),
  });
  network.give(b, {
    kind: "connection-set",
    connection: testConnection(B, A, { mode: "ResponderOnly", tunnel: "b" }),
  });
  // One honest first message, sent under many addresses and SPIs by somebody who never answers.
  const model = testPair(7).network.sent[0]!.datagram;
  for (let i = 0; i < count; i++) {
    const payload = model.payload.slice();
    payload.set([1, i >> 16, i >> 8, i], 0);
    network.give(b, {
      kind: "datagram",
      local: B,
      localPort: 500,
      remote: `203.0.${(i % addresses) >> 8}.${(i % addresses) & 255}`,
      remotePort: 500,
      payload,
    });
  }
  return { network, b };
}

describe("a flood of IKE_SA_INIT", () => {
  it("leaves at most the bounded number of half-open IKE SAs, and key pairs only for those", () => {
    const { b } = flooded(5000, 1000);
    expect(b.engine.halfOpen).toBeLessThanOrEqual(8);
    expect(b.of("crypto-job").length).toBeLessThanOrEqual(8);
    expect(b.engine.drops["cookie-wanted"]).toBe(5000 - 8);
  });

  it("from one address stops at that address's share", () => {
    const { b } = flooded(100, 1);
    expect(b.engine.halfOpen).toBe(4);
    expect(b.engine.drops["half-open-limit"]).toBe(96);
  });

  it("does not keep a real peer out: it comes in with its cookie within 2 s", () => {
    const { network, b } = flooded(5000, 1000);
    const a = network.add(new Node("a", { seed: 2 }), A);
    network.give(a, { kind: "connection-set", connection: testConnection(A, B, { tunnel: "a" }) });
    network.runFor(2000, () => a.children.length > 0 && b.children.length > 0);
    expect(settled({ network, a, b })).toBeUndefined();
    expect(a.transcript).toContain("the peer is busy and wants its cookie back: asking again with it");
  });

  it("is forgotten when its time is over", () => {
    const { network, b } = flooded(1000, 500);
    network.runFor(120_000);
    expect(b.engine.halfOpen).toBe(0);
    expect([...b.engine.ikeSas]).toHaveLength(0);
    expect(b.engine.nextTimeout()).toBeUndefined();
  });

  it("cookies differ by address, port, SPI and nonce, and an old one is refused", () => {
    const { network, b } = flooded(20, 20);
    const cookies = b.of("transmit").filter((t) => t.payload[18] === 34 && t.payload.length < 80);
    expect(new Set(cookies.map((t) => bytesToHex(t.payload.subarray(36)))).size).toBe(cookies.length);
    network.runFor(10);
  });
});

it("in a flood g^ir is computed only when IKE_AUTH comes, in quiet times together with the key pair", () => {
  const kinds = (threshold: number) => {
    const pair = testPair(8, { options: { limits: { halfOpenCookieThreshold: threshold } } });
    pair.network.rule = ({ datagram }) => (datagram.payload[18] === 35 ? [] : [10]);
    pair.network.runFor(400);
    return pair.b.of("crypto-job").map((j) => j.job.kind);
  };
  expect(kinds(64)).toEqual(["generate-and-agree"]);
  expect(kinds(1)).toEqual(["generate-key-pair"]);
});

it("an impossible key exchange value is refused with INVALID_SYNTAX and leaves nothing behind", () => {
  const pair = testPair(9);
  const payload = pair.network.sent[0]!.datagram.payload.slice();
  // X25519 with a value of all zeros: the shared secret would be zero (RFC 8031 §3.2).
  const at = payload.findIndex(
    (b, i) => b === 0 && payload[i + 1] === 31 && payload[i + 2] === 0 && payload[i + 3] === 0 && i > 50,
  );
  payload.fill(0, at + 4, at + 36);
  const before = pair.b.of("transmit").length;
  pair.network.give(pair.b, {
    kind: "datagram",
    local: B,
    localPort: 500,
    remote: A,
    remotePort: 500,
    payload,
  });
  const [answer] = pair.b.of("transmit").slice(before);
  expect([answer!.payload[34], answer!.payload[35]]).toEqual([0, 7]);
  expect(pair.b.engine.halfOpen).toBe(0);
});
