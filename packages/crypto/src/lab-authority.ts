/**
 * A certificate authority for labs and tests: RSA, made by node-forge, signed with SHA-256. Nothing here protects anybody:
 * keys are short-lived and lie in files of the lab.
 */
import { createPrivateKey, generateKeyPairSync, randomBytes } from "node:crypto";
import forge from "node-forge";
import { derBitString, derOid, derSequence, derTlv, derUnsigned } from "./der-writer.ts";
import { hexToBytes } from "./octets.ts";
import { type SecretBytes, secretBytes } from "./secret-bytes.ts";
import { sign } from "./signature.ts";
import { encodeSignatureAlgorithm } from "./signature-algorithm.ts";
import { decodeCertificate } from "./x509/certificate.ts";
import { toPem } from "./x509/pem.ts";

export interface Issued {
  readonly certificatePem: string;
  /** DER. */
  readonly certificate: Uint8Array;
  readonly privateKeyPem: string;
  /** PKCS #8 DER. */
  readonly privateKey: SecretBytes;
  /** As in CRLs, hexadecimal. */
  readonly serial: string;
}

export interface CertificateRequest {
  readonly cn: string;
  /** O of the subject; `Tandem lab` by default. */
  readonly organization?: string;
  readonly san?: {
    readonly dns?: readonly string[];
    readonly emails?: readonly string[];
    readonly addresses?: readonly string[];
  };
  /** node-forge's names (`serverAuth`, `clientAuth`) or OIDs; both of the former by default. */
  readonly eku?: readonly string[];
  /** 365 by default. Negative values make certificates that have expired. */
  readonly days?: number;
  /** Milliseconds since 1970; an hour ago by default, so that clocks may differ. */
  readonly notBefore?: number;
  /** A CA that this authority vouches for. */
  readonly ca?: boolean;
  readonly keyBits?: 2048 | 3072 | 4096;
}

/** Ten years from an hour ago unless told otherwise. */
export type AuthorityOptions = Pick<CertificateRequest, "days" | "notBefore" | "keyBits">;

export interface Authority extends Issued {
  readonly cn: string;
  issueCertificate(request: CertificateRequest): Issued;
  /** An authority whose certificate this one issued. */
  issueAuthority(cn: string, options?: AuthorityOptions): Authority;
  /** DER of a CRL over the serial numbers; valid for `days` (7 by default) from `thisUpdate`. */
  issueCrl(serials: readonly string[], options?: { thisUpdate?: number; days?: number }): Uint8Array;
}

const DAY = 86_400_000;
const HOUR = 3_600_000;
const TEN_YEARS = 3650;
const DEFAULT_ORGANIZATION = "Tandem lab";

interface Issuer {
  readonly attributes: forge.pki.CertificateField[];
  readonly key: forge.pki.rsa.PrivateKey;
  /** SubjectKeyIdentifier, as a binary string: what issued certificates point back to (RFC 5280 §4.2.1.1). */
  readonly keyIdentifier: string;
}

function subjectOf(cn: string, organization: string): forge.pki.CertificateField[] {
  return [
    { shortName: "O", value: organization },
    { shortName: "CN", value: cn },
  ];
}

function extensions(request: CertificateRequest, issuer: Issuer | undefined): object[] {
  const isCa = request.ca === true;
  const out: object[] = [
    { name: "basicConstraints", cA: isCa, critical: true },
    isCa
      ? { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true }
      : { name: "keyUsage", digitalSignature: true, keyEncipherment: true, critical: true },
    { name: "subjectKeyIdentifier" },
  ];
  if (issuer !== undefined) out.push({ name: "authorityKeyIdentifier", keyIdentifier: issuer.keyIdentifier });
  if (isCa) return out;
  const purposes = request.eku ?? ["serverAuth", "clientAuth"];
  out.push({ name: "extKeyUsage", ...Object.fromEntries(purposes.map((purpose) => [purpose, true])) });
  const names = [
    ...(request.san?.dns ?? []).map((value) => ({ type: 2, value })),
    ...(request.san?.emails ?? []).map((value) => ({ type: 1, value })),
    ...(request.san?.addresses ?? []).map((ip) => ({ type: 7, ip })),
  ];
  if (names.length > 0) out.push({ name: "subjectAltName", altNames: names });
  return out;
}

