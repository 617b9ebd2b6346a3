/**
 * X.509 certificates, as much of them as IKE needs (RFC 5280 §4, RFC 4945 §5).
 *
 *      Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signature BIT STRING }
 */
import { bytesToHex } from "../octets.ts";
import {
  DerError,
  DerReader,
  decodeBitString,
  decodeBoolean,
  decodeOid,
  decodeSmallInteger,
  decodeTime,
  TAG,
} from "./der-reader.ts";
import { formatName, nameKey } from "./distinguished-name.ts";

/** Bits of KeyUsage, RFC 5280 §4.2.1.3, that matter here. */
export type KeyUsage = "digitalSignature" | "nonRepudiation" | "keyCertSign" | "crlSign";

export interface Certificate {
  readonly der: Uint8Array;
  /** What the signature covers. */
  readonly tbs: Uint8Array;
  readonly signatureAlgorithm: Uint8Array;
  readonly signature: Uint8Array;
  readonly serial: string;
  readonly issuer: Uint8Array;
  readonly issuerKey: string;
  readonly subject: Uint8Array;
  readonly subjectKey: string;
  /** For people. */
  readonly subjectText: string;
  readonly issuerText: string;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  readonly isCa: boolean;
  readonly pathLength: number | undefined;
  /** `undefined` when the extension is absent, which allows every use. */
  readonly keyUsage: ReadonlySet<KeyUsage> | undefined;
  readonly extendedKeyUsage: readonly string[] | undefined;
  readonly dnsNames: readonly string[];
  readonly emails: readonly string[];
  /** 4 or 16 bytes each. */
  readonly addresses: readonly Uint8Array[];
  /** Critical extensions that this decoder does not understand: RFC 5280 §4.2 refuses such a certificate. */
  readonly unknownCritical: readonly string[];
}

const USAGE_BITS: readonly (readonly [bit: number, usage: KeyUsage])[] = [
  [0, "digitalSignature"],
  [1, "nonRepudiation"],
  [5, "keyCertSign"],
  [6, "crlSign"],
];

interface Extensions {
  isCa: boolean;
  pathLength: number | undefined;
  keyUsage: Set<KeyUsage> | undefined;
  extendedKeyUsage: string[] | undefined;
  dnsNames: string[];
  emails: string[];
  addresses: Uint8Array[];
  unknownCritical: string[];
}

const latin1 = new TextDecoder("latin1");
const text = (bytes: Uint8Array): string => latin1.decode(bytes);

function readSubjectAltName(value: DerReader, into: Extensions): void {
  const names = value.enter(TAG.sequence, "subjectAltName");
  while (!names.atEnd) {
    const { tag, contents } = names.next("general name");
    if (tag === 0x81) into.emails.push(text(contents));
    else if (tag === 0x82) into.dnsNames.push(text(contents));
    else if (tag === 0x87 && (contents.length === 4 || contents.length === 16)) into.addresses.push(contents);
  }
}

function readExtension(oid: string, critical: boolean, value: DerReader, into: Extensions): void {
  switch (oid) {
    case "2.5.29.19": {
      const constraints = value.enter(TAG.sequence, "basicConstraints");
      const ca = constraints.optional(TAG.boolean, "cA");
      into.isCa = ca !== undefined && decodeBoolean(ca);
      const length = constraints.optional(TAG.integer, "pathLenConstraint");
      if (length !== undefined) into.pathLength = decodeSmallInteger(length.contents);
      return;
    }
    case "2.5.29.15": {
      const bits = value.expect(TAG.bitString, "keyUsage").contents.subarray(1);
      into.keyUsage = new Set(
        USAGE_BITS.filter(([bit]) => ((bits[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0).map(
          ([, usage]) => usage,
        ),
      );
      return;
    }
    case "2.5.29.37": {
      const purposes = value.enter(TAG.sequence, "extKeyUsage");
      into.extendedKeyUsage = [];
      while (!purposes.atEnd)
        into.extendedKeyUsage.push(decodeOid(purposes.expect(TAG.oid, "purpose").contents));
      return;
    }
    case "2.5.29.17":
      readSubjectAltName(value, into);
      return;
    default:
      if (critical) into.unknownCritical.push(oid);
  }
}

function readExtensions(list: DerReader): Extensions {
  const into: Extensions = {
    isCa: false,
    pathLength: undefined,
    keyUsage: undefined,
    extendedKeyUsage: undefined,
    dnsNames: [],
    emails: [],
    addresses: [],
    unknownCritical: [],
  };
  while (!list.atEnd) {
    const extension = list.enter(TAG.sequence, "extension");
    const oid = decodeOid(extension.expect(TAG.oid, "extension id").contents);
    const critical = extension.optional(TAG.boolean, "critical");
    const value = extension.expect(TAG.octetString, "extension value");
    readExtension(
      oid,
      critical !== undefined && decodeBoolean(critical),
      new DerReader(value.contents),
      into,
    );
  }
  return into;
}

function read(der: Uint8Array): Certificate {
  const file = new DerReader(der);
  const certificate = file.enter(TAG.sequence, "certificate");
  file.end("certificate");
  const tbsElement = certificate.expect(TAG.sequence, "tbsCertificate");
  const signatureAlgorithm = certificate.expect(TAG.sequence, "signatureAlgorithm").whole;
  const signature = decodeBitString(certificate.expect(TAG.bitString, "signature").contents);
  const tbs = new DerReader(tbsElement.contents);
  tbs.optional(0xa0, "version");
  const serial = bytesToHex(tbs.expect(TAG.integer, "serialNumber").contents);
  const inner = tbs.expect(TAG.sequence, "signature algorithm").whole;
  if (bytesToHex(inner) !== bytesToHex(signatureAlgorithm))
    throw new DerError("the two signature algorithms differ (RFC 5280 §4.1.1.2)");
  const issuer = tbs.expect(TAG.sequence, "issuer").whole;
  const validity = tbs.enter(TAG.sequence, "validity");
  const notBefore = decodeTime(validity.next("notBefore"));
  const notAfter = decodeTime(validity.next("notAfter"));
  const subject = tbs.expect(TAG.sequence, "subject").whole;
  const publicKey = tbs.expect(TAG.sequence, "subjectPublicKeyInfo").whole;
  tbs.optional(0x81, "issuerUniqueID");
  tbs.optional(0x82, "subjectUniqueID");
  const extensions = tbs.optional(0xa3, "extensions");
  return {
    der,
    tbs: tbsElement.whole,
    signatureAlgorithm,
    signature,
    serial,
    issuer,
    issuerKey: nameKey(issuer),
    issuerText: formatName(issuer),
    subject,
    subjectKey: nameKey(subject),
    subjectText: formatName(subject),
    notBefore,
    notAfter,
    publicKey,
    ...readExtensions(
      extensions === undefined
        ? new DerReader(new Uint8Array(0))
        : new DerReader(extensions.contents).enter(TAG.sequence, "extensions"),
    ),
  };
}

/** Decodes one certificate; the result's arrays are views of `der`. */
export function decodeCertificate(der: Uint8Array): Certificate | { readonly error: string } {
  try {
    return read(der);
  } catch (cause) {
    if (cause instanceof DerError) return { error: `unreadable certificate: ${cause.message}` };
    throw cause;
  }
}
