/**
 * The numbers of IKEv2, each with the name that transcripts print. Source: the IANA registry
 * "Internet Key Exchange Version 2 (IKEv2) Parameters", as of 2026; RFC 7296 §3 where no other RFC is named.
 */
import type { EncryptionName, GroupName, IntegrityName, PrfName } from "@tandem/crypto";

export const ExchangeType = {
  IKE_SA_INIT: 34,
  IKE_AUTH: 35,
  CREATE_CHILD_SA: 36,
  INFORMATIONAL: 37,
} as const;
export type ExchangeType = (typeof ExchangeType)[keyof typeof ExchangeType];
export type ExchangeName = keyof typeof ExchangeType;

export const PayloadType = {
  NONE: 0,
  SA: 33,
  KE: 34,
  IDi: 35,
  IDr: 36,
  CERT: 37,
  CERTREQ: 38,
  AUTH: 39,
  Nonce: 40,
  N: 41,
  D: 42,
  V: 43,
  TSi: 44,
  TSr: 45,
  SK: 46,
  CP: 47,
  EAP: 48,
  SKF: 53,
} as const;
export type PayloadType = (typeof PayloadType)[keyof typeof PayloadType];

export const ProtocolId = { NONE: 0, IKE: 1, AH: 2, ESP: 3 } as const;

/** Below 16384: errors; from there on: status (RFC 7296 §3.10.1). */
export const NotifyType = {
  UNSUPPORTED_CRITICAL_PAYLOAD: 1,
  INVALID_IKE_SPI: 4,
  INVALID_MAJOR_VERSION: 5,
  INVALID_SYNTAX: 7,
  INVALID_MESSAGE_ID: 9,
  INVALID_SPI: 11,
  NO_PROPOSAL_CHOSEN: 14,
  INVALID_KE_PAYLOAD: 17,
  AUTHENTICATION_FAILED: 24,
  SINGLE_PAIR_REQUIRED: 34,
  NO_ADDITIONAL_SAS: 35,
  INTERNAL_ADDRESS_FAILURE: 36,
  FAILED_CP_REQUIRED: 37,
  TS_UNACCEPTABLE: 38,
  INVALID_SELECTORS: 39,
  UNACCEPTABLE_ADDRESSES: 40,
  UNEXPECTED_NAT_DETECTED: 41,
  TEMPORARY_FAILURE: 43,
  CHILD_SA_NOT_FOUND: 44,
  INITIAL_CONTACT: 16384,
  SET_WINDOW_SIZE: 16385,
  ADDITIONAL_TS_POSSIBLE: 16386,
  IPCOMP_SUPPORTED: 16387,
  NAT_DETECTION_SOURCE_IP: 16388,
  NAT_DETECTION_DESTINATION_IP: 16389,
  COOKIE: 16390,
  USE_TRANSPORT_MODE: 16391,
  HTTP_CERT_LOOKUP_SUPPORTED: 16392,
  REKEY_SA: 16393,
  ESP_TFC_PADDING_NOT_SUPPORTED: 16394,
  NON_FIRST_FRAGMENTS_ALSO: 16395,
  /** RFC 4555; MOBIKE itself is not built, its notifies are named in transcripts. */
  MOBIKE_SUPPORTED: 16396,
  ADDITIONAL_IP4_ADDRESS: 16397,
  ADDITIONAL_IP6_ADDRESS: 16398,
  NO_ADDITIONAL_ADDRESSES: 16399,
  UPDATE_SA_ADDRESSES: 16400,
  COOKIE2: 16401,
  /** RFC 4478 */
  AUTH_LIFETIME: 16403,
  /** RFC 4739 */
  MULTIPLE_AUTH_SUPPORTED: 16404,
  /** RFC 5685; its place, not built. */
  REDIRECT_SUPPORTED: 16406,
  EAP_ONLY_AUTHENTICATION: 16417,
  /** RFC 6023 */
  CHILDLESS_IKEV2_SUPPORTED: 16418,
  /** RFC 6290; its place, not built. */
  QUICK_CRASH_DETECTION: 16419,
  /** RFC 6311 */
  IKEV2_MESSAGE_ID_SYNC_SUPPORTED: 16420,
  IPSEC_REPLAY_COUNTER_SYNC_SUPPORTED: 16421,
  IKEV2_MESSAGE_ID_SYNC: 16422,
  IPSEC_REPLAY_COUNTER_SYNC: 16423,
  /** RFC 7383 */
  IKEV2_FRAGMENTATION_SUPPORTED: 16430,
  /** RFC 7427 */
  SIGNATURE_HASH_ALGORITHMS: 16431,
  /** RFC 8784; its place, not built. */
  USE_PPK: 16435,
  /** RFC 9370 and 9242; their place, not built. */
  INTERMEDIATE_EXCHANGE_SUPPORTED: 16438,
} as const;
export type NotifyType = (typeof NotifyType)[keyof typeof NotifyType];
export type NotifyName = keyof typeof NotifyType;

