/**
 * Lines of Wireshark's key tables, exactly as its uat parser wants them (verified with tshark 4.0.17; 8 fields in
 * esp_sa, since newer columns have defaults and older versions refuse them). They hold keys: files are 0600.
 */
import type { EncryptionChoice, IntegrityName } from "@tandem/crypto";
import type { ChildSaParameters } from "@tandem/esp";
import type { ExportedIkeSa } from "@tandem/ike";

const ESP_ENCRYPTION: Readonly<Record<EncryptionChoice["encryption"], string>> = {
  "aes-gcm-16": "AES-GCM with 16 octet ICV [RFC4106]",
  "chacha20-poly1305": "ChaCha20 with Poly1305 [RFC7634]",
  "aes-cbc": "AES-CBC [RFC3602]",
  "3des-cbc": "TripleDES-CBC [RFC2451]",
  "des-cbc": "DES-CBC [RFC2405]",
  null: "NULL",
};

const ESP_INTEGRITY: Readonly<Record<IntegrityName, string>> = {
  none: "NULL",
  "hmac-md5-96": "HMAC-MD5-96 [RFC2403]",
  "hmac-sha1-96": "HMAC-SHA-1-96 [RFC2404]",
  "hmac-sha256-128": "HMAC-SHA-256-128 [RFC4868]",
  "hmac-sha384-192": "HMAC-SHA-384-192 [RFC4868]",
  "hmac-sha512-256": "HMAC-SHA-512-256 [RFC4868]",
};

const IKE_INTEGRITY: Readonly<Record<IntegrityName, string>> = {
  none: "NONE [RFC4306]",
  "hmac-md5-96": "HMAC_MD5_96 [RFC2403]",
  "hmac-sha1-96": "HMAC_SHA1_96 [RFC2404]",
  "hmac-sha256-128": "HMAC_SHA2_256_128 [RFC4868]",
  "hmac-sha384-192": "HMAC_SHA2_384_192 [RFC4868]",
  "hmac-sha512-256": "HMAC_SHA2_512_256 [RFC4868]",
};

/** `preferences` of the profile: both are off by default, the usual reason why nothing is decrypted. */
export const PREFERENCES = "esp.enable_encryption_decode: TRUE\nesp.enable_authentication_check: TRUE\n";

/** Two lines, one per direction. */
export function espSaLines(sa: ChildSaParameters): string[] {
  const { local, remote } = sa.endpoints;
  return [
    espSaLine(sa, remote, local, sa.spiIn, sa.inbound),
    espSaLine(sa, local, remote, sa.spiOut, sa.outbound),
  ];
}

function espSaLine(
  sa: ChildSaParameters,
  source: string,
  destination: string,
  spi: number,
  keys: ChildSaParameters["inbound"],
): string {
  return [
    source.includes(":") ? "IPv6" : "IPv4",
    source,
    destination,
    `0x${spi.toString(16).padStart(8, "0")}`,
    ESP_ENCRYPTION[sa.suite.encryption],
    key(keys.encryption, keys.salt),
    ESP_INTEGRITY[sa.suite.integrity],
    key(keys.integrity),
  ]
    .map((field) => `"${field}"`)
    .join(",");
}

/** undefined when Wireshark has no name for the suite. */
export function ikev2DecryptionLine(sa: ExportedIkeSa): string | undefined {
  const encryption = ikeEncryptionName(sa.suite);
  if (encryption === undefined) return undefined;
  const { ei, er, ai, ar } = sa.keys;
  return [
    sa.initiatorSpi,
    sa.responderSpi,
    hex(ei),
    hex(er),
    `"${encryption}"`,
    hex(ai),
    hex(ar),
    `"${IKE_INTEGRITY[sa.suite.integrity]}"`,
  ].join(",");
}

function ikeEncryptionName(suite: EncryptionChoice): string | undefined {
  switch (suite.encryption) {
    case "aes-gcm-16":
      return `AES-GCM-${suite.keyBits} with 16 octet ICV [RFC5282]`;
    case "aes-cbc":
      return `AES-CBC-${suite.keyBits} [RFC3602]`;
    case "3des-cbc":
      return "3DES [RFC2451]";
    default:
      return undefined;
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const key = (...parts: Uint8Array[]): string => {
  const text = parts.map(hex).join("");
  return text === "" ? "" : `0x${text}`;
};
