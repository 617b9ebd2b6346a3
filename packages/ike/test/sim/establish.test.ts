import {
  bytesToHex,
  type EncryptionName,
  type GroupName,
  type IntegrityName,
  type PrfName,
} from "@tandem/crypto";
import {
  CLOUD_ESP_PROPOSALS,
  CLOUD_IKE_PROPOSALS,
  type EspProposal,
  type IkeProposal,
  selectorOfText,
} from "@tandem/ike";
import { establishedPair, Network, Node, settled, testConnection, testPair } from "@tandem/ike/testing";
import { describe, expect, it } from "vitest";

const ike = (
  name: EncryptionName,
  keyBits: number,
  integrity: IntegrityName | undefined,
  prf: PrfName,
  ...groups: GroupName[]
): IkeProposal => ({
  encryption: [{ name, keyBits }],
  integrity: integrity === undefined ? [] : [integrity],
  prf: [prf],
  groups,
});
const esp = (name: EncryptionName, keyBits: number, integrity?: IntegrityName, esn = false): EspProposal => ({
  encryption: [{ name, keyBits }],
  integrity: integrity === undefined ? [] : [integrity],
  groups: ["none"],
  esn: [esn],
});
const both = <P>(...proposals: P[]) => ({ offer: proposals, accept: proposals });

