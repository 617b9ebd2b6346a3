/** Distinguished names: text both ways, and the comparison of RFC 5280 §7.1 (case and spaces do not count). */
import { derOid, derSequence, derTlv } from "../der-writer.ts";
import { bytesToHex } from "../octets.ts";
import { DerError, DerReader, decodeOid, TAG } from "./der-reader.ts";

/** RFC 4514 §3 and the few others that certificates of VPN devices carry. */
const ATTRIBUTE: readonly (readonly [name: string, oid: string])[] = [
  ["CN", "2.5.4.3"],
  ["SN", "2.5.4.4"],
  ["serialNumber", "2.5.4.5"],
  ["C", "2.5.4.6"],
  ["L", "2.5.4.7"],
  ["ST", "2.5.4.8"],
  ["STREET", "2.5.4.9"],
  ["O", "2.5.4.10"],
  ["OU", "2.5.4.11"],
  ["DC", "0.9.2342.19200300.100.1.25"],
  ["UID", "0.9.2342.19200300.100.1.1"],
  ["E", "1.2.840.113549.1.9.1"],
];

const NAME_OF = new Map(ATTRIBUTE.map(([name, oid]) => [oid, name]));
const OID_OF = new Map(ATTRIBUTE.map(([name, oid]) => [name.toLowerCase(), oid]));

const utf8 = new TextDecoder("utf-8");
const latin1 = new TextDecoder("latin1");
const utf16 = new TextDecoder("utf-16be");
const BMP_STRING = 0x1e;
const PRINTABLE_STRING = 0x13;
const IA5_STRING = 0x16;

interface Attribute {
  readonly oid: string;
  readonly value: string;
}

/** Throws DerError. */
function attributes(name: Uint8Array): Attribute[][] {
  const rdns = new DerReader(name).enter(TAG.sequence, "name");
  const out: Attribute[][] = [];
  while (!rdns.atEnd) {
    const set = rdns.enter(TAG.set, "relative name");
    const rdn: Attribute[] = [];
    while (!set.atEnd) {
      const pair = set.enter(TAG.sequence, "attribute");
      const oid = decodeOid(pair.expect(TAG.oid, "attribute type").contents);
      const { tag, contents } = pair.next("attribute value");
      const decoder = tag === BMP_STRING ? utf16 : tag === TAG.utf8String ? utf8 : latin1;
      rdn.push({ oid, value: decoder.decode(contents) });
    }
    out.push(rdn);
  }
  return out;
}

const escapeValue = (value: string): string => value.replace(/[,+"\\<>;=]/g, "\\$&");

/** A name from the network for people: `C=DE, O=Lab, CN=gw`, or its bytes in hex when it is no name. */
export function nameToText(name: Uint8Array): string {
  try {
    return formatName(name);
  } catch (cause) {
    if (cause instanceof DerError) return `unreadable name ${bytesToHex(name)}`;
    throw cause;
  }
}

/** `C=DE, O=Lab, CN=gw`: in the order of the encoding, as other IKE implementations print it. Throws DerError. */
export function formatName(name: Uint8Array): string {
  return attributes(name)
    .map((rdn) => rdn.map(({ oid, value }) => `${NAME_OF.get(oid) ?? oid}=${escapeValue(value)}`).join("+"))
    .join(", ");
}

/** What two names have in common exactly when they are equal under RFC 5280 §7.1. Throws DerError. */
export function nameKey(name: Uint8Array): string {
  return attributes(name)
    .map((rdn) =>
      rdn
        .map(({ oid, value }) => `${oid}=${escapeValue(value.trim().replace(/\s+/g, " ").toLowerCase())}`)
        .sort()
        .join("+"),
    )
    .join(",");
}

/** The last CN, or the whole name when it has none. Throws DerError. */
export function commonName(name: Uint8Array): string {
  const names = attributes(name)
    .flat()
    .filter(({ oid }) => oid === "2.5.4.3");
  return names.at(-1)?.value ?? formatName(name);
}

/** DER of a name written as `C=DE, O=Lab, CN=gw`; commas inside values are escaped with a backslash. */
export function nameFromText(text: string): Uint8Array | { readonly error: string } {
  const rdns: Uint8Array[] = [];
  for (const part of text.split(/(?<!\\)[,/]\s*/).filter((piece) => piece.trim() !== "")) {
    const at = part.indexOf("=");
    const type = part.slice(0, at).trim();
    const oid = OID_OF.get(type.toLowerCase()) ?? (/^\d+(\.\d+)+$/.test(type) ? type : undefined);
    if (at < 1 || oid === undefined) return { error: `"${part}" is no attribute of a distinguished name` };
    const value = part.slice(at + 1).replace(/\\(.)/g, "$1");
    const isEmail = oid === "1.2.840.113549.1.9.1" || oid === "0.9.2342.19200300.100.1.25";
    const tag = isEmail
      ? IA5_STRING
      : /^[A-Za-z0-9 '()+,./:=?-]*$/.test(value)
        ? PRINTABLE_STRING
        : TAG.utf8String;
    rdns.push(derTlv(TAG.set, derSequence(derOid(oid), derTlv(tag, new TextEncoder().encode(value)))));
  }
  if (rdns.length === 0) return { error: "a distinguished name needs at least one attribute" };
  return derSequence(...rdns);
}
