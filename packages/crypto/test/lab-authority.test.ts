import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { authorityKeyHash, certificatesFromPem, toPem } from "../src/index.ts";
import { makeAuthority } from "../src/lab-authority.ts";

/** What the authority makes must please others than ourselves: here OpenSSL's command. */
describe("lab authority, by OpenSSL", () => {
  const directory = mkdtempSync(join(tmpdir(), "tandem-ca-"));
  afterAll(() => rmSync(directory, { recursive: true }));
  const file = (name: string, contents: string | Uint8Array) => {
    const path = join(directory, name);
    writeFileSync(path, contents, { mode: 0o600 });
    return path;
  };
  const openssl = (...args: string[]) => {
    try {
      return execFileSync("openssl", args, { stdio: "pipe" }).toString();
    } catch (cause) {
      const { stdout, stderr } = cause as { stdout: Buffer; stderr: Buffer };
      return `${stdout}${stderr}`;
    }
  };

  const root = makeAuthority("Lab Root");
  const issuing = root.issueAuthority("Lab Issuing");
  const leaf = issuing.issueCertificate({
    cn: "gw",
    san: { dns: ["gw.example"], addresses: ["192.0.2.1", "2001:db8::1"] },
  });
  const rootFile = file("root.pem", root.certificatePem);
  const chainFile = file("issuing.pem", issuing.certificatePem);
  const leafFile = file("leaf.pem", leaf.certificatePem);

  it("the chain verifies", () => {
    const verified = openssl(
      "verify",
      "-x509_strict",
      "-CAfile",
      rootFile,
      "-untrusted",
      chainFile,
      leafFile,
    );
    expect(verified).toBe(`${leafFile}: OK\n`);
  });

  it("names and uses are what was asked for", () => {
    const text = openssl(
      "x509",
      "-in",
      leafFile,
      "-noout",
      "-subject",
      "-ext",
      "subjectAltName,keyUsage,extendedKeyUsage",
    );
    expect(text).toContain("CN = gw");
    expect(text).toContain("DNS:gw.example, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1");
    expect(text).toContain("Digital Signature");
    expect(text).toContain("TLS Web Server Authentication, TLS Web Client Authentication");
  });

  it("the key belongs to the certificate", () => {
    const keyFile = file("leaf.key", leaf.privateKeyPem);
    expect(openssl("pkey", "-in", keyFile, "-pubout")).toBe(
      openssl("x509", "-in", leafFile, "-noout", "-pubkey"),
    );
  });

  it("a CRL revokes", () => {
    const crls = (serials: string[]) =>
      file("crls.pem", toPem(issuing.issueCrl(serials), "X509 CRL") + toPem(root.issueCrl([]), "X509 CRL"));
    const verify = (crlFile: string) =>
      openssl(
        "verify",
        "-crl_check_all",
        "-CAfile",
        rootFile,
        "-untrusted",
        chainFile,
        "-CRLfile",
        crlFile,
        leafFile,
      );
    expect(verify(crls([]))).toBe(`${leafFile}: OK\n`);
    expect(verify(crls([leaf.serial]))).toContain("certificate revoked");
  });

  it("CERTREQ names it by the SHA-1 of its public key", () => {
    const certificates = certificatesFromPem(root.certificatePem);
    if ("error" in certificates) throw new Error(certificates.error);
    const spki = execFileSync("sh", [
      "-c",
      `openssl x509 -in ${rootFile} -noout -pubkey | openssl pkey -pubin -outform DER | openssl sha1 -r`,
    ]);
    expect(Buffer.from(authorityKeyHash(certificates[0]!)).toString("hex")).toBe(
      spki.toString().slice(0, 40),
    );
  });
});
