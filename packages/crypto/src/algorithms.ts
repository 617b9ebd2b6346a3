/**
 * The names of every algorithm, once for all packages. IANA numbers belong to the protocols (ike/src/iana.ts).
 * Weak ones exist because the cloud's tables still list them; `isWeak` tells.
 */
export type PrfName =
  | "prf-hmac-md5"
  | "prf-hmac-sha1"
  | "prf-hmac-sha256"
  | "prf-hmac-sha384"
  | "prf-hmac-sha512";

/** `aes-gcm-16` and `chacha20-poly1305` are AEADs with a 16-byte ICV; the others need an integrity algorithm. */
export type EncryptionName = "aes-gcm-16" | "chacha20-poly1305" | "aes-cbc" | "3des-cbc" | "des-cbc" | "null";

export type IntegrityName =
  | "none"
  | "hmac-md5-96"
  | "hmac-sha1-96"
  | "hmac-sha256-128"
  | "hmac-sha384-192"
  | "hmac-sha512-256";

export type GroupName =
  | "modp768"
  | "modp1024"
  | "modp1536"
  | "modp2048"
  | "modp3072"
  | "modp4096"
  | "modp2048s256" // group 24
  | "ecp256"
  | "ecp384"
  | "ecp521"
  | "x25519";

export type HashName = "md5" | "sha1" | "sha256" | "sha384" | "sha512";

/** One encryption choice. `keyBits` is 128, 192 or 256 for AES, 256 for ChaCha20, 192 for 3DES, 64 for DES, 0 for NULL. */
export interface EncryptionChoice {
  readonly encryption: EncryptionName;
  readonly keyBits: number;
  /** "none" exactly when `encryption` is an AEAD. */
  readonly integrity: IntegrityName;
}
