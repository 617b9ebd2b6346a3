/** X.501 Names between text ("C=DE, O=Example, CN=vpn") and DER, as far as identities need them (RFC 4514, RFC 5280 §4.1.2.4). */
import { concatBytes } from "@tandem/crypto";
import { printableText, utf8Bytes } from "./message/octets.ts";

/** OID bytes of 2.5.4.x and of the two long ones. */
const ATTRIBUTES: Readonly<Record<string, readonly number[]>> = {
  CN: [0x55, 4, 3],
  SERIALNUMBER: [0x55, 4, 5],
  C: [0x55, 4, 6],
  L: [0x55, 4, 7],
  ST: [0x55, 4, 8],
  O: [0x55, 4, 10],
  OU: [0x55, 4, 11],
  DC: [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25],
  E: [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1],
};
const SYNONYMS: Readonly<Record<string, string>> = {
  S: "ST",
  EMAILADDRESS: "E",
  EMAIL: "E",
  SN: "SERIALNUMBER",
};

const SEQUENCE = 0x30;
const SET = 0x31;
const OID = 0x06;
const UTF8_STRING = 0x0c;
const PRINTABLE_STRING = 0x13;
const IA5_STRING = 0x16;

function tlv(tag: number, content: Uint8Array): Uint8Array {
  const { length } = content;
  const header =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff];
  return concatBytes(Uint8Array.from(header), content);
}

/** DER of the Name, or undefined when the text is no Name that we know. Order is kept as written. */
export function distinguishedName(text: string): Uint8Array | undefined {
  const parts: Uint8Array[] = [];
  for (const part of text.split(/(?<!\\)[,/]/)) {
    const match = /^\s*([A-Za-z]+)\s*=\s*(.*?)\s*$/.exec(part);
    if (match === null) {
      if (part.trim() === "") continue;
      return undefined;
    }
    const key = match[1]!.toUpperCase();
    const name = SYNONYMS[key] ?? key;
    const oid = ATTRIBUTES[name];
    if (oid === undefined) return undefined;
    const value = match[2]!.replace(/\\(.)/g, "$1");
    const tag =
      name === "E" || name === "DC"
        ? IA5_STRING
        : /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(value)
          ? PRINTABLE_STRING
          : UTF8_STRING;
    const attribute = concatBytes(tlv(OID, Uint8Array.from(oid)), tlv(tag, utf8Bytes(value)));
    parts.push(tlv(SET, tlv(SEQUENCE, attribute)));
  }
  return parts.length === 0 ? undefined : tlv(SEQUENCE, concatBytes(...parts));
}

interface Tlv {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly end: number;
}

function readTlv(bytes: Uint8Array, at: number): Tlv | undefined {
  if (bytes.length - at < 2) return undefined;
  const tag = bytes[at]!;
  let length = bytes[at + 1]!;
  let start = at + 2;
  if (length >= 0x80) {
    const octets = length & 0x7f;
    if (octets === 0 || octets > 2 || bytes.length - start < octets) return undefined;
    length = 0;
    for (let i = 0; i < octets; i++) length = (length << 8) | bytes[start + i]!;
    start += octets;
  }
  if (length > bytes.length - start) return undefined;
  return { tag, content: bytes.subarray(start, start + length), end: start + length };
}

/** "C=DE, O=Example, CN=vpn", the order of the encoding; undefined when the bytes are no Name. String types do not show: equal texts are equal names. */
export function distinguishedNameText(der: Uint8Array): string | undefined {
  const name = readTlv(der, 0);
  if (name === undefined || name.tag !== SEQUENCE || name.end !== der.length) return undefined;
  const parts: string[] = [];
  for (let at = 0; at < name.content.length; ) {
    const set = readTlv(name.content, at);
    if (set === undefined || set.tag !== SET) return undefined;
    at = set.end;
    const pair = readTlv(set.content, 0);
    if (pair === undefined || pair.tag !== SEQUENCE) return undefined;
    const oid = readTlv(pair.content, 0);
    if (oid === undefined || oid.tag !== OID) return undefined;
    const value = readTlv(pair.content, oid.end);
    if (value === undefined) return undefined;
    const key = Object.entries(ATTRIBUTES).find(
      ([, bytes]) => bytes.length === oid.content.length && bytes.every((b, i) => b === oid.content[i]),
    );
    const text = printableText(value.content).replace(/([,\\/])/g, "\\$1");
    parts.push(`${key?.[0] ?? `OID.${[...oid.content].join(".")}`}=${text}`);
  }
  return parts.length === 0 ? undefined : parts.join(", ");
}
