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
  type FastP256,
  generateKeyPair,
  hash,
  integ,
  keyExchangeWithP256,
  keyPairFromEntropy,
  nodeBackend,
  nodePacketCipher,
  prf,
  prfPlus,
  sharedSecret,
} from "./node-backend.ts";
export { bytesToHex, concatBytes, constantTimeEqual, hexToBytes } from "./octets.ts";
export type {
  ArenaPacketCipher,
  ArenaPacketCipherBackend,
  PacketArena,
  PacketKeys,
} from "./packet-cipher.ts";
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
export { type Certificate, decodeCertificate, type KeyUsage } from "./x509/certificate.ts";
export {
  type CertificateChainRequest,
  type CheckedCertificate,
  checkCertificateChain,
} from "./x509/certificate-chain.ts";
export { commonName, nameFromText, nameToText } from "./x509/distinguished-name.ts";
export {
  certificateHasIdentity,
  certificateIdentities,
  type Identity,
  type IdentityType,
} from "./x509/identity.ts";
export { authorityKeyHash, certificatesFromPem, pemBlocks, toPem } from "./x509/pem.ts";
export { decodeRevocationList, type RevocationList } from "./x509/revocation-list.ts";
