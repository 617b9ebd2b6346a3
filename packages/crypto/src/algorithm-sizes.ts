/**
 * Sizes of every algorithm in bytes, and which ones are weak.
 *
 * Reading list: RFC 7296 §2.13, §3.3.2; RFC 4868 §2.1 (SHA-2 keys and ICVs), RFC 2403, RFC 2404 (96-bit ICVs),
 * RFC 4106 §4, §8.1 and RFC 7634 §2 (salts), RFC 3602 (AES-CBC), RFC 2451 (3DES), RFC 8247 and RFC 8221 (what is weak).
 */
import type {
  EncryptionChoice,
  EncryptionName,
  GroupName,
  HashName,
  IntegrityName,
  PrfName,
} from "./algorithms.ts";
import { isModp, MODP_GROUPS } from "./modp-groups.ts";

export const HASH_LENGTH: Readonly<Record<HashName, number>> = {
  md5: 16,
  sha1: 20,
  sha256: 32,
  sha384: 48,
  sha512: 64,
};

export const PRF_HASH: Readonly<Record<PrfName, HashName>> = {
  "prf-hmac-md5": "md5",
  "prf-hmac-sha1": "sha1",
  "prf-hmac-sha256": "sha256",
  "prf-hmac-sha384": "sha384",
  "prf-hmac-sha512": "sha512",
};

/** Hash, key length and ICV length of each integrity algorithm. HMAC keys are as long as the hash (RFC 4868 §2.1.1). */
export const INTEGRITY: Readonly<
  Record<Exclude<IntegrityName, "none">, { hash: HashName; keyLength: number; icvLength: number }>
> = {
  "hmac-md5-96": { hash: "md5", keyLength: 16, icvLength: 12 },
  "hmac-sha1-96": { hash: "sha1", keyLength: 20, icvLength: 12 },
  "hmac-sha256-128": { hash: "sha256", keyLength: 32, icvLength: 16 },
  "hmac-sha384-192": { hash: "sha384", keyLength: 48, icvLength: 24 },
  "hmac-sha512-256": { hash: "sha512", keyLength: 64, icvLength: 32 },
};

/** IV on the wire, salt kept with the key, cipher block, ICV of an AEAD, and the key sizes that exist in bits. */
export const ENCRYPTION: Readonly<
  Record<
    EncryptionName,
    {
      ivLength: number;
      saltLength: number;
      blockLength: number;
      aeadIcvLength: number;
      keyBits: readonly number[];
    }
  >
> = {
  "aes-gcm-16": { ivLength: 8, saltLength: 4, blockLength: 1, aeadIcvLength: 16, keyBits: [128, 192, 256] },
  "chacha20-poly1305": { ivLength: 8, saltLength: 4, blockLength: 1, aeadIcvLength: 16, keyBits: [256] },
  "aes-cbc": { ivLength: 16, saltLength: 0, blockLength: 16, aeadIcvLength: 0, keyBits: [128, 192, 256] },
  "3des-cbc": { ivLength: 8, saltLength: 0, blockLength: 8, aeadIcvLength: 0, keyBits: [192] },
  "des-cbc": { ivLength: 8, saltLength: 0, blockLength: 8, aeadIcvLength: 0, keyBits: [64] },
  null: { ivLength: 0, saltLength: 0, blockLength: 1, aeadIcvLength: 0, keyBits: [0] },
};

export type AeadName = Extract<EncryptionName, "aes-gcm-16" | "chacha20-poly1305">;
export type CbcName = Extract<EncryptionName, `${string}-cbc`>;

export function isAead(name: EncryptionName): name is AeadName {
  return ENCRYPTION[name].aeadIcvLength > 0;
}

/** Output of the PRF, which is also its preferred key length (RFC 7296 §2.13). */
export function prfOutputLength(name: PrfName): number {
  return HASH_LENGTH[PRF_HASH[name]];
}

/** Length of SK_d, SK_pi, SK_pr (RFC 7296 §2.14). */
export function prfKeyLength(name: PrfName): number {
  return prfOutputLength(name);
}

export function integKeyLength(name: IntegrityName): number {
  return name === "none" ? 0 : INTEGRITY[name].keyLength;
}

export function integOutputLength(name: IntegrityName): number {
  return name === "none" ? 0 : INTEGRITY[name].icvLength;
}

/** The cipher's key without the salt. */
export function encryptionKeyLength(choice: Pick<EncryptionChoice, "keyBits">): number {
  return choice.keyBits / 8;
}

/** Bytes of salt taken from the key material after the key (RFC 4106 §8.1, RFC 7634 §2, RFC 5282 §7.1). */
export function saltLength(name: EncryptionName): number {
  return ENCRYPTION[name].saltLength;
}

/** What one direction takes from prf+ for its encryption key: key and salt. */
export function encryptionKeyMaterialLength(choice: EncryptionChoice): number {
  return encryptionKeyLength(choice) + saltLength(choice.encryption);
}

export function ivLength(name: EncryptionName): number {
  return ENCRYPTION[name].ivLength;
}

export function blockLength(name: EncryptionName): number {
  return ENCRYPTION[name].blockLength;
}

/** The ICV at the end of an ESP packet or an SK payload. */
export function icvLength(choice: EncryptionChoice): number {
  return ENCRYPTION[choice.encryption].aeadIcvLength + integOutputLength(choice.integrity);
}

/** Whether the choice can exist: a known key size, and an integrity algorithm exactly when the cipher is no AEAD. */
export function isValidChoice(choice: EncryptionChoice): boolean {
  return (
    ENCRYPTION[choice.encryption].keyBits.includes(choice.keyBits) &&
    isAead(choice.encryption) === (choice.integrity === "none")
  );
}

/** Length of the public value in a KE payload (RFC 7296 §3.4, RFC 5903 §7, RFC 8031 §3.1). */
export function publicValueLength(group: GroupName): number {
  if (isModp(group)) return MODP_GROUPS[group].length;
  switch (group) {
    case "ecp256":
      return 64;
    case "ecp384":
      return 96;
    case "ecp521":
      return 132;
    case "x25519":
      return 32;
  }
}

/** Length of g^ir as it enters SKEYSEED (RFC 7296 §2.14, RFC 5903 §7). */
export function sharedSecretLength(group: GroupName): number {
  const length = publicValueLength(group);
  return group.startsWith("ecp") ? length / 2 : length;
}

const WEAK: ReadonlySet<string> = new Set([
  "prf-hmac-md5",
  "des-cbc",
  "3des-cbc",
  "null",
  "hmac-md5-96",
  "modp768",
  "modp1024",
  "modp1536",
  "modp2048s256",
  "md5",
  "sha1",
]);

/**
 * Whether RFC 8247 or RFC 8221 says MUST NOT or SHOULD NOT, and 3DES (MAY), SHA-1 as a signature hash, and NULL, which hides nothing.
 * `none`, the integrity of an AEAD, is not weak.
 */
export function isWeak(
  name: PrfName | EncryptionName | IntegrityName | GroupName | HashName | "none",
): boolean {
  return WEAK.has(name);
}
