/**
 * Identities as text and on the wire (RFC 7296 §3.5). Text becomes a type the way strongSwan's users expect:
 *
 *   %any                     anybody            "CN=vpn, O=Example"   ID_DER_ASN1_DN
 *   192.0.2.1, 2001:db8::1   ID_IPV4/IPV6_ADDR  keyid:text            ID_KEY_ID
 *   user@example.com         ID_RFC822_ADDR     vpn.example.com       ID_FQDN
 *   fqdn:text, rfc822:text, dn:#hex             the named type
 */
import {
  bytesToHex,
  hexToBytes,
  type Identity,
  type IdentityType,
  nameFromText,
  nameToText,
} from "@tandem/crypto";
import { formatAddress, parseAddress } from "@tandem/wire";
import { IdType, idTypeName } from "./iana.ts";
import { printableText, utf8Bytes } from "./message/octets.ts";
import type { IdPayload } from "./message/payloads/id.ts";

export type WireIdentity = Pick<IdPayload, "idType" | "data">;

export const isAnyIdentity = (text: string): boolean => text === "%any" || text === "";

/** Undefined for "%any" and for a DN that cannot be read. */
export function parseIdentity(text: string): WireIdentity | undefined {
  if (isAnyIdentity(text)) return undefined;
  const address = parseAddress(text);
  if (address !== undefined)
    return { idType: address.length === 4 ? IdType.IPV4_ADDR : IdType.IPV6_ADDR, data: address };
  if (text.startsWith("keyid:")) return { idType: IdType.KEY_ID, data: utf8Bytes(text.slice(6)) };
  if (text.startsWith("fqdn:")) return { idType: IdType.FQDN, data: utf8Bytes(text.slice(5)) };
  if (text.startsWith("rfc822:")) return { idType: IdType.RFC822_ADDR, data: utf8Bytes(text.slice(7)) };
  if (/^dn:#([0-9a-fA-F]{2})+$/.test(text))
    return { idType: IdType.DER_ASN1_DN, data: hexToBytes(text.slice(4)) };
  if (/^[A-Za-z.0-9]+ *=/.test(text)) {
    const data = readName(text);
    return data === undefined ? undefined : { idType: IdType.DER_ASN1_DN, data };
  }
  if (text.startsWith("@")) return { idType: IdType.FQDN, data: utf8Bytes(text.slice(1)) };
  return { idType: text.includes("@") ? IdType.RFC822_ADDR : IdType.FQDN, data: utf8Bytes(text) };
}

export function identityText(id: WireIdentity): string {
  switch (id.idType) {
    case IdType.IPV4_ADDR:
      if (id.data.length === 4) return formatAddress(id.data);
      break;
    case IdType.IPV6_ADDR:
      if (id.data.length === 16) return formatAddress(id.data);
      break;
    case IdType.FQDN:
    case IdType.RFC822_ADDR:
      return printableText(id.data);
    case IdType.KEY_ID:
      return `keyid:${printableText(id.data)}`;
    case IdType.DER_ASN1_DN:
      return nameToText(id.data);
    default:
      break;
  }
  return `${idTypeName(id.idType)}:${bytesToHex(id.data)}`;
}

/** Names compare without case (RFC 4945 §3.1.2, §3.1.3); everything else byte for byte. */
export function identityEquals(a: WireIdentity, b: WireIdentity): boolean {
  if (a.idType !== b.idType) return false;
  if (a.idType === IdType.FQDN || a.idType === IdType.RFC822_ADDR)
    return printableText(a.data).toLowerCase() === printableText(b.data).toLowerCase();
  if (a.idType === IdType.DER_ASN1_DN) return nameToText(a.data) === nameToText(b.data);
  return bytesToHex(a.data) === bytesToHex(b.data);
}

export function identityMatches(configured: string, presented: WireIdentity): boolean {
  if (isAnyIdentity(configured)) return true;
  const own = parseIdentity(configured);
  return own !== undefined && identityEquals(own, presented);
}

const IDENTITY_TYPES: Readonly<Record<number, IdentityType>> = {
  [IdType.IPV4_ADDR]: "ipv4-addr",
  [IdType.FQDN]: "fqdn",
  [IdType.RFC822_ADDR]: "rfc822-addr",
  [IdType.IPV6_ADDR]: "ipv6-addr",
  [IdType.DER_ASN1_DN]: "der-asn1-dn",
  [IdType.KEY_ID]: "key-id",
};

function readName(text: string): Uint8Array | undefined {
  const name = nameFromText(text);
  return "error" in name ? undefined : name;
}

/** The identity as crypto's certificate check takes it; undefined for types that no certificate can prove. */
export function certificateIdentity(id: WireIdentity): Identity | undefined {
  const type = IDENTITY_TYPES[id.idType];
  return type === undefined ? undefined : { type, data: id.data };
}