export const FIRST_STATUS_NOTIFY = 16384;

export const TransformType = { ENCR: 1, PRF: 2, INTEG: 3, KE: 4, ESN: 5 } as const;
export type TransformType = (typeof TransformType)[keyof typeof TransformType];
export const ATTRIBUTE_KEY_LENGTH = 14;

/** One row per algorithm: our name, the transform id, what a transcript prints. */
const ENCRYPTION: Readonly<Record<EncryptionName, readonly [id: number, label: string]>> = {
  "des-cbc": [2, "DES"],
  "3des-cbc": [3, "3DES"],
  null: [11, "NULL"],
  "aes-cbc": [12, "AES_CBC"],
  "aes-gcm-16": [20, "AES_GCM_16"],
  "chacha20-poly1305": [28, "CHACHA20_POLY1305"],
};
const PRF: Readonly<Record<PrfName, readonly [number, string]>> = {
  "prf-hmac-md5": [1, "PRF_HMAC_MD5"],
  "prf-hmac-sha1": [2, "PRF_HMAC_SHA1"],
  "prf-hmac-sha256": [5, "PRF_HMAC_SHA2_256"],
  "prf-hmac-sha384": [6, "PRF_HMAC_SHA2_384"],
  "prf-hmac-sha512": [7, "PRF_HMAC_SHA2_512"],
};
const INTEGRITY: Readonly<Record<IntegrityName, readonly [number, string]>> = {
  none: [0, "NONE"],
  "hmac-md5-96": [1, "HMAC_MD5_96"],
  "hmac-sha1-96": [2, "HMAC_SHA1_96"],
  "hmac-sha256-128": [12, "HMAC_SHA2_256_128"],
  "hmac-sha384-192": [13, "HMAC_SHA2_384_192"],
  "hmac-sha512-256": [14, "HMAC_SHA2_512_256"],
};
const GROUP: Readonly<Record<GroupName, readonly [number, string]>> = {
  modp768: [1, "MODP_768"],
  modp1024: [2, "MODP_1024"],
  modp1536: [5, "MODP_1536"],
  modp2048: [14, "MODP_2048"],
  modp3072: [15, "MODP_3072"],
  modp4096: [16, "MODP_4096"],
  ecp256: [19, "ECP_256"],
  ecp384: [20, "ECP_384"],
  ecp521: [21, "ECP_521"],
  modp2048s256: [24, "MODP_2048_256"],
  x25519: [31, "CURVE_25519"],
};

/** Transforms that we cannot use but that peers offer: only their names, for transcripts. */
const OTHER_LABELS: Readonly<Record<number, Readonly<Record<number, string>>>> = {
  1: {
    5: "CAST",
    7: "BLOWFISH",
    13: "AES_CTR",
    14: "AES_CCM_8",
    15: "AES_CCM_12",
    16: "AES_CCM_16",
    18: "AES_GCM_8",
    19: "AES_GCM_12",
    23: "CAMELLIA_CBC",
  },
  2: { 4: "PRF_AES128_XCBC", 8: "PRF_AES128_CMAC" },
  3: { 5: "AES_XCBC_96", 8: "AES_CMAC_96" },
  4: {
    17: "MODP_6144",
    18: "MODP_8192",
    22: "MODP_1024_160",
    23: "MODP_2048_224",
    25: "ECP_192",
    26: "ECP_224",
    27: "ECP_224_BP",
    28: "ECP_256_BP",
    29: "ECP_384_BP",
    30: "ECP_512_BP",
    32: "CURVE_448",
    35: "ML_KEM_512",
    36: "ML_KEM_768",
    37: "ML_KEM_1024",
  },
  5: { 0: "NO_ESN", 1: "ESN" },
};

type Row = readonly [number, string];
const idOf = <T extends string>(table: Readonly<Record<T, Row>>, name: T): number => table[name][0];
function byId<T extends string>(table: Readonly<Record<T, Row>>): ReadonlyMap<number, T> {
  return new Map((Object.keys(table) as T[]).map((name) => [table[name][0], name]));
}
const encryptionById = byId(ENCRYPTION);
const prfById = byId(PRF);
const integrityById = byId(INTEGRITY);
const groupById = byId(GROUP);

export const encryptionId = (name: EncryptionName): number => idOf(ENCRYPTION, name);
export const prfId = (name: PrfName): number => idOf(PRF, name);
export const integrityId = (name: IntegrityName): number => idOf(INTEGRITY, name);
export const groupId = (name: GroupName): number => idOf(GROUP, name);
export const encryptionName = (id: number): EncryptionName | undefined => encryptionById.get(id);
export const prfName = (id: number): PrfName | undefined => prfById.get(id);
export const integrityName = (id: number): IntegrityName | undefined => integrityById.get(id);
export const groupName = (id: number): GroupName | undefined => groupById.get(id);

