import { hexToBytes } from "@tandem/crypto";
import { makeAuthority } from "@tandem/crypto/testing";
import type { CertificateAuthentication, IkeConnection } from "@tandem/ike";
import { type Pair, settled, testPair } from "@tandem/ike/testing";
import { describe, expect, it } from "vitest";
import { authority, certificateAuthentication } from "../certificates.ts";
import vectors from "../vectors/elliptic-certificates.json" with { type: "json" };

const NOW = Date.now();

function connect(
  a: CertificateAuthentication,
  b: CertificateAuthentication,
  more: { readonly a?: Partial<IkeConnection>; readonly b?: Partial<IkeConnection> } = {},
): Pair {
  const pair = testPair(1, {
    a: { authentication: a, localId: "a.example.com", remoteId: "b.example.com", ...more.a },
    b: { authentication: b, localId: "b.example.com", remoteId: "a.example.com", ...more.b },
    options: { unixTimeAtZero: NOW },
  });
  pair.network.runFor(20_000, () => pair.a.of("ike-failed").length > 0 || settled(pair) === undefined);
  return pair;
}

const a = () =>
  certificateAuthentication({ cn: "a", san: { dns: ["a.example.com"], emails: ["a@example.com"] } });
const b = () => certificateAuthentication({ cn: "b", san: { dns: ["b.example.com"] } });

describe("authentication with certificates", () => {
  it("with RSA, hashes negotiated (RFC 7427), the messages in fragments (RFC 7383)", () => {
    const pair = connect(a(), b());
    expect(settled(pair)).toBeUndefined();
    expect(pair.a.transcript).toContain("AUTH DIGITAL_SIGNATURE");
    expect(pair.a.transcript).toContain("CERTREQ");
    expect(pair.a.transcript).toMatch(/authenticated b\.example\.com by certificate "O=Tandem lab, CN=b"/);
    expect(pair.a.transcript).toMatch(/\(\d fragments\)/);
    for (const { datagram } of pair.network.sent) expect(datagram.payload.length).toBeLessThanOrEqual(1252);
  });

  it("with RSASSA-PSS on one side", () => {
    const pair = connect({ ...a(), preferPss: true }, b());
    expect(settled(pair)).toBeUndefined();
  });

  it("with an intermediate authority", () => {
    const middle = authority().issueAuthority("Middle CA");
    const own = certificateAuthentication({ cn: "a", san: { dns: ["a.example.com"] } }, { issuer: middle });
    const pair = connect({ ...own, chain: [...own.chain, middle.certificate] }, b());
    expect(settled(pair)).toBeUndefined();
    expect(pair.b.transcript).toContain("a ← Middle CA ← Test CA");
  });

  it.each([
    ["e-mail address", "a@example.com"],
    ["distinguished name", "O=Tandem lab, CN=a"],
  ])("with the %s as identity", (_name, id) => {
    const pair = connect(a(), b(), { a: { localId: id }, b: { remoteId: id } });
    expect(settled(pair)).toBeUndefined();
  });

  it("with an address as identity", () => {
    const own = certificateAuthentication({ cn: "a", san: { addresses: ["192.0.2.1"] } });
    expect(
      settled(connect(own, b(), { a: { localId: "192.0.2.1" }, b: { remoteId: "192.0.2.1" } })),
    ).toBeUndefined();
  });

  it("falls back to the classic methods when the peer announces no hashes", () => {
    const pair = testPair(2, {
      a: { authentication: a(), localId: "a.example.com", remoteId: "b.example.com" },
      b: { authentication: b(), localId: "b.example.com", remoteId: "a.example.com" },
      options: { unixTimeAtZero: NOW },
    });
    // Both behave as with a peer of before RFC 7427: the number of the notify becomes an unknown status type.
    pair.network.rule = ({ datagram }) => {
      const { payload } = datagram;
      for (let i = 28; i + 1 < payload.length && payload[18] === 34; i++)
        if (payload[i] === 0x40 && payload[i + 1] === 0x2f && payload[i - 2] === 0) payload[i] = 0xa0;
      return [10];
    };
    pair.network.runFor(20_000, () => settled(pair) === undefined);
    expect(settled(pair)).toBeUndefined();
    expect(pair.a.transcript).toContain("AUTH RSA_SIGNATURE");
  });
});

