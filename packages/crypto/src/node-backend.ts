import { randomFillSync } from "node:crypto";
import { type CryptoBackend, createBackend } from "./backend.ts";
import { nodePrimitives } from "./node-primitives.ts";
import { type ArenaPacketCipherBackend, packetCipherBackend } from "./packet-cipher.ts";

/** OpenSSL through node:crypto. The functions that the package exports by name are this backend's. */
export const nodeBackend: CryptoBackend = createBackend(nodePrimitives);

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
