/**
 * The lab's own certificate authority. node-forge writes the certificates (RSA, PKCS#1 v1.5 with SHA-256, RFC 5280);
 * the keys come from node:crypto, which is a hundred times faster at finding primes.
 */
import { generateKeyPair } from "node:crypto";
import { promisify } from "node:util";
import type { LabPlan, PlanCertificate } from "@tandem/contract";
import { LabError } from "../lab-error.ts";

const makeKeyPair = promisify(generateKeyPair);
const RSA_BITS = 2048;
const DAY_MILLISECONDS = 86_400_000;
/** Long enough for any lab, short enough that a forgotten one does not stay trusted. */
const VALID_DAYS = 30;

interface KeyAndCertificate {
  readonly privateKey: string;
  readonly certificate: string;
}

/** Replaces `pem:chain:NAME`, `pem:key:NAME` and `pem:root:AUTHORITY` everywhere in the plan. */
export async function fillCertificates(plan: LabPlan): Promise<LabPlan> {
  if (plan.certificates.length === 0) return plan;
  const authorities = new Map<string, KeyAndCertificate>();
  const leaves = new Map<string, KeyAndCertificate>();
  for (const authority of new Set(plan.certificates.map((one) => one.authority))) {
    authorities.set(authority, await makeAuthority(authority));
  }
  for (const wanted of plan.certificates) {
    const authority = authorities.get(wanted.authority);
    if (authority !== undefined) leaves.set(wanted.name, await makeLeaf(wanted, authority));
  }
  return replaceStrings(plan, (text) => {
    const match = /^pem:(chain|key|root):(.+)$/.exec(text);
    if (match === null) return text;
    const [, what, name = ""] = match;
    const found = what === "root" ? authorities.get(name) : leaves.get(name);
    if (found === undefined)
      throw new LabError(`the plan refers to ${text}, which it does not ask to be made`);
    return what === "key" ? found.privateKey : found.certificate;
  });
}

async function makeAuthority(name: string): Promise<KeyAndCertificate> {
  const subject = [{ name: "commonName", value: name }];
  return await sign(subject, subject, undefined, [
    { name: "basicConstraints", cA: true, critical: true },
    { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
    { name: "subjectKeyIdentifier" },
  ]);
}

async function makeLeaf(wanted: PlanCertificate, authority: KeyAndCertificate): Promise<KeyAndCertificate> {
  const altNames = [
    ...wanted.dnsNames.map((value) => ({ type: 2, value })),
    ...wanted.addresses.map((ip) => ({ type: 7, ip })),
  ];
  return await sign([{ name: "commonName", value: wanted.commonName }], undefined, authority, [
    { name: "basicConstraints", cA: false },
    { name: "keyUsage", digitalSignature: true, critical: true },
    { name: "extKeyUsage", serverAuth: wanted.usage === "server", clientAuth: wanted.usage === "client" },
    ...(altNames.length === 0 ? [] : [{ name: "subjectAltName", altNames }]),
    { name: "subjectKeyIdentifier" },
  ]);
}

type Subject = { name: string; value: string }[];

async function sign(
  subject: Subject,
  issuer: Subject | undefined,
  authority: KeyAndCertificate | undefined,
  extensions: object[],
): Promise<KeyAndCertificate> {
  const { default: forge } = await import("node-forge");
  const pair = await makeKeyPair("rsa", {
    modulusLength: RSA_BITS,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(pair.publicKey);
  // A leading zero nibble keeps the serial number positive (RFC 5280 §4.1.2.2).
  certificate.serialNumber = `0${forge.util.bytesToHex(forge.random.getBytesSync(16)).slice(1)}`;
  certificate.validity.notBefore = new Date(Date.now() - DAY_MILLISECONDS);
  certificate.validity.notAfter = new Date(Date.now() + VALID_DAYS * DAY_MILLISECONDS);
  certificate.setSubject(subject);
  certificate.setIssuer(
    issuer ??
      (authority === undefined
        ? subject
        : forge.pki.certificateFromPem(authority.certificate).subject.attributes),
  );
  certificate.setExtensions(extensions);
  certificate.sign(
    forge.pki.privateKeyFromPem(authority?.privateKey ?? pair.privateKey),
    forge.md.sha256.create(),
  );
  return {
    privateKey: pair.privateKey,
    certificate: forge.pki.certificateToPem(certificate).replaceAll("\r\n", "\n"),
  };
}

function replaceStrings<T>(value: T, replace: (text: string) => string): T {
  if (typeof value === "string") return replace(value) as T;
  if (Array.isArray(value)) return value.map((one) => replaceStrings(one, replace)) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, replaceStrings(one, replace)]),
  ) as T;
}
