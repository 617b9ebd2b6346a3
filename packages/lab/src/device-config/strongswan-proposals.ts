/** The cloud's policy words as strongSwan's proposal strings (docs.strongswan.org, "Algorithm Proposals"). */
import type { IpsecPolicy } from "@tandem/contract";

const CIPHER: Readonly<Record<IpsecPolicy["ipsecEncryption"], string>> = {
  None: "null",
  DES: "des",
  DES3: "3des",
  AES128: "aes128",
  AES192: "aes192",
  AES256: "aes256",
  GCMAES128: "aes128gcm16",
  GCMAES192: "aes192gcm16",
  GCMAES256: "aes256gcm16",
  ChaCha20Poly1305: "chacha20poly1305",
};

const HASH: Readonly<Record<string, string>> = {
  MD5: "md5",
  SHA1: "sha1",
  SHA256: "sha256",
  SHA384: "sha384",
  SHA512: "sha512",
};

const GROUP: Readonly<Record<string, string>> = {
  DHGroup1: "modp768",
  PFS1: "modp768",
  DHGroup2: "modp1024",
  PFS2: "modp1024",
  DHGroup14: "modp2048",
  DHGroup2048: "modp2048",
  PFS14: "modp2048",
  PFS2048: "modp2048",
  DHGroup24: "modp2048s256",
  PFS24: "modp2048s256",
  ECP256: "ecp256",
  ECP384: "ecp384",
  ECP521: "ecp521",
  X25519: "x25519",
};

/** Without a policy: the cloud's own offers (azure-vpn-gateway §2.1, §2.2), those that strongSwan still has. */
const DEFAULT_IKE = [
  "aes256-sha1-modp1024",
  "aes256-sha256-modp1024",
  "aes128-sha1-modp1024",
  "aes128-sha256-modp1024",
];
const DEFAULT_ESP = ["aes256gcm16", "aes256-sha1", "aes256-sha256", "aes128-sha1"];

export function ikeProposals(policy: IpsecPolicy | undefined): string[] {
  if (policy === undefined) return DEFAULT_IKE;
  const cipher = CIPHER[policy.ikeEncryption];
  const group = GROUP[policy.dhGroup] ?? "modp1024";
  if (!isAead(cipher)) return [`${cipher}-${HASH[policy.ikeIntegrity] ?? "sha256"}-${group}`];
  // A GCM word as integrity leaves the PRF open.
  const named = HASH[policy.ikeIntegrity];
  const prfs = named === undefined ? ["sha384", "sha256"] : [named];
  return prfs.map((prf) => `${cipher}-prf${prf}-${group}`);
}

export function espProposals(policy: IpsecPolicy | undefined): string[] {
  if (policy === undefined) return DEFAULT_ESP;
  const cipher = CIPHER[policy.ipsecEncryption];
  const integrity = isAead(cipher) ? [] : [HASH[policy.ipsecIntegrity] ?? "sha256"];
  const group = policy.pfsGroup === "PFSMM" ? GROUP[policy.dhGroup] : GROUP[policy.pfsGroup];
  return [[cipher, ...integrity, ...(group === undefined ? [] : [group])].join("-")];
}

function isAead(cipher: string): boolean {
  return cipher.includes("gcm") || cipher.startsWith("chacha20");
}
