/** Certificate revocation lists (RFC 5280 §5), whole ones: delta and indirect CRLs are refused as such. */
import { bytesToHex } from "../octets.ts";
import {
  DerError,
  DerReader,
  decodeBitString,
  decodeBoolean,
  decodeOid,
  decodeTime,
  TAG,
} from "./der-reader.ts";
import { nameKey } from "./distinguished-name.ts";

export interface RevocationList {
  readonly tbs: Uint8Array;
  readonly signatureAlgorithm: Uint8Array;
  readonly signature: Uint8Array;
  readonly issuerKey: string;
  /** Milliseconds since 1970. */
  readonly thisUpdate: number;
  readonly nextUpdate: number | undefined;
  /** Serial number in hex -> when it was revoked. */
  readonly revoked: ReadonlyMap<string, number>;
}

/** Refuses critical extensions: they change what the list means (RFC 5280 §5.2, §5.3). */
function refuseCritical(list: DerReader): void {
  while (!list.atEnd) {
    const extension = list.enter(TAG.sequence, "extension");
    const oid = decodeOid(extension.expect(TAG.oid, "extension id").contents);
    const critical = extension.optional(TAG.boolean, "critical");
    if (critical !== undefined && decodeBoolean(critical))
      throw new DerError(`critical extension ${oid} is not understood`);
  }
}

const isTime = (tag: number | undefined): boolean => tag === TAG.utcTime || tag === TAG.generalizedTime;

function read(der: Uint8Array): RevocationList {
  const file = new DerReader(der);
  const crl = file.enter(TAG.sequence, "CRL");
  file.end("CRL");
  const tbsElement = crl.expect(TAG.sequence, "tbsCertList");
  const signatureAlgorithm = crl.expect(TAG.sequence, "signatureAlgorithm").whole;
  const signature = decodeBitString(crl.expect(TAG.bitString, "signature").contents);
  const tbs = new DerReader(tbsElement.contents);
  tbs.optional(TAG.integer, "version");
  tbs.expect(TAG.sequence, "signature algorithm");
  const issuerKey = nameKey(tbs.expect(TAG.sequence, "issuer").whole);
  const thisUpdate = decodeTime(tbs.next("thisUpdate"));
  const nextUpdate = isTime(tbs.peek()) ? decodeTime(tbs.next("nextUpdate")) : undefined;
  const revoked = new Map<string, number>();
  const entries = tbs.optional(TAG.sequence, "revokedCertificates");
  if (entries !== undefined) {
    const list = new DerReader(entries.contents);
    while (!list.atEnd) {
      const entry = list.enter(TAG.sequence, "revoked certificate");
      const serial = bytesToHex(entry.expect(TAG.integer, "serial number").contents);
      revoked.set(serial, decodeTime(entry.next("revocation date")));
      const extensions = entry.optional(TAG.sequence, "entry extensions");
      if (extensions !== undefined) refuseCritical(new DerReader(extensions.contents));
    }
  }
  const extensions = tbs.optional(0xa0, "CRL extensions");
  if (extensions !== undefined)
    refuseCritical(new DerReader(extensions.contents).enter(TAG.sequence, "CRL extensions"));
  return { tbs: tbsElement.whole, signatureAlgorithm, signature, issuerKey, thisUpdate, nextUpdate, revoked };
}

/** Decodes one CRL; the result's arrays are views of `der`. */
export function decodeRevocationList(der: Uint8Array): RevocationList | { readonly error: string } {
  try {
    return read(der);
  } catch (cause) {
    if (cause instanceof DerError) return { error: `unreadable CRL: ${cause.message}` };
    throw cause;
  }
}