const TABLE_OF_TYPE: Readonly<Record<number, Readonly<Record<string, Row>>>> = {
  1: ENCRYPTION,
  2: PRF,
  3: INTEGRITY,
  4: GROUP,
};

const LABELS: Readonly<Record<number, ReadonlyMap<number, string>>> = Object.fromEntries(
  Object.entries(TABLE_OF_TYPE).map(([type, rows]) => [
    type,
    new Map(Object.values(rows).map((row) => [row[0], row[1]])),
  ]),
);
const TRANSFORM_KINDS: ReadonlyMap<number, string> = new Map(
  Object.entries(TransformType).map(([name, value]) => [value, name]),
);

/** "AES_CBC-256", "ECP_256", or "ENCR-99" when nobody has named it. */
export function transformLabel(type: number, id: number, keyBits?: number): string {
  const label = LABELS[type]?.get(id) ?? OTHER_LABELS[type]?.[id];
  const kind = TRANSFORM_KINDS.get(type) ?? `TYPE${type}`;
  return (label ?? (type === 4 && id === 0 ? "NONE" : `${kind}-${id}`)) + (keyBits ? `-${keyBits}` : "");
}

/** Transforms that have a key length attribute (RFC 7296 §3.3.5). */
export const hasKeyLength = (name: EncryptionName): boolean => name === "aes-cbc" || name === "aes-gcm-16";

export const IdType = {
  IPV4_ADDR: 1,
  FQDN: 2,
  RFC822_ADDR: 3,
  IPV6_ADDR: 5,
  DER_ASN1_DN: 9,
  DER_ASN1_GN: 10,
  KEY_ID: 11,
} as const;
export type IdType = (typeof IdType)[keyof typeof IdType];

export const AuthMethod = {
  RSA_SIGNATURE: 1,
  SHARED_KEY_MIC: 2,
  DSS_SIGNATURE: 3,
  ECDSA_P256_SHA256: 9,
  ECDSA_P384_SHA384: 10,
  ECDSA_P521_SHA512: 11,
  NULL: 13,
  /** RFC 7427 */
  DIGITAL_SIGNATURE: 14,
} as const;
export type AuthMethod = (typeof AuthMethod)[keyof typeof AuthMethod];

/** RFC 7427 §7, RFC 8420 §2 for Identity. */
export const SignatureHash = { SHA1: 1, SHA2_256: 2, SHA2_384: 3, SHA2_512: 4, IDENTITY: 5 } as const;

export const CertEncoding = { X509_SIGNATURE: 4, CRL: 7, HASH_AND_URL: 12 } as const;

export const CfgType = { REQUEST: 1, REPLY: 2, SET: 3, ACK: 4 } as const;
export const CfgAttribute = {
  INTERNAL_IP4_ADDRESS: 1,
  INTERNAL_IP4_NETMASK: 2,
  INTERNAL_IP4_DNS: 3,
  INTERNAL_IP4_NBNS: 4,
  INTERNAL_IP4_DHCP: 6,
  APPLICATION_VERSION: 7,
  INTERNAL_IP6_ADDRESS: 8,
  INTERNAL_IP6_DNS: 10,
  INTERNAL_IP6_DHCP: 12,
  INTERNAL_IP4_SUBNET: 13,
  SUPPORTED_ATTRIBUTES: 14,
  INTERNAL_IP6_SUBNET: 15,
} as const;

export const TsType = { IPV4_ADDR_RANGE: 7, IPV6_ADDR_RANGE: 8 } as const;

function nameIn(table: Readonly<Record<string, number>>, prefix: string): (value: number) => string {
  const names = new Map(Object.entries(table).map(([name, value]) => [value, name]));
  return (value) => names.get(value) ?? `${prefix}${value}`;
}

/** The number's name, or the prefix with the number when the registry of ours does not know it. */
export const exchangeTypeName: (value: number) => string = nameIn(ExchangeType, "EXCHANGE_");
export const payloadTypeName: (value: number) => string = nameIn(PayloadType, "PAYLOAD_");
export const notifyTypeName: (value: number) => string = nameIn(NotifyType, "NOTIFY_");
export const authMethodName: (value: number) => string = nameIn(AuthMethod, "AUTH_METHOD_");
export const idTypeName: (value: number) => string = nameIn(IdType, "ID_");
export const cfgTypeName: (value: number) => string = nameIn(CfgType, "CFG_");
export const cfgAttributeName: (value: number) => string = nameIn(CfgAttribute, "ATTRIBUTE_");
