/**
 * The key schedule: RFC 7296 §2.14 (SKEYSEED, SK_*), §2.15 (AUTH octets), §2.17 (KEYMAT of Child SAs),
 * §2.18 (IKE SA rekey); RFC 5282 §7.1 (salt of AEADs behind SK_e); RFC 4106 §8.1, RFC 7634 §4 (salt of ESP).
 */
import {
  concatBytes,
  type EncryptionChoice,
  encryptionKeyLength,
  encryptionKeyMaterialLength,
  hexToBytes,
  integKeyLength,
  type PrfName,
  prf,
  prfKeyLength,
  prfPlus,
  secretBytes,
} from "@tandem/crypto";
import type { EspKeyMaterial } from "./events.ts";
import type { IkeKeys, IkeSuite } from "./exported-ike-sa.ts";
import { utf8Bytes } from "./message/octets.ts";
import { encodeId, type IdPayload } from "./message/payloads/id.ts";

export interface Nonces {
  readonly initiator: Uint8Array;
  readonly responder: Uint8Array;
}

/** SKEYSEED = prf(Ni | Nr, g^ir) */
export function initialSkeyseed(prfName: PrfName, nonces: Nonces, shared: Uint8Array): Uint8Array {
  return prf(prfName, concatBytes(nonces.initiator, nonces.responder), shared);
}

/** SKEYSEED = prf(SK_d (old), g^ir (new) | Ni | Nr), with the old SA's PRF (RFC 7296 §2.18). */
export function rekeySkeyseed(
  oldPrf: PrfName,
  oldSkD: Uint8Array,
  nonces: Nonces,
  shared: Uint8Array,
): Uint8Array {
  return prf(oldPrf, oldSkD, shared, nonces.initiator, nonces.responder);
}

/** {SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr} = prf+(SKEYSEED, Ni | Nr | SPIi | SPIr) */
export function deriveIkeKeys(
  suite: IkeSuite,
  skeyseed: Uint8Array,
  nonces: Nonces,
  initiatorSpi: string,
  responderSpi: string,
): IkeKeys {
  const p = prfKeyLength(suite.prf);
  const a = integKeyLength(suite.integrity);
  const e = encryptionKeyMaterialLength(suite);
  const seed = concatBytes(
    nonces.initiator,
    nonces.responder,
    hexToBytes(initiatorSpi),
    hexToBytes(responderSpi),
  );
  const take = cutter(prfPlus(suite.prf, skeyseed, seed, 3 * p + 2 * a + 2 * e));
  return { d: take(p), ai: take(a), ar: take(a), ei: take(e), er: take(e), pi: take(p), pr: take(p) };
}

export interface ChildKeys {
  /** Protects what the exchange's initiator sends. */
  readonly initiator: EspKeyMaterial;
  readonly responder: EspKeyMaterial;
}

/** KEYMAT = prf+(SK_d, [g^ir (new) |] Ni | Nr); the initiator's direction first, encryption before integrity (RFC 7296 §2.17). */
export function deriveChildKeys(
  prfName: PrfName,
  skD: Uint8Array,
  suite: EncryptionChoice,
  nonces: Nonces,
  shared: Uint8Array | undefined,
): ChildKeys {
  const key = encryptionKeyLength(suite);
  const salt = encryptionKeyMaterialLength(suite) - key;
  const integrity = integKeyLength(suite.integrity);
  const seed = concatBytes(shared ?? new Uint8Array(0), nonces.initiator, nonces.responder);
  const take = cutter(prfPlus(prfName, skD, seed, 2 * (key + salt + integrity)));
  const direction = (): EspKeyMaterial => ({
    encryption: take(key),
    salt: take(salt),
    integrity: take(integrity),
  });
  return { initiator: direction(), responder: direction() };
}

/** RealMessage | the other's nonce | prf(SK_p, the ID payload without its generic header) (RFC 7296 §2.15). */
export function authOctets(
  prfName: PrfName,
  skP: Uint8Array,
  realMessage: Uint8Array,
  otherNonce: Uint8Array,
  id: Pick<IdPayload, "idType" | "data">,
): Uint8Array {
  return concatBytes(realMessage, otherNonce, prf(prfName, skP, encodeId(id)));
}

const KEY_PAD = utf8Bytes("Key Pad for IKEv2");

/** AUTH = prf(prf(Shared Secret, "Key Pad for IKEv2"), octets) (RFC 7296 §2.15). */
export function pskAuth(prfName: PrfName, secret: Uint8Array, octets: Uint8Array): Uint8Array {
  return prf(prfName, prf(prfName, secret, KEY_PAD), octets);
}

function cutter(bytes: Uint8Array): (length: number) => Uint8Array {
  let at = 0;
  return (length) => {
    at += length;
    return secretBytes(bytes.slice(at - length, at));
  };
}
