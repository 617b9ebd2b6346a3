/**
 * The cloud's IpsecPolicy words as algorithm choices, and the cloud's defaults when a connection has no policy.
 *
 * Sources: azure-vpn-gateway §2.1 (phase 1), §2.2 (quick mode: 6 offers, 26 accepted), §2.3 (custom policy, rules).
 * A custom policy replaces the defaults both as initiator and as responder.
 */
import type { IpsecPolicy } from "@tandem/contract";
import type { EncryptionChoice, GroupName, IntegrityName, PrfName } from "@tandem/crypto";

export interface IkeChoice extends EncryptionChoice {
  readonly prf: PrfName;
  readonly group: GroupName;
}

export interface EspChoice extends EncryptionChoice {
  /** undefined: no perfect forward secrecy. */
  readonly pfs: GroupName | undefined;
}

export interface PolicyChoices {
  readonly ike: readonly IkeChoice[];
  /** What we propose when we ask. */
  readonly espOffers: readonly EspChoice[];
  /** What we accept when asked, in our order of preference. */
  readonly espAccepts: readonly EspChoice[];
  readonly childSeconds: number;
  readonly childBytes: number;
}

/** azure-vpn-gateway §2.2: 102,400,000 KB. */
const DEFAULT_CHILD_KILOBYTES = 102_400_000;
const DEFAULT_CHILD_SECONDS = 27_000;

const AES256 = { encryption: "aes-cbc", keyBits: 256 } as const;
const AES128 = { encryption: "aes-cbc", keyBits: 128 } as const;
const TRIPLE_DES = { encryption: "3des-cbc", keyBits: 192 } as const;
const DES = { encryption: "des-cbc", keyBits: 64 } as const;
const GCM256 = { encryption: "aes-gcm-16", keyBits: 256, integrity: "none" } as const;

type Cipher = Pick<EncryptionChoice, "encryption" | "keyBits">;
type Sha = "SHA1" | "SHA256";

const cbc = (cipher: Cipher, sha: Sha): EncryptionChoice => ({
  ...cipher,
  integrity: sha === "SHA1" ? "hmac-sha1-96" : "hmac-sha256-128",
});

const ike = (cipher: Cipher, sha: Sha): IkeChoice => ({
  ...cbc(cipher, sha),
  prf: sha === "SHA1" ? "prf-hmac-sha1" : "prf-hmac-sha256",
  group: "modp1024",
});

const esp = (suite: EncryptionChoice, pfs?: GroupName): EspChoice => ({ ...suite, pfs });

/** azure-vpn-gateway §2.1, RouteBased column, in its order; group 2 only. */
export const DEFAULT_IKE: readonly IkeChoice[] = [
  ike(AES256, "SHA1"),
  ike(AES256, "SHA256"),
  ike(AES128, "SHA1"),
  ike(AES128, "SHA256"),
  ike(TRIPLE_DES, "SHA1"),
  ike(TRIPLE_DES, "SHA256"),
];

/** azure-vpn-gateway §2.2: six offers as initiator, never with PFS. */
export const DEFAULT_ESP_OFFERS: readonly EspChoice[] = [
  esp(GCM256),
  esp(cbc(AES256, "SHA1")),
  esp(cbc(TRIPLE_DES, "SHA1")),
  esp(cbc(AES256, "SHA256")),
  esp(cbc(AES128, "SHA1")),
  esp(cbc(TRIPLE_DES, "SHA256")),
];

/** azure-vpn-gateway §2.2: the 26 combinations accepted as responder, numbered as there. */
export const DEFAULT_ESP_ACCEPTS: readonly EspChoice[] = [
  ...DEFAULT_ESP_OFFERS, // 1-6
  esp(cbc(DES, "SHA1")), // 7
  esp(cbc(AES256, "SHA1"), "modp768"),
  esp(cbc(AES256, "SHA1"), "modp1024"),
  esp(cbc(AES256, "SHA1"), "modp2048"), // 10
  esp(cbc(AES128, "SHA1"), "modp768"),
  esp(cbc(AES128, "SHA1"), "modp1024"),
  esp(cbc(AES128, "SHA1"), "modp2048"),
  esp(cbc(TRIPLE_DES, "SHA1"), "modp768"),
  esp(cbc(TRIPLE_DES, "SHA1"), "modp1024"), // 15
  esp(cbc(TRIPLE_DES, "SHA256"), "modp1024"),
  esp(cbc(AES256, "SHA256"), "modp768"),
  esp(cbc(AES256, "SHA256"), "modp1024"),
  esp(cbc(AES256, "SHA256"), "modp2048"),
  esp(cbc(AES256, "SHA1"), "modp2048s256"), // 20
  esp(cbc(AES256, "SHA256"), "modp2048s256"),
  esp(cbc(AES128, "SHA256")),
  esp(cbc(AES128, "SHA256"), "modp768"),
  esp(cbc(AES128, "SHA256"), "modp1024"),
  esp(cbc(AES128, "SHA256"), "modp2048"), // 25
  esp(cbc(TRIPLE_DES, "SHA1"), "modp2048"),
];

