import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type CertificateChainRequest,
  certificateIdentities,
  checkCertificateChain,
  decodeCertificate,
  decodeRevocationList,
  nameFromText,
  pemBlocks,
  privateKeyFromPem,
  publicKeyKind,
  runCryptoJob,
  type SignatureScheme,
} from "../../src/index.ts";
import { type Authority, makeAuthority } from "../../src/testing/index.ts";

const NOW = Date.UTC(2026, 5, 1);
const DAY = 86_400_000;
const ascii = (text: string) => new TextEncoder().encode(text);

let ca: Authority;
let other: Authority;
let intermediate: Authority;
beforeAll(() => {
  ca = makeAuthority("Lab Root", { notBefore: NOW - DAY });
  other = makeAuthority("Another Root", { notBefore: NOW - DAY });
  intermediate = ca.issueAuthority("Lab Issuing", { notBefore: NOW - DAY });
});

const leafOf = (from: Authority, more = {}) =>
  from.issueCertificate({
    cn: "gw.example.com",
    notBefore: NOW - DAY,
    san: { dns: ["gw.example.com"], emails: ["admin@Example.com"], addresses: ["192.0.2.7", "2001:db8::7"] },
    ...more,
  });

function check(certificates: readonly Uint8Array[], more: Partial<CertificateChainRequest> = {}) {
  return checkCertificateChain({
    certificates,
    trustAnchors: [ca.certificate],
    crls: [],
    at: NOW + DAY,
    ...more,
  });
}

const errorOf = (result: ReturnType<typeof check>) => ("error" in result ? result.error : "accepted");