describe("establishing with a pre-shared key", () => {
  it("brings up one IKE SA and one Child SA with mirrored keys on both sides", () => {
    const pair = establishedPair();
    const [x] = pair.a.children;
    const [y] = pair.b.children;
    expect(bytesToHex(x!.inbound.encryption)).toBe(bytesToHex(y!.outbound.encryption));
    expect(bytesToHex(x!.outbound.encryption)).toBe(bytesToHex(y!.inbound.encryption));
    expect(x!.endpoints.udp).toBeUndefined();
    expect(settled(pair)).toBeUndefined();
  });

  it.each([
    ["aes256gcm16-prfsha256-ecp256", ike("aes-gcm-16", 256, undefined, "prf-hmac-sha256", "ecp256")],
    ["aes128-sha1-modp1024", ike("aes-cbc", 128, "hmac-sha1-96", "prf-hmac-sha1", "modp1024")],
    ["aes256-sha256-modp2048", ike("aes-cbc", 256, "hmac-sha256-128", "prf-hmac-sha256", "modp2048")],
    ["aes256gcm16-prfsha384-ecp384", ike("aes-gcm-16", 256, undefined, "prf-hmac-sha384", "ecp384")],
    [
      "chacha20poly1305-prfsha256-x25519",
      ike("chacha20-poly1305", 256, undefined, "prf-hmac-sha256", "x25519"),
    ],
    ["3des-sha256-modp768", ike("3des-cbc", 192, "hmac-sha256-128", "prf-hmac-sha256", "modp768")],
    ["aes192-sha512-ecp521", ike("aes-cbc", 192, "hmac-sha512-256", "prf-hmac-sha512", "ecp521")],
    ["aes256-sha384-modp2048s256", ike("aes-cbc", 256, "hmac-sha384-192", "prf-hmac-sha384", "modp2048s256")],
    ["des-md5-modp1536", ike("des-cbc", 64, "hmac-md5-96", "prf-hmac-md5", "modp1536")],
  ])("with IKE %s", (_name, proposal) => {
    const over = { ike: both(proposal) };
    expect(settled(establishedPair(2, { a: over, b: over }))).toBeUndefined();
  });

  it.each([
    ["aes128gcm16", esp("aes-gcm-16", 128)],
    ["aes256-sha1", esp("aes-cbc", 256, "hmac-sha1-96")],
    ["aes256-sha256 with ESN", esp("aes-cbc", 256, "hmac-sha256-128", true)],
    ["chacha20poly1305", esp("chacha20-poly1305", 256)],
    ["null-sha256", esp("null", 0, "hmac-sha256-128")],
    ["3des-sha1", esp("3des-cbc", 192, "hmac-sha1-96")],
  ])("with ESP %s", (_name, proposal) => {
    const over = { esp: both(proposal) };
    const pair = establishedPair(3, { a: over, b: over });
    expect(settled(pair)).toBeUndefined();
    expect(pair.a.children[0]!.suite.encryption).toBe(proposal.encryption[0]!.name);
    expect(pair.a.children[0]!.esn).toBe(proposal.esn[0]);
  });

  it("between the cloud's default offers and its default acceptance takes the first of each", () => {
    const over = { ike: CLOUD_IKE_PROPOSALS, esp: CLOUD_ESP_PROPOSALS };
    const pair = establishedPair(4, { a: over, b: over });
    expect(pair.a.transcript).toContain("accepted AES_CBC-256/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024");
    expect(pair.a.children[0]!.suite).toEqual({ encryption: "aes-gcm-16", keyBits: 256, integrity: "none" });
    expect(CLOUD_ESP_PROPOSALS.offer).toHaveLength(6);
    expect(CLOUD_ESP_PROPOSALS.accept).toHaveLength(26);
  });

  it("tries again with the group that INVALID_KE_PAYLOAD asks for", () => {
    const offers = ike("aes-gcm-16", 256, undefined, "prf-hmac-sha256", "modp2048", "ecp384");
    const accepts = ike("aes-gcm-16", 256, undefined, "prf-hmac-sha256", "ecp384");
    const pair = establishedPair(5, { a: { ike: both(offers) }, b: { ike: both(accepts) } });
    expect(pair.a.transcript).toContain("the peer wants ecp384 instead of modp2048: asking again with it");
    expect(settled(pair)).toBeUndefined();
  });

  it("over IPv6, with IPv6 selectors", () => {
    const network = new Network();
    const [x, y] = ["2001:db8::1", "2001:db8::2"];
    const a = network.add(new Node("a", { seed: 6 }), x!);
    const b = network.add(new Node("b", { seed: 7 }), y!);
    network.give(b, {
      kind: "connection-set",
      connection: testConnection(y!, x!, { mode: "ResponderOnly" }),
    });
    network.give(a, { kind: "connection-set", connection: testConnection(x!, y!) });
    network.runFor(1000);
    expect(settled({ network, a, b })).toBeUndefined();
    expect(a.children[0]!.remoteSelectors).toEqual([selectorOfText("::/0")]);
  });

  it("survives the loss of any one of its four datagrams, and answers a repetition byte for byte", () => {
    for (let lost = 0; lost < 4; lost++) {
      const pair = testPair(10 + lost);
      pair.network.rule = ({ number }) => (number === lost + 1 ? [] : [10]);
      pair.network.runFor(10_000);
      expect(settled(pair), `datagram ${lost} lost`).toBeUndefined();
      const answers = pair.network.sent
        .filter((f) => f.from === pair.b)
        .map((f) => bytesToHex(f.datagram.payload));
      expect(new Set(answers).size).toBe(2);
    }
  });

  it("with every datagram doubled", () => {
    const pair = testPair(20);
    pair.network.rule = () => [10, 25];
    pair.network.runFor(5000);
    expect(settled(pair)).toBeUndefined();
    expect(pair.a.of("child-sa-up")).toHaveLength(1);
  });

  it("when both sides dial at the same moment, one IKE SA remains", () => {
    for (let seed = 30; seed < 40; seed++) {
      const pair = testPair(seed, { b: { mode: "Default" } });
      pair.network.runFor(20_000);
      expect(settled(pair), `seed ${seed}`).toBeUndefined();
    }
  });

  it("lets a restarted peer in at once and forgets its old IKE SA (INITIAL_CONTACT)", () => {
    const pair = establishedPair(41);
    const { network, b } = pair;
    const again = new Node("a", { seed: 99 });
    network.nodes.splice(network.nodes.indexOf(pair.a), 1);
    network.add(again, "192.0.2.1");
    network.runFor(11_000);
    network.give(again, {
      kind: "connection-set",
      connection: testConnection("192.0.2.1", "198.51.100.1", { tunnel: "a" }),
    });
    network.runFor(4000);
    expect(settled({ network, a: again, b })).toBeUndefined();
    expect(b.of("ike-sa-down").map((e) => e.cause)).toEqual(["replaced"]);
  });

  it("forgets its own IKE SA of a moment ago when the peer, restarted, dials in its turn", () => {
    const pair = testPair(44, { b: { mode: "ResponderOnly" } });
    const { network, a } = pair;
    network.runFor(500);
    const [old] = a.ikeSas;
    const again = new Node("b", { seed: 98 });
    network.nodes.splice(network.nodes.indexOf(pair.b), 1);
    network.add(again, "198.51.100.1");
    network.give(again, {
      kind: "connection-set",
      connection: testConnection("198.51.100.1", "192.0.2.1", { tunnel: "b" }),
    });
    network.runFor(4000);
    expect(settled({ network, a, b: again })).toBeUndefined();
    expect(a.of("ike-sa-down").map((e) => [e.ikeSa, e.cause])).toEqual([[old, "replaced"]]);
  });

  it("brings up further policies with CREATE_CHILD_SA", () => {
    const policy = (name: string, prefix: string) => ({
      name,
      local: [selectorOfText(`10.1.${prefix}.0/24`)!],
      remote: [selectorOfText(`10.2.${prefix}.0/24`)!],
    });
    const children = [policy("one", "1"), policy("two", "2"), policy("three", "3")];
    const pair = establishedPair(42, { a: { children } });
    pair.network.runFor(1000);
    expect(settled(pair, 3)).toBeUndefined();
  });

  it("childless when nothing is configured (RFC 6023)", () => {
    const pair = testPair(43, { a: { children: [] } });
    pair.network.runFor(1000);
    expect(pair.a.ikeSas).toHaveLength(1);
    expect(pair.b.ikeSas).toHaveLength(1);
    expect(pair.a.children).toHaveLength(0);
  });
});