/** azure-vpn-gateway §2.3, DH mapping; X25519 and ECP521 are Tandem's own. "None" has no group. */
const GROUPS: Readonly<Record<string, GroupName>> = {
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

const CIPHERS: Readonly<Record<string, Cipher>> = {
  None: { encryption: "null", keyBits: 0 },
  DES,
  DES3: TRIPLE_DES,
  AES128,
  AES192: { encryption: "aes-cbc", keyBits: 192 },
  AES256,
  GCMAES128: { encryption: "aes-gcm-16", keyBits: 128 },
  GCMAES192: { encryption: "aes-gcm-16", keyBits: 192 },
  GCMAES256: { encryption: "aes-gcm-16", keyBits: 256 },
  ChaCha20Poly1305: { encryption: "chacha20-poly1305", keyBits: 256 },
};

const INTEGRITY: Readonly<Record<string, IntegrityName>> = {
  MD5: "hmac-md5-96",
  SHA1: "hmac-sha1-96",
  SHA256: "hmac-sha256-128",
  SHA384: "hmac-sha384-192",
  SHA512: "hmac-sha512-256",
};

const PRFS: Readonly<Record<string, readonly PrfName[]>> = {
  MD5: ["prf-hmac-md5"],
  SHA1: ["prf-hmac-sha1"],
  SHA256: ["prf-hmac-sha256"],
  SHA384: ["prf-hmac-sha384"],
  SHA512: ["prf-hmac-sha512"],
  // A GCM word as IKE integrity leaves the PRF open; the cloud then offers both (azure-vpn-gateway §6).
  GCMAES128: ["prf-hmac-sha384", "prf-hmac-sha256"],
  GCMAES256: ["prf-hmac-sha384", "prf-hmac-sha256"],
};

/** What is wrong with a custom policy, in words; empty when nothing is. */
export function policyProblems(policy: IpsecPolicy): { field: keyof IpsecPolicy; message: string }[] {
  const problems: { field: keyof IpsecPolicy; message: string }[] = [];
  const gcm = (word: string): boolean => word.startsWith("GCMAES");
  if (policy.dhGroup === "None") {
    problems.push({ field: "dhGroup", message: "IKEv2 needs a key exchange: choose a group" });
  }
  if (
    (gcm(policy.ipsecEncryption) || gcm(policy.ipsecIntegrity)) &&
    policy.ipsecEncryption !== policy.ipsecIntegrity
  ) {
    problems.push({
      field: "ipsecIntegrity",
      message: `a GCM cipher is its own integrity: ipsecEncryption and ipsecIntegrity must be the same word, not ${policy.ipsecEncryption} with ${policy.ipsecIntegrity}`,
    });
  }
  if (gcm(policy.ikeIntegrity) && policy.ikeIntegrity !== policy.ikeEncryption) {
    problems.push({
      field: "ikeIntegrity",
      message: `${policy.ikeIntegrity} is only possible with ikeEncryption ${policy.ikeIntegrity}`,
    });
  }
  if (policy.saLifeTimeSeconds < 300) {
    problems.push({ field: "saLifeTimeSeconds", message: "at least 300" });
  }
  if (policy.saDataSizeKilobytes < 1024) {
    problems.push({ field: "saDataSizeKilobytes", message: "at least 1024" });
  }
  return problems;
}

/** `policy` must have no problems. Without one, the cloud's defaults. */
export function policyChoices(policy: IpsecPolicy | undefined): PolicyChoices {
  if (policy === undefined) {
    return {
      ike: DEFAULT_IKE,
      espOffers: DEFAULT_ESP_OFFERS,
      espAccepts: DEFAULT_ESP_ACCEPTS,
      childSeconds: DEFAULT_CHILD_SECONDS,
      childBytes: DEFAULT_CHILD_KILOBYTES * 1024,
    };
  }
  const group = GROUPS[policy.dhGroup]!;
  const ikeCipher = CIPHERS[policy.ikeEncryption]!;
  const ikeChoices = PRFS[policy.ikeIntegrity]!.map((prf) => ({
    ...withIntegrity(ikeCipher, policy.ikeIntegrity),
    prf,
    group,
  }));
  const pfs = policy.pfsGroup === "PFSMM" ? group : GROUPS[policy.pfsGroup];
  const espChoices = [
    { ...withIntegrity(CIPHERS[policy.ipsecEncryption]!, policy.ipsecIntegrity), pfs },
  ] as const;
  return {
    ike: ikeChoices,
    espOffers: espChoices,
    espAccepts: espChoices,
    childSeconds: policy.saLifeTimeSeconds,
    childBytes: policy.saDataSizeKilobytes * 1024,
  };
}

function withIntegrity(cipher: Cipher, word: string): EncryptionChoice {
  const aead = cipher.encryption === "aes-gcm-16" || cipher.encryption === "chacha20-poly1305";
  return { ...cipher, integrity: aead ? "none" : INTEGRITY[word]! };
}
