import { type CryptoBackend, createBackend } from "./backend.ts";
import { nodePrimitives } from "./node-primitives.ts";

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