describe("checkCertificateChain", () => {
  it("accepts a certificate of a trust anchor and gives its public key and path", () => {
    const leaf = leafOf(ca);
    const checked = check([leaf.certificate]);
    expect(checked).toMatchObject({
      subjectText: "O=Tandem lab, CN=gw.example.com",
      path: ["gw.example.com", "Lab Root"],
    });
    if ("error" in checked) throw new Error(checked.error);
    expect(publicKeyKind(checked.publicKey)).toBe("rsa");
  });

  it("accepts a chain through an intermediate, in any order and with surplus certificates", () => {
    const leaf = leafOf(intermediate);
    const checked = check([leaf.certificate, other.certificate, intermediate.certificate]);
    expect(checked).toMatchObject({ path: ["gw.example.com", "Lab Issuing", "Lab Root"] });
    expect(errorOf(check([leaf.certificate]))).toBe(
      'issuer unknown: "O=Tandem lab, CN=Lab Issuing" of certificate "O=Tandem lab, CN=gw.example.com"',
    );
  });

  it("says what is wrong", () => {
    const leaf = leafOf(ca).certificate;
    expect(errorOf(check([]))).toBe("the peer sent no certificate");
    expect(errorOf(check([Uint8Array.of(0x30, 0x80)]))).toMatch(/^unreadable certificate: /);
    expect(errorOf(check([leaf], { at: NOW + 400 * DAY }))).toMatch(/ expired on 2027-05-31T00:00:00Z$/);
    expect(errorOf(check([leaf], { at: NOW - 2 * DAY }))).toMatch(
      / is not valid before 2026-05-31T00:00:00Z$/,
    );
    expect(errorOf(check([leaf], { trustAnchors: [other.certificate] }))).toMatch(/^issuer unknown: /);
    expect(errorOf(check([leafOf(ca, { eku: ["codeSigning"] }).certificate]))).toMatch(
      /is not meant for IKE/,
    );
    const impostor = makeAuthority("Lab Root", { notBefore: NOW - DAY });
    expect(errorOf(check([leafOf(impostor).certificate]))).toMatch(/its signature is wrong$/);
  });

  it("refuses a certificate that was issued by one that is no CA", () => {
    // The openssl command dates its certificates by the clock.
    const authority = makeAuthority("Lab Root");
    const leaf = authority.issueCertificate({ cn: "leaf" });
    const chain = [forgeFromLeaf(leaf), leaf.certificate];
    const at = Date.now() + 60_000;
    expect(errorOf(check(chain, { trustAnchors: [authority.certificate], at }))).toMatch(/is no CA$/);
  });

  it("refuses any change of a byte", () => {
    const { certificate } = leafOf(ca);
    const accepted = check([certificate]);
    fc.assert(
      fc.property(fc.nat(certificate.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = certificate.slice();
        changed[at]! ^= change;
        expect("error" in accepted).toBe(false);
        expect(errorOf(check([changed]))).not.toBe("accepted");
      }),
      { numRuns: 300 },
    );
  });

  it("never throws on bytes from the network", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(errorOf(check([bytes], { crls: [bytes], trustAnchors: [bytes] }))).not.toBe("accepted");
        decodeRevocationList(bytes);
      }),
    );
  });

  it("honours CRLs of the issuer only, and requires them when told to", () => {
    const leaf = leafOf(ca);
    const chain = [leaf.certificate];
    const listed = ca.issueCrl([leaf.serial], { thisUpdate: NOW });
    const clean = ca.issueCrl(["0102"], { thisUpdate: NOW });
    expect(errorOf(check(chain, { crls: [listed] }))).toMatch(/was revoked on 2026-06-01T00:00:00Z$/);
    expect(errorOf(check(chain, { crls: [listed], at: NOW + 30 * DAY }))).toMatch(/was revoked on/);
    expect(errorOf(check(chain, { crls: [clean] }))).toBe("accepted");
    expect(errorOf(check(chain, { crls: [other.issueCrl([leaf.serial], { thisUpdate: NOW })] }))).toBe(
      "accepted",
    );
    const required = { revocation: "required" as const };
    expect(errorOf(check(chain, required))).toMatch(/^there is no CRL of/);
    expect(errorOf(check(chain, { ...required, crls: [clean] }))).toBe("accepted");
    expect(errorOf(check(chain, { ...required, crls: [clean], at: NOW + 30 * DAY }))).toMatch(
      /expired on 2026-06-08/,
    );
    const broken = listed.slice();
    broken[broken.length - 1]! ^= 1;
    expect(errorOf(check(chain, { crls: [broken] }))).toBe("accepted");
  });

  it("compares every type of identity", () => {
    const chain = [leafOf(ca).certificate];
    const dn = (text: string) => nameFromText(text) as Uint8Array;
    const has = (type: Parameters<typeof identity>[0], data: Uint8Array) => identity(type, data, chain);
    expect(has("fqdn", ascii("GW.example.com"))).toBe("accepted");
    expect(has("fqdn", ascii("example.com"))).toMatch(/does not carry the identity/);
    expect(has("rfc822-addr", ascii("admin@example.COM"))).toBe("accepted");
    expect(has("rfc822-addr", ascii("Admin@example.com"))).toMatch(/does not carry/);
    expect(has("ipv4-addr", Uint8Array.of(192, 0, 2, 7))).toBe("accepted");
    expect(has("ipv4-addr", Uint8Array.of(192, 0, 2, 8))).toMatch(/does not carry/);
    expect(has("der-asn1-dn", dn("o=tandem  LAB, CN=gw.example.com"))).toBe("accepted");
    expect(has("der-asn1-dn", dn("CN=gw.example.com, O=Tandem lab"))).toMatch(/does not carry/);
    expect(has("der-asn1-dn", ascii("not DER"))).toMatch(/does not carry/);
    expect(has("key-id", ascii("gw.example.com"))).toMatch(/does not carry/);
    const certificate = decodeCertificate(chain[0]!);
    if ("error" in certificate) throw new Error(certificate.error);
    expect(certificateIdentities(certificate).map((found) => found.type)).toEqual([
      "der-asn1-dn",
      "fqdn",
      "rfc822-addr",
      "ipv4-addr",
      "ipv6-addr",
    ]);
  });

  it("runs as a job that survives a structured clone", () => {
    const job = structuredClone({
      kind: "check-certificate-chain" as const,
      certificates: [leafOf(ca).certificate],
      trustAnchors: [ca.certificate],
      crls: [],
      at: NOW + DAY,
    });
    expect(structuredClone(runCryptoJob(job))).toMatchObject({ kind: "check-certificate-chain" });
    expect(runCryptoJob({ ...job, at: 0 })).toMatchObject({ kind: "failed", job: "check-certificate-chain" });
  });
});

