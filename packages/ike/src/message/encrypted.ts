/**
 * The Encrypted payload SK (RFC 7296 §3.14; RFC 5282 for AEADs) and its fragment SKF (RFC 7383 §2.5).
 *
 *   IKE header | SK header | [fragment number, total] | IV | ciphertext of: payloads, padding, pad length | ICV
 *   └──────── associated data (AEAD) ───────────────┘
 *   └──────────────────── covered by the integrity algorithm (others) ─────────────────────────────────┘
 */
import {
  aeadOpen,
  aeadSeal,
  blockLength,
  cbcDecrypt,
  cbcEncrypt,
  concatBytes,
  constantTimeEqual,
  type EncryptionChoice,
  icvLength,
  integ,
  isAead,
  ivLength,
} from "@tandem/crypto";
import { PayloadType } from "../iana.ts";
import { encodeIkeHeader, IKE_HEADER_LENGTH, type IkeHeaderFields } from "./header.ts";
import { readU16, u16 } from "./octets.ts";
import { GENERIC_HEADER_LENGTH, type PayloadChain } from "./payload.ts";

/** The keys of one direction. */
export interface SkKeys {
  readonly choice: EncryptionChoice;
  /** SK_e, with the salt at its end for AEADs. */
  readonly encryption: Uint8Array;
  /** SK_a, empty for AEADs. */
  readonly integrity: Uint8Array;
  /** SK_e taken apart once, by whoever keeps the keys. */
  readonly aead?: AeadKey;
}

export interface AeadKey {
  readonly key: Uint8Array;
  readonly salt: Uint8Array;
}

export interface Fragment {
  /** From 1. */
  readonly number: number;
  readonly total: number;
}

const FRAGMENT_HEADER_LENGTH = 4;

/** Octets that protection adds to the payloads, at most: what fragmentation has to subtract. */
export function protectionOverhead(choice: EncryptionChoice): number {
  return (
    IKE_HEADER_LENGTH +
    GENERIC_HEADER_LENGTH +
    FRAGMENT_HEADER_LENGTH +
    ivLength(choice.encryption) +
    blockLength(choice.encryption) +
    icvLength(choice)
  );
}

/**
 * One whole message. `iv` has the cipher's length and is never used twice with the same key (AEAD) or is unpredictable (CBC).
 * `first` is the type of the first payload inside.
 */
export function sealMessage(
  header: Omit<IkeHeaderFields, "nextPayload">,
  keys: SkKeys,
  iv: Uint8Array,
  first: number,
  inner: Uint8Array,
  fragment?: Fragment,
): Uint8Array {
  const { choice } = keys;
  const block = blockLength(choice.encryption);
  const padLength = (block - ((inner.length + 1) % block)) % block;
  const plaintext = new Uint8Array(inner.length + padLength + 1);
  plaintext.set(inner);
  plaintext[plaintext.length - 1] = padLength;
  const fragmentHeader =
    fragment === undefined ? new Uint8Array(0) : concatBytes(u16(fragment.number), u16(fragment.total));
  const skLength =
    GENERIC_HEADER_LENGTH + fragmentHeader.length + iv.length + plaintext.length + icvLength(choice);
  const nextPayload = fragment === undefined ? PayloadType.SK : PayloadType.SKF;
  const front = concatBytes(
    encodeIkeHeader({ ...header, nextPayload }, IKE_HEADER_LENGTH + skLength),
    Uint8Array.of(first, 0),
    u16(skLength),
    fragmentHeader,
  );
  const { encryption } = choice;
  if (isAead(encryption)) {
    const { key, salt } = keys.aead ?? splitSalt(keys);
    return concatBytes(front, iv, aeadSeal(encryption, key, concatBytes(salt, iv), front, plaintext));
  }
  const ciphertext =
    encryption === "null" ? plaintext : cbcEncrypt(encryption, keys.encryption, iv, plaintext);
  const covered = concatBytes(front, iv, ciphertext);
  return concatBytes(covered, integ(choice.integrity, keys.integrity, covered));
}

export type OpenedMessage =
  /** The payload octets and, for SKF, which fragment they are. */
  | { readonly ok: true; readonly inner: Uint8Array; readonly first: number; readonly fragment?: Fragment }
  /** `authentic` false: integrity failed, nothing may be believed. True: broken by somebody who has the keys. */
  | { readonly ok: false; readonly authentic: boolean; readonly reason: string };

/** Checks integrity, then decrypts. `part` is where the chain decoder found SK or SKF. */
export function openMessage(
  bytes: Uint8Array,
  part: NonNullable<PayloadChain["protectedPart"]>,
  keys: SkKeys,
): OpenedMessage {
  const { choice } = keys;
  const { encryption } = choice;
  let at = part.bodyOffset;
  let fragment: Fragment | undefined;
  if (part.type === PayloadType.SKF) {
    if (bytes.length - at < FRAGMENT_HEADER_LENGTH) return unauthentic("SKF payload cut short");
    fragment = { number: readU16(bytes, at), total: readU16(bytes, at + 2) };
    at += FRAGMENT_HEADER_LENGTH;
  }
  const iv = bytes.subarray(at, at + ivLength(encryption));
  const icv = icvLength(choice);
  const start = at + iv.length;
  if (bytes.length - start < icv + 1) return unauthentic("SK payload cut short");
  let plaintext: Uint8Array | undefined;
  if (isAead(encryption)) {
    const { key, salt } = keys.aead ?? splitSalt(keys);
    plaintext = aeadOpen(
      encryption,
      key,
      concatBytes(salt, iv),
      bytes.subarray(0, at),
      bytes.subarray(start),
    );
    if (plaintext === undefined) return unauthentic("integrity check failed");
  } else {
    const covered = bytes.subarray(0, bytes.length - icv);
    const expected = integ(choice.integrity, keys.integrity, covered);
    if (!constantTimeEqual(expected, bytes.subarray(bytes.length - icv)))
      return unauthentic("integrity check failed");
    const ciphertext = covered.subarray(start);
    if (ciphertext.length % blockLength(encryption) !== 0) return broken("ciphertext is not whole blocks");
    plaintext = encryption === "null" ? ciphertext : cbcDecrypt(encryption, keys.encryption, iv, ciphertext);
  }
  const padLength = plaintext[plaintext.length - 1];
  if (padLength === undefined || padLength + 1 > plaintext.length)
    return broken("pad length past the payloads");
  return {
    ok: true,
    inner: plaintext.subarray(0, plaintext.length - padLength - 1),
    first: part.nextPayload,
    ...(fragment === undefined ? {} : { fragment }),
  };
}

export function splitSalt(keys: Pick<SkKeys, "choice" | "encryption">): AeadKey {
  const keyLength = keys.choice.keyBits / 8;
  return { key: keys.encryption.subarray(0, keyLength), salt: keys.encryption.subarray(keyLength) };
}

const unauthentic = (reason: string): OpenedMessage => ({ ok: false, authentic: false, reason });
const broken = (reason: string): OpenedMessage => ({ ok: false, authentic: true, reason });