describe("a certificate that is refused", () => {
  const refused = (pair: Pair): string => {
    expect(pair.a.ikeSas).toHaveLength(0);
    expect(pair.b.ikeSas).toHaveLength(0);
    expect(pair.a.transcript).toContain("the peer does not believe this side (AUTHENTICATION_FAILED)");
    return pair.b.transcript;
  };

  it("because it expired", () => {
    const old = certificateAuthentication({
      cn: "a",
      san: { dns: ["a.example.com"] },
      days: -1,
      notBefore: NOW - 86_400_000 * 10,
    });
    const text = refused(connect(old, b()));
    expect(text).toMatch(
      /the peer's certificate is refused: certificate "O=Tandem lab, CN=a" expired on \d{4}-/,
    );
    expect(text).toContain("cure: renew that certificate, or set the clock of this machine");
  });

  it("because nobody here trusts its issuer", () => {
    const stranger = makeAuthority("Stranger CA");
    const own = certificateAuthentication({ cn: "a", san: { dns: ["a.example.com"] } }, { issuer: stranger });
    const text = refused(connect(own, b()));
    expect(text).toContain("the peer's certificate is refused");
    expect(text).toContain("cure: trust the authority that issued it");
  });

  it("because it does not carry the identity", () => {
    const own = certificateAuthentication({ cn: "a", san: { dns: ["other.example.com"] } });
    const text = refused(connect(own, b()));
    expect(text).toMatch(/refused: .*a\.example\.com|identity/);
  });

  it("because it was revoked", () => {
    const issued = authority().issueCertificate({ cn: "a", san: { dns: ["a.example.com"] } });
    const own = { ...a(), chain: [issued.certificate], privateKey: issued.privateKey };
    const crl = authority().issueCrl([issued.serial]);
    const text = refused(connect(own, { ...b(), crls: [crl] }));
    expect(text).toMatch(/refused: .*revoked/);
    expect(text).toContain("cure: issue the peer a new certificate");
  });

  it("because its key did not sign", () => {
    const other = a();
    const text = refused(connect({ ...a(), privateKey: other.privateKey }, b()));
    expect(text).toContain("the peer's signature is not by the key of its certificate");
  });

  it("on the initiator's side tells the responder and nobody else", () => {
    const stranger = makeAuthority("Stranger CA");
    const own = certificateAuthentication({ cn: "b", san: { dns: ["b.example.com"] } }, { issuer: stranger });
    const pair = connect(a(), { ...own, trustAnchors: [authority().certificate] });
    pair.network.runFor(500);
    expect(pair.a.transcript).toContain("the peer's certificate is refused");
    expect(pair.b.transcript).toContain("the peer ended the IKE SA with AUTHENTICATION_FAILED");
    expect(pair.b.ikeSas).toHaveLength(0);
  });
});

it("the loss of any one fragment costs a retransmission and no more", () => {
  const [x, y] = [a(), b()];
  for (let lost = 2; lost < 8; lost++) {
    const pair = testPair(9, {
      a: { authentication: x, localId: "a.example.com", remoteId: "b.example.com" },
      b: { authentication: y, localId: "b.example.com", remoteId: "a.example.com" },
      options: { unixTimeAtZero: NOW },
    });
    pair.network.rule = ({ number }) => (number === lost ? [] : [10]);
    pair.network.runFor(10_000, () => settled(pair) === undefined);
    expect(settled(pair), `datagram ${lost}`).toBeUndefined();
  }
});

describe("with elliptic keys", () => {
  const kinds = ["p256", "p384", "p521", "ed25519"] as const;
  const own = (kind: (typeof kinds)[number]): CertificateAuthentication => ({
    method: "certificate",
    chain: [hexToBytes(vectors[kind].certificate)],
    privateKey: hexToBytes(vectors[kind].privateKey),
    trustAnchors: kinds.map((k) => hexToBytes(vectors[k].authority)),
    crls: [],
  });
  it.each(kinds)("%s on both sides, RFC 7427 and RFC 8420", (kind) => {
    const id = `${kind}.example.com`;
    const pair = connect(own(kind), own(kind), {
      a: { localId: id, remoteId: id },
      b: { localId: id, remoteId: id },
    });
    expect(settled(pair)).toBeUndefined();
    expect(pair.a.transcript).toContain("AUTH DIGITAL_SIGNATURE");
  });

  it("one kind on each side", () => {
    const pair = connect(own("p384"), own("ed25519"), {
      a: { localId: "p384.example.com", remoteId: "ed25519.example.com" },
      b: { localId: "ed25519.example.com", remoteId: "p384.example.com" },
    });
    expect(settled(pair)).toBeUndefined();
  });
});