/** Without an issuer the certificate is self-signed. */
function issue(
  request: CertificateRequest,
  issuer: Issuer | undefined,
): Issued & Pick<Issuer, "key" | "keyIdentifier"> {
  // OpenSSL makes RSA keys some hundred times faster than JavaScript does.
  const pair = generateKeyPairSync("rsa", {
    modulusLength: request.keyBits ?? 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
  });
  const forgeKey = forge.pki.privateKeyFromPem(pair.privateKey);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(pair.publicKey);
  // Positive, without a leading zero byte.
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x3f) | 0x40;
  certificate.serialNumber = serial.toString("hex");
  const notBefore = request.notBefore ?? Date.now() - HOUR;
  certificate.validity.notBefore = new Date(notBefore);
  certificate.validity.notAfter = new Date(notBefore + (request.days ?? 365) * DAY);
  const subject = subjectOf(request.cn, request.organization ?? DEFAULT_ORGANIZATION);
  certificate.setSubject(subject);
  certificate.setIssuer(issuer?.attributes ?? subject);
  certificate.setExtensions(extensions(request, issuer));
  certificate.sign(issuer?.key ?? forgeKey, forge.md.sha256.create());
  const der = forge.asn1.toDer(forge.pki.certificateToAsn1(certificate)).getBytes();
  const bytes = latin1(der);
  const pkcs8 = createPrivateKey(pair.privateKey).export({ format: "der", type: "pkcs8" });
  return {
    certificatePem: toPem(bytes, "CERTIFICATE"),
    certificate: bytes,
    privateKeyPem: toPem(pkcs8, "PRIVATE KEY"),
    privateKey: secretBytes(Uint8Array.from(pkcs8)),
    serial: certificate.serialNumber,
    key: forgeKey,
    keyIdentifier: certificate.generateSubjectKeyIdentifier().getBytes(),
  };
}

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));

/** UTCTime until 2049, as RFC 5280 §5.1.2.4 wants it. */
function time(at: number): Uint8Array {
  const digits = new Date(at)
    .toISOString()
    .replace(/\.\d+Z$/, "")
    .replace(/[-:T]/g, "");
  return digits < "2050" ? derTlv(0x17, latin1(`${digits.slice(2)}Z`)) : derTlv(0x18, latin1(`${digits}Z`));
}

/** RFC 5280 §5.1; node-forge cannot write CRLs. */
function crl(
  authority: Issued,
  keyIdentifier: string,
  serials: readonly string[],
  thisUpdate: number,
  nextUpdate: number,
): Uint8Array {
  const scheme = { kind: "rsa-pkcs1", hash: "sha256" } as const;
  const decoded = decodeCertificate(authority.certificate);
  if ("error" in decoded) throw new Error(decoded.error);
  const algorithm = encodeSignatureAlgorithm(scheme);
  const entries = serials.map((serial) => derSequence(derUnsigned(hexToBytes(serial)), time(thisUpdate)));
  const number = derSequence(
    derOid("2.5.29.20"),
    derTlv(
      0x04,
      derUnsigned(
        hexToBytes(
          Math.floor(thisUpdate / 1000)
            .toString(16)
            .padStart(12, "0"),
        ),
      ),
    ),
  );
  const issuerKey = derSequence(
    derOid("2.5.29.35"),
    derTlv(0x04, derSequence(derTlv(0x80, latin1(keyIdentifier)))),
  );
  const tbs = derSequence(
    derUnsigned(Uint8Array.of(1)),
    algorithm,
    decoded.subject,
    time(thisUpdate),
    time(nextUpdate),
    ...(entries.length > 0 ? [derSequence(...entries)] : []),
    derTlv(0xa0, derSequence(issuerKey, number)),
  );
  const signature = sign(scheme, authority.privateKey, tbs);
  if ("error" in signature) throw new Error(signature.error);
  return derSequence(tbs, algorithm, derBitString(signature));
}

function authorityFrom(cn: string, made: Issued & Pick<Issuer, "key" | "keyIdentifier">): Authority {
  const { key, keyIdentifier, ...issued } = made;
  const issuer: Issuer = { attributes: subjectOf(cn, DEFAULT_ORGANIZATION), key, keyIdentifier };
  return {
    ...issued,
    cn,
    issueCertificate(request) {
      const { key: _, keyIdentifier: __, ...leaf } = issue(request, issuer);
      return leaf;
    },
    issueAuthority: (childCn, options = {}) =>
      authorityFrom(childCn, issue({ cn: childCn, days: TEN_YEARS, ...options, ca: true }, issuer)),
    issueCrl(serials, options = {}) {
      const thisUpdate = options.thisUpdate ?? Date.now() - HOUR;
      return crl(issued, keyIdentifier, serials, thisUpdate, thisUpdate + (options.days ?? 7) * DAY);
    },
  };
}

/** A new self-signed RSA authority. */
export function makeAuthority(cn: string, options: AuthorityOptions = {}): Authority {
  return authorityFrom(cn, issue({ cn, days: TEN_YEARS, ...options, ca: true }, undefined));
}
