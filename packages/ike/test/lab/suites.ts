/** Proposals in strongSwan's notation, as both sides take them. One notation in the table, one translation here. */
import type { GroupName, IntegrityName, PrfName } from "@tandem/crypto";
import type { EncryptionOffer, EspProposal, IkeProposal } from "../../src/index.ts";

const ENCRYPTION: Readonly<Record<string, EncryptionOffer>> = {
  aes128gcm16: { name: "aes-gcm-16", keyBits: 128 },
  aes192gcm16: { name: "aes-gcm-16", keyBits: 192 },
  aes256gcm16: { name: "aes-gcm-16", keyBits: 256 },
  chacha20poly1305: { name: "chacha20-poly1305", keyBits: 256 },
  aes128: { name: "aes-cbc", keyBits: 128 },
  aes192: { name: "aes-cbc", keyBits: 192 },
  aes256: { name: "aes-cbc", keyBits: 256 },
  "3des": { name: "3des-cbc", keyBits: 192 },
  null: { name: "null", keyBits: 0 },
};

const INTEGRITY: Readonly<Record<string, readonly [IntegrityName, PrfName]>> = {
  md5: ["hmac-md5-96", "prf-hmac-md5"],
  sha1: ["hmac-sha1-96", "prf-hmac-sha1"],
  sha256: ["hmac-sha256-128", "prf-hmac-sha256"],
  sha384: ["hmac-sha384-192", "prf-hmac-sha384"],
  sha512: ["hmac-sha512-256", "prf-hmac-sha512"],
};

const GROUPS: readonly GroupName[] = [
  "modp768",
  "modp1024",
  "modp1536",
  "modp2048",
  "modp3072",
  "modp4096",
  "modp2048s256",
  "ecp256",
  "ecp384",
  "ecp521",
  "x25519",
];

interface Words {
  readonly encryption: EncryptionOffer[];
  readonly integrity: IntegrityName[];
  readonly prf: PrfName[];
  readonly groups: GroupName[];
  readonly esn: boolean[];
}

function words(text: string): Words {
  const found: Words = { encryption: [], integrity: [], prf: [], groups: [], esn: [] };
  for (const word of text.split("-")) {
    const encryption = ENCRYPTION[word];
    const integrity = INTEGRITY[word];
    const prf = word.startsWith("prf") ? INTEGRITY[word.slice(3)] : undefined;
    const group = GROUPS.find((name) => name === word);
    if (encryption !== undefined) found.encryption.push(encryption);
    else if (integrity !== undefined) found.integrity.push(integrity[0]);
    else if (prf !== undefined) found.prf.push(prf[1]);
    else if (group !== undefined) found.groups.push(group);
    else if (word === "esn" || word === "noesn") found.esn.push(word === "esn");
    else throw new RangeError(`"${word}" in ${text}`);
  }
  return found;
}

/** "aes256-sha256-modp2048": the PRF follows the integrity algorithm when none is named. */
export function ikeProposal(text: string): IkeProposal {
  const { encryption, integrity, prf, groups } = words(text);
  const implied = text.split("-").flatMap((word) => INTEGRITY[word]?.[1] ?? []);
  return { encryption, integrity, prf: prf.length > 0 ? prf : implied, groups };
}

/** "aes256-sha1-ecp256": a group means PFS. */
export function espProposal(text: string): EspProposal {
  const { encryption, integrity, groups, esn } = words(text);
  return { encryption, integrity, groups, esn: esn.length > 0 ? esn : [false] };
}
