/** The public surface. Only `Uint8Array` and strings cross it; the mathematics is node:crypto's (see node-backend.ts). */
export type { AeadName, CbcName } from "./algorithm-sizes.ts";
export {
  blockLength,
  encryptionKeyLength,
  encryptionKeyMaterialLength,
  icvLength,
  integKeyLength,
  integOutputLength,
  isAead,
  isValidChoice,
  isWeak,
  ivLength,
  prfKeyLength,
  prfOutputLength,
  publicValueLength,
  saltLength,
  sharedSecretLength,
} from "./algorithm-sizes.ts";
export type {
  EncryptionChoice,
  EncryptionName,
  GroupName,
  HashName,
  IntegrityName,
  PrfName,
} from "./algorithms.ts";
export type { CryptoBackend } from "./backend.ts";
export {
  type CertificateChainRequest,
  type CheckedCertificate,
  checkCertificateChain,
  type Identity,
  type IdentityType,
} from "./certificate-chain.ts";
export { type CryptoJob, type CryptoResult, restoreSecrets, runCryptoJob } from "./crypto-job.ts";
export {
  type EntropySource,
  type KeyExchangeError,
  type KeyPair,
  keyPairEntropyLength,
} from "./key-exchange.ts";
export {
  aeadOpen,
  aeadSeal,
  cbcDecrypt,
  cbcEncrypt,
  generateKeyPair,
  hash,
  integ,
  keyPairFromEntropy,
  nodeBackend,
  prf,
  prfPlus,
  sharedSecret,
} from "./node-backend.ts";
export { bytesToHex, concatBytes, constantTimeEqual, hexToBytes } from "./octets.ts";
export { SecretBytes, secretBytes } from "./secret-bytes.ts";
export {
  CLASSIC_ECDSA_HASH,
  type KeyKind,
  privateKeyFromPem,
  privateKeyKind,
  pssScheme,
  publicKeyKind,
  publicKeyOf,
  type SignatureScheme,
  schemeFitsKey,
  sign,
  verify,
} from "./signature.ts";
export { decodeSignatureAlgorithm, encodeSignatureAlgorithm } from "./signature-algorithm.ts";
