/** What an engineer reads when a tunnel does not come up: one test on the wording of each failure class. */
import type { IkeConnection } from "@tandem/ike";
import { selectorOfText } from "@tandem/ike";
import { A, B, Node, type Pair, settled, testConnection, testPair } from "@tandem/ike/testing";
import { describe, expect, it } from "vitest";
import { certificateAuthentication } from "../certificates.ts";

function attempt(
  over: { readonly a?: Partial<IkeConnection>; readonly b?: Partial<IkeConnection> },
  time = 20_000,
): Pair {
  const pair = testPair(1, over);
  pair.network.runFor(time, () => pair.a.of("ike-failed").length > 0);
  pair.network.runFor(200);
  return pair;
}

const secret = (text: string): IkeConnection["authentication"] => ({
  method: "psk",
  secret: Uint8Array.from(text, (c) => c.charCodeAt(0)),
});
const net = (local: string, remote: string): IkeConnection["children"] => [
  { name: "net", local: [selectorOfText(local)!], remote: [selectorOfText(remote)!] },
];

describe("the transcript explains", () => {
  it("no IKE proposal in common, on both sides", () => {
    const cbc = {
      encryption: [{ name: "aes-cbc", keyBits: 256 }],
      integrity: ["hmac-sha1-96"],
      prf: ["prf-hmac-sha1"],
      groups: ["modp1024"],
    } as const;
    const other = { ...cbc, groups: ["modp2048"] } as const;
    const { a, b } = attempt({
      a: { ike: { offer: [cbc], accept: [cbc] } },
      b: { ike: { offer: [other], accept: [other] } },
    });
    expect(b.transcript).toContain(
      [
        "no IKE proposal in common: answering NO_PROPOSAL_CHOSEN",
        "peer offers AES_CBC-256/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024",
        "here accepted AES_CBC-256/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_2048",
        "closest pair differs in key exchange: peer MODP_1024, here MODP_2048",
        "cure: give both sides one IKE (phase 1) proposal in common",
      ].join("\n"),
    );
    expect(a.transcript).toContain(
      [
        "IKE_SA_INIT refused by the peer: no proposal in common (NO_PROPOSAL_CHOSEN)",
        "cause: none of this side's offers is configured on the peer",
        "cure: give both sides one proposal in common (encryption, integrity, key exchange group, PFS group)",
        "offered from here AES_CBC-256/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024",
      ].join("\n"),
    );
    expect(a.of("ike-failed")[0]).toMatchObject({ cause: "negotiation-failed" });
  });

  it("no ESP proposal in common", () => {
    const esp = {
      encryption: [{ name: "aes-cbc", keyBits: 128 }],
      integrity: ["hmac-sha1-96"],
      groups: ["none"],
      esn: [false],
    } as const;
    const { a, b } = attempt({ b: { esp: { offer: [esp], accept: [esp] } } }, 1000);
    expect(b.transcript).toContain("no ESP proposal in common: answering NO_PROPOSAL_CHOSEN");
    expect(b.transcript).toContain(
      "closest pair differs in encryption: peer AES_GCM_16-128, here AES_CBC-128",
    );
    expect(a.transcript).toContain(
      "Child SA refused by the peer: no proposal in common (NO_PROPOSAL_CHOSEN)",
    );
    expect(a.ikeSas).toHaveLength(1);
    expect(a.engine.status(1000)[0]!.reason).toContain(
      "Child SA refused by the peer: no proposal in common (NO_PROPOSAL_CHOSEN); cause: ",
    );
  });

  it("a wrong pre-shared key, without showing either", () => {
    const { a, b } = attempt({
      a: { authentication: secret("right") },
      b: { authentication: secret("wrong!") },
    });
    expect(b.transcript).toContain("the peer's AUTH does not match this side's pre-shared key");
    expect(b.transcript).toContain(
      "cause: the pre-shared keys differ (here it has 6 octets); cure: set the same key on both sides",
    );
    expect(b.transcript).toContain("answering AUTHENTICATION_FAILED");
    expect(a.transcript).toContain(
      "IKE_AUTH refused by the peer: the peer does not believe this side (AUTHENTICATION_FAILED)",
    );
    expect(a.of("ike-failed")[0]!.reason).toContain("the pre-shared keys differ");
    expect(b.of("ike-failed")[0]).toMatchObject({ tunnel: "b", cause: "authentication-failed" });
    for (const text of [a.transcript, b.transcript]) expect(text).not.toMatch(/right|wrong!/);
  });

  it("a wrong identity of the initiator", () => {
    const { b } = attempt({ a: { localId: "device.example.com" } });
    expect(b.transcript).toContain(
      'wrong identity: no connection for a peer that says it is "device.example.com"',
    );
    expect(b.transcript).toContain(`here expected "${A}" asking for "${B}"`);
    expect(b.transcript).toContain('cure: set the remote identity of the connection to "device.example.com"');
  });

  it("a wrong identity of the responder", () => {
    const { a, b } = attempt({ a: { remoteId: "gateway.example.com" }, b: { localId: "%any" } });
    expect(a.transcript).toContain(
      `wrong identity: the peer says it is "${B}", this connection expects "gateway.example.com"`,
    );
    expect(a.transcript).toContain(`cure: set the remote identity here to "${B}"`);
    expect(b.transcript).toContain("the peer ended the IKE SA with AUTHENTICATION_FAILED");
  });

  it("another authentication method than configured", () => {
    const { b } = attempt({ b: { authentication: certificateAuthentication({ cn: "b" }) } });
    expect(b.transcript).toContain(
      "the peer authenticates with SHARED_KEY_MIC, this connection is configured for certificates",
    );
  });

  it("selectors that have nothing in common", () => {
    const { a, b } = attempt(
      {
        a: { children: net("10.1.0.0/16", "10.2.0.0/16") },
        b: { children: net("10.3.0.0/16", "10.1.0.0/16"), responderSelectors: "policy" },
      },
      1000,
    );
    expect(b.transcript).toContain(
      [
        "traffic selectors have nothing in common: answering TS_UNACCEPTABLE",
        "peer proposes 10.1.0.0/16 === 10.2.0.0/16 (its side === this side)",
        "here allowed 10.1.0.0/16 === 10.3.0.0/16",
        "cure: make the prefixes of both configurations mirror images of each other",
      ].join("\n"),
    );
    expect(a.transcript).toContain(
      "Child SA refused by the peer: traffic selectors unacceptable (TS_UNACCEPTABLE)",
    );
    expect(a.transcript).toContain("offered from here 10.1.0.0/16 === 10.2.0.0/16");
  });

  it("no answer to the first message", () => {
    const pair = testPair(2);
    pair.network.translate = () => undefined;
    pair.network.runFor(120_000, () => pair.a.of("ike-failed").length > 0);
    const [failure] = pair.a.of("ike-failed");
    expect(failure!.cause).toBe("no-answer");
    expect(failure!.reason).toBe(
      `no answer from ${B} port 500 to IKE_SA_INIT after 8 tries: is the address right, the device up, and UDP 500 open on the way?`,
    );
  });

  it("a firewall that lets port 500 through and not 4500", () => {
    const pair = testPair(3, { a: { forceEncapsulation: true } });
    pair.network.translate = (d) => (d.localPort === 4500 ? undefined : d);
    pair.network.runFor(120_000, () => pair.a.of("ike-failed").length > 0);
    expect(pair.a.of("ike-failed")[0]!.reason).toContain(
      "no answer from 198.51.100.1 port 4500 to IKE_AUTH after 8 tries: is UDP 4500 open on the way",
    );
  });

  it("a NAT in the way, and on whose side", () => {
    const pair = testPair(4);
    pair.network.translate = (d) => {
      if (d.local === A) return { ...d, local: "203.0.113.7", localPort: d.localPort + 10_000 };
      return d.remote === "203.0.113.7" ? { ...d, remote: A, remotePort: d.remotePort - 10_000 } : d;
    };
    pair.network.give(pair.b, {
      kind: "connection-set",
      connection: testConnection(B, null, { mode: "ResponderOnly", tunnel: "any", remoteId: A }),
    });
    pair.network.runFor(2000);
    expect(pair.a.transcript).toContain(
      "NAT in the way: this side is behind one (or forces encapsulation); going on in UDP 4500",
    );
    expect(pair.b.transcript).toContain("NAT in the way: the peer is behind one");
  });

  it("fragments that are lost on the way", () => {
    const authentication = (cn: string) =>
      certificateAuthentication({ cn, san: { dns: [`${cn}.example.com`] } });
    const pair = testPair(5, {
      a: { authentication: authentication("a"), localId: "a.example.com", remoteId: "b.example.com" },
      b: { authentication: authentication("b"), localId: "b.example.com", remoteId: "a.example.com" },
      options: { unixTimeAtZero: Date.now() },
    });
    pair.network.rule = ({ datagram }) => (datagram.payload.length > 1100 ? [] : [10]);
    pair.network.runFor(120_000, () => pair.a.of("ike-failed").length > 0);
    expect(pair.a.of("ike-failed")[0]!.reason).toMatch(
      /no answer .* to IKE_AUTH after 8 tries \(sent in \d fragments: a device or firewall on the way may drop them\)/,
    );
    expect(pair.b.transcript).toMatch(/fragments? [\d, ]+ of \d never came: the message is dropped/);
  });

  it("a caller for whom there is no connection", () => {
    const pair = testPair(6);
    const stranger = pair.network.add(new Node("c", { seed: 5 }), "203.0.113.99");
    pair.network.give(stranger, { kind: "connection-set", connection: testConnection("203.0.113.99", B) });
    pair.network.runFor(500);
    expect(pair.b.of("log").map((e) => e.message)).toContain(
      `203.0.113.99 tried to connect to ${B}: no connection is configured for that address`,
    );
  });

  it("a whole success in one screen", () => {
    const pair = testPair(7);
    pair.network.runFor(1000);
    expect(settled(pair)).toBeUndefined();
    const lines = pair.a.transcript.split("\n");
    expect(lines.length).toBeLessThan(24);
    expect(lines[0]).toMatch(/^IKE_SA_INIT 0 {2}HDR, SAi1, KEi, Ni, N\(NAT_DETECTION_SOURCE_IP\), .* -->$/);
    expect(lines).toContain(
      "IKE_AUTH 1  <--  HDR, SK {IDr, AUTH, SAr2, TSi, TSr, N(IKEV2_MESSAGE_ID_SYNC_SUPPORTED)}",
    );
    expect(lines).toContain(`IKE SA established: authenticated ${B} by pre-shared key`);
  });
});