describe("an established tunnel", () => {
  it("asks a silent peer and takes it down after the liveness time", () => {
    const pair = establishedPair(50);
    const start = pair.network.now;
    pair.network.translate = () => undefined;
    pair.network.runFor(120_000, () => pair.a.of("ike-sa-down").length > 0);
    const [down] = pair.a.of("ike-sa-down");
    expect(down!.cause).toBe("no-answer");
    expect(down!.reason).toContain("has been silent");
    expect(pair.network.now - start).toBeGreaterThan(44_000);
    expect(pair.network.now - start).toBeLessThan(46_000);
  });

  it("does not ask while ESP shows that the peer lives", () => {
    const pair = establishedPair(51);
    const before = pair.network.sent.length;
    for (let i = 0; i < 30; i++) {
      for (const n of [pair.a, pair.b])
        pair.network.give(n, { kind: "esp-received", childSa: n.children[0]!.childSa });
      pair.network.runFor(5000);
    }
    expect(pair.network.sent.length).toBe(before);
  });

  it("comes up again by itself after the path returns", () => {
    const pair = establishedPair(52);
    pair.network.translate = () => undefined;
    pair.network.runFor(100_000);
    expect(pair.a.children).toHaveLength(0);
    pair.network.translate = (d) => d;
    pair.network.runFor(60_000, () => settled(pair) === undefined);
    expect(settled(pair)).toBeUndefined();
  });

  it("is deleted on both sides when asked, and stays down when held", () => {
    const pair = establishedPair(53);
    pair.network.give(pair.a, { kind: "terminate", tunnel: "a", reason: "asked by a test", hold: true });
    pair.network.runFor(60_000);
    expect(pair.a.children).toHaveLength(0);
    expect(pair.b.children).toHaveLength(0);
    expect(pair.b.of("ike-sa-down")[0]!.cause).toBe("peer-deleted");
    pair.network.give(pair.a, { kind: "initiate", tunnel: "a" });
    pair.network.runFor(1000);
    expect(settled(pair)).toBeUndefined();
  });

  it("goes down and up again when its pre-shared key changes, and not when only a clock does", () => {
    const pair = establishedPair(54);
    const secret = Uint8Array.of(1, 2, 3);
    const set = (overrides: object): void => {
      pair.network.give(pair.b, {
        kind: "connection-set",
        connection: testConnection("198.51.100.1", "192.0.2.1", {
          mode: "ResponderOnly",
          tunnel: "b",
          ...overrides,
        }),
      });
      pair.network.give(pair.a, {
        kind: "connection-set",
        connection: testConnection("192.0.2.1", "198.51.100.1", { tunnel: "a", ...overrides }),
      });
      pair.network.runFor(10_000);
    };
    set({ dpdTimeout: 20_000 });
    expect(pair.a.of("ike-sa-down")).toHaveLength(0);
    set({ authentication: { method: "psk", secret } });
    expect(pair.a.of("ike-sa-down").length).toBeGreaterThan(0);
    expect(settled(pair)).toBeUndefined();
  });

  it("shows in status what it is", () => {
    const pair = establishedPair(55);
    pair.network.runFor(10_000);
    const [status] = pair.a.engine.status(pair.network.now);
    expect(status).toMatchObject({
      tunnel: "a",
      state: "ESTABLISHED",
      ikeSuite: "AES_GCM_16-256/PRF_HMAC_SHA2_256/CURVE_25519",
      establishedSeconds: 10,
      localId: "192.0.2.1",
      remoteId: "198.51.100.1",
    });
    expect(status!.children[0]).toMatchObject({ esp: "AES_GCM_16-128", localTs: ["0.0.0.0/0"] });
    expect(JSON.stringify(status)).not.toContain("115,101,99");
  });
});
