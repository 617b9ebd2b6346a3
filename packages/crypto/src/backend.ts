/** A backend: the protocol-level functions over one set of primitives. */
import { type KeyExchangeFunctions, keyExchangeFunctions } from "./key-exchange.ts";
import { type PrfFunctions, prfFunctions } from "./prf.ts";
import type { Primitives } from "./primitives.ts";

export interface CryptoBackend
  extends PrfFunctions,
    KeyExchangeFunctions,
    Pick<Primitives, "name" | "aeadSeal" | "aeadOpen" | "cbcEncrypt" | "cbcDecrypt"> {}

export function createBackend(primitives: Primitives): CryptoBackend {
  const { name, aeadSeal, aeadOpen, cbcEncrypt, cbcDecrypt } = primitives;
  return {
    name,
    aeadSeal,
    aeadOpen,
    cbcEncrypt,
    cbcDecrypt,
    ...prfFunctions(primitives),
    ...keyExchangeFunctions(primitives),
  };
}
