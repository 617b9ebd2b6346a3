import { randomFillSync } from "node:crypto";
import { type CryptoBackend, createBackend } from "./backend.ts";
import { type KeyExchangeFunctions, keyExchangeFunctions } from "./key-exchange.ts";
import { nodePrimitives } from "./node-primitives.ts";
import { type ArenaPacketCipherBackend, packetCipherBackend } from "./packet-cipher.ts";

/** OpenSSL through node:crypto. The functions that the package exports by name are this backend's. */
export const nodeBackend: CryptoBackend = createBackend(nodePrimitives);

/** P-256 by somebody who is faster at it. The contracts are those of `Primitives` for this one group. */
export interface FastP256 {
  publicValue(privateKey: Uint8Array): Uint8Array;
  agree(privateKey: Uint8Array, peer: Uint8Array): Uint8Array | undefined;
}

/** node:crypto's key exchanges, but for P-256. */
export function keyExchangeWithP256(p256: FastP256): KeyExchangeFunctions {
  return keyExchangeFunctions({
    ...nodePrimitives,
    publicValue: (group, privateKey) =>
      group === "ecp256" ? p256.publicValue(privateKey) : nodePrimitives.publicValue(group, privateKey),
    agree: (group, privateKey, peer) =>
      group === "ecp256" ? p256.agree(privateKey, peer) : nodePrimitives.agree(group, privateKey, peer),
  });
}

export const hash: CryptoBackend["hash"] = nodeBackend.hash;
export const prf: CryptoBackend["prf"] = nodeBackend.prf;
export const prfPlus: CryptoBackend["prfPlus"] = nodeBackend.prfPlus;
export const integ: CryptoBackend["integ"] = nodeBackend.integ;
export const aeadSeal: CryptoBackend["aeadSeal"] = nodeBackend.aeadSeal;
export const aeadOpen: CryptoBackend["aeadOpen"] = nodeBackend.aeadOpen;
export const cbcEncrypt: CryptoBackend["cbcEncrypt"] = nodeBackend.cbcEncrypt;
export const cbcDecrypt: CryptoBackend["cbcDecrypt"] = nodeBackend.cbcDecrypt;
export const generateKeyPair: CryptoBackend["generateKeyPair"] = nodeBackend.generateKeyPair;
export const keyPairFromEntropy: CryptoBackend["keyPairFromEntropy"] = nodeBackend.keyPairFromEntropy;
export const sharedSecret: CryptoBackend["sharedSecret"] = nodeBackend.sharedSecret;

const POOL_LENGTH = 8192;
const pool = new Uint8Array(POOL_LENGTH);
let poolUsed = POOL_LENGTH;

/** Random bytes in small pieces, each given out once. A call to the generator per packet would cost more than the packet. */
function pooledRandomBytes(length: number): Uint8Array {
  if (poolUsed + length > POOL_LENGTH) {
    randomFillSync(pool);
    poolUsed = 0;
  }
  poolUsed += length;
  return pool.slice(poolUsed - length, poolUsed);
}

/** ESP packet ciphers by node:crypto. */
export const nodePacketCipher: ArenaPacketCipherBackend = packetCipherBackend(
  nodePrimitives,
  pooledRandomBytes,
);