describe("certificates made by OpenSSL", () => {
  const directory = mkdtempSync(join(tmpdir(), "tandem-x509-"));
  afterAll(() => rmSync(directory, { recursive: true }));
  const kinds: [string, string[], SignatureScheme][] = [
    [
      "p256",
      ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
      { kind: "ecdsa", hash: "sha256", encoding: "der" },
    ],
    [
      "p384",
      ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
      { kind: "ecdsa", hash: "sha384", encoding: "raw" },
    ],
    ["ed25519", ["-newkey", "ed25519"], { kind: "ed25519" }],
    ["rsa", ["-newkey", "rsa:2048"], { kind: "rsa-pss", hash: "sha256", saltLength: 32 }],
  ];
  it.each(kinds)("%s: self-signed as trust anchor, and its key signs", (name, key, scheme) => {
    const file = (ending: string) => join(directory, `${name}.${ending}`);
    execFileSync(
      "openssl",
      ["req", "-x509", "-nodes", ...key, "-keyout", file("key"), "-out", file("pem"), "-days", "30"].concat([
        "-subj",
        "/C=DE/O=Müller & Söhne/CN=device",
        "-utf8",
        "-addext",
        "subjectAltName=DNS:device.example.org",
      ]),
      { stdio: "pipe" },
    );
    const [der] = pemBlocks(readFileSync(file("pem"), "utf8"), "CERTIFICATE");
    const at = Date.now() + 60_000;
    const checked = checkCertificateChain({ certificates: [der!], trustAnchors: [der!], crls: [], at });
    if ("error" in checked) throw new Error(checked.error);
    expect(checked.subjectText).toBe("C=DE, O=Müller & Söhne, CN=device");
    const privateKey = privateKeyFromPem(readFileSync(file("key"), "utf8"));
    if ("error" in privateKey) throw new Error(privateKey.error);
    const data = ascii("octets");
    const signed = runCryptoJob({ kind: "sign", scheme, privateKey, data });
    if (signed.kind !== "sign") throw new Error("not signed");
    const verifying = { kind: "verify" as const, scheme, publicKey: checked.publicKey, data };
    expect(runCryptoJob({ ...verifying, signature: signed.signature })).toEqual({
      kind: "verify",
      valid: true,
    });
    const wrong = signed.signature.slice();
    wrong[5]! ^= 1;
    expect(runCryptoJob({ ...verifying, signature: wrong })).toEqual({ kind: "verify", valid: false });
  });
});

function identity(
  type: "fqdn" | "rfc822-addr" | "ipv4-addr" | "der-asn1-dn" | "key-id",
  data: Uint8Array,
  chain: Uint8Array[],
) {
  return errorOf(check(chain, { identity: { type, data } }));
}

/** A certificate signed with the key of an end-entity certificate. */
function forgeFromLeaf(leaf: { certificatePem: string; privateKeyPem: string }): Uint8Array {
  const directory = mkdtempSync(join(tmpdir(), "tandem-forged-"));
  try {
    const write = (name: string, text: string) => {
      execFileSync("sh", ["-c", `umask 077; cat > "${join(directory, name)}"`], { input: text });
      return join(directory, name);
    };
    const caFile = write("ca.pem", leaf.certificatePem);
    const keyFile = write("ca.key", leaf.privateKeyPem);
    const pem = execFileSync(
      "openssl",
      [
        "req",
        "-x509",
        "-nodes",
        "-newkey",
        "ed25519",
        "-keyout",
        "/dev/null",
        "-CA",
        caFile,
        "-CAkey",
        keyFile,
      ].concat(["-subj", "/CN=forged", "-days", "30"]),
      { stdio: "pipe" },
    ).toString();
    return pemBlocks(pem, "CERTIFICATE")[0]!;
  } finally {
    rmSync(directory, { recursive: true });
  }
}
