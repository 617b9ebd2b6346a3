/** Which IKE identities a certificate proves (RFC 7296 §3.5, RFC 4945 §3.1). */
import { bytesToHex } from "../octets.ts";
import type { Certificate } from "./certificate.ts";
import { DerError } from "./der-reader.ts";
import { nameKey } from "./distinguished-name.ts";

/** ID types of RFC 7296 §3.5 by name; `data` is the ID payload's Identification Data. */
export type IdentityType = "ipv4-addr" | "fqdn" | "rfc822-addr" | "ipv6-addr" | "der-asn1-dn" | "key-id";

export interface Identity {
  readonly type: IdentityType;
  readonly data: Uint8Array;
}

const latin1 = new TextDecoder("latin1");
const ascii = (value: string): Uint8Array => Uint8Array.from(value, (char) => char.charCodeAt(0) & 0xff);

/** Everything the certificate may call itself: its subject first, then the names of subjectAltName. */
export function certificateIdentities(certificate: Certificate): Identity[] {
  return [
    { type: "der-asn1-dn", data: certificate.subject },
    ...certificate.dnsNames.map((name): Identity => ({ type: "fqdn", data: ascii(name) })),
    ...certificate.emails.map((name): Identity => ({ type: "rfc822-addr", data: ascii(name) })),
    ...certificate.addresses.map(
      (data): Identity => ({ type: data.length === 4 ? "ipv4-addr" : "ipv6-addr", data }),
    ),
  ];
}

function sameEmail(a: string, b: string): boolean {
  const [localA, domainA] = [a.slice(0, a.lastIndexOf("@")), a.slice(a.lastIndexOf("@"))];
  const [localB, domainB] = [b.slice(0, b.lastIndexOf("@")), b.slice(b.lastIndexOf("@"))];
  return localA === localB && domainA.toLowerCase() === domainB.toLowerCase();
}

/** Whether the certificate proves the identity: names without regard to case, addresses and everything else exactly. */
export function certificateHasIdentity(certificate: Certificate, identity: Identity): boolean {
  const wanted = latin1.decode(identity.data);
  switch (identity.type) {
    case "fqdn":
      return certificate.dnsNames.some((name) => name.toLowerCase() === wanted.toLowerCase());
    case "rfc822-addr":
      return certificate.emails.some((name) => sameEmail(name, wanted));
    case "ipv4-addr":
    case "ipv6-addr":
      return certificate.addresses.some((address) => bytesToHex(address) === bytesToHex(identity.data));
    case "der-asn1-dn":
      try {
        return nameKey(identity.data) === certificate.subjectKey;
      } catch (cause) {
        if (cause instanceof DerError) return false;
        throw cause;
      }
    case "key-id":
      // An opaque string: no field of a certificate says it (RFC 4945 §3.1.8).
      return false;
  }
}
