/**
 * Key exchange, one function per step. Private keys come from entropy that the caller gives, so an engine with a
 * seeded generator repeats itself and a worker needs no generator.
 *
 * Reading list: RFC 7296 §2.14, §3.4; RFC 5903 §7 (ECP: x||y on the wire, x as the secret); RFC 8031 §3;
 * RFC 6989 §2 (what must be checked of a peer's value); RFC 3526; RFC 5114 §2.3; FIPS 186-5 §A.2.1 (extra random bits).
 */

import { publicValueLength } from "./algorithm-sizes.ts";
import type { GroupName } from "./algorithms.ts";
import { powMod } from "./mod-power.ts";
import { isModp, MODP_GROUPS } from "./modp-groups.ts";
import { bigIntToBytes, bytesToBigInt } from "./octets.ts";
import type { Primitives } from "./primitives.ts";
import { type SecretBytes, secretBytes } from "./secret-bytes.ts";

/** Where entropy comes from; `Random` of the sansio package fits. */
export interface EntropySource {
  bytes(length: number): Uint8Array;
}

export interface KeyPair {
  readonly group: GroupName;
  /** The body of a KE payload. */
  readonly publicValue: Uint8Array;
  readonly privateKey: SecretBytes;
}

/** The peer's value is unusable; the text says why. In IKE: INVALID_SYNTAX. */
export interface KeyExchangeError {
  readonly error: string;
}

export interface KeyExchangeFunctions {
  generateKeyPair(group: GroupName, random: EntropySource): KeyPair;
  /** `entropy` has `keyPairEntropyLength(group)` bytes; the same entropy gives the same pair. */
  keyPairFromEntropy(group: GroupName, entropy: Uint8Array): KeyPair;
  /** g^ir, with leading zeros up to the group's length, or why the peer's value is refused. Never throws on `peerPublic`. */
  sharedSecret(
    group: GroupName,
    privateKey: Uint8Array,
    peerPublic: Uint8Array,
  ): SecretBytes | KeyExchangeError;
}

/** Orders of the curves' base points (SEC 2 §2.4, §2.5). */
const CURVE_ORDER: Readonly<Record<"ecp256" | "ecp384" | "ecp521", bigint>> = {
  ecp256: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  ecp384: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  ecp521:
    0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
};

/** 64 bits more than the order, so that the reduction leaves no bias worth the name (FIPS 186-5 §A.2.1). */
const EXTRA_BYTES = 8;

export function keyPairEntropyLength(group: GroupName): number {
  if (isModp(group)) return MODP_GROUPS[group].exponentLength + EXTRA_BYTES;
  return group === "x25519" ? 32 : publicValueLength(group) / 2 + EXTRA_BYTES;
}

function privateKeyFromEntropy(group: GroupName, entropy: Uint8Array): SecretBytes {
  if (entropy.length !== keyPairEntropyLength(group))
    throw new RangeError(
      `${group} takes ${keyPairEntropyLength(group)} bytes of entropy, not ${entropy.length}`,
    );
  if (group === "x25519") return secretBytes(Uint8Array.from(entropy));
  if (isModp(group)) {
    const { exponentLength, orderHex } = MODP_GROUPS[group];
    if (orderHex === undefined) {
      // A short exponent of full length: the top bit set, so that its size tells nothing.
      const exponent = Uint8Array.from(entropy.subarray(0, exponentLength));
      exponent[0]! |= 0x80;
      return secretBytes(exponent);
    }
    const order = BigInt(`0x${orderHex}`);
    return secretBytes(bigIntToBytes((bytesToBigInt(entropy) % (order - 1n)) + 1n, exponentLength));
  }
  const order = CURVE_ORDER[group];
  return secretBytes(
    bigIntToBytes((bytesToBigInt(entropy) % (order - 1n)) + 1n, publicValueLength(group) / 2),
  );
}

/** RFC 6989 §2.1: 1 < r < p-1; §2.2: r^q = 1 in a group with a small subgroup. Public data: no need of constant time. */
function refuseModp(group: GroupName, peer: Uint8Array): string | undefined {
  if (!isModp(group)) return undefined;
  const prime = BigInt(`0x${MODP_GROUPS[group].primeHex}`);
  const value = bytesToBigInt(peer);
  if (value < 2n || value > prime - 2n) return "public value out of range (RFC 6989 §2.1)";
  const { orderHex } = MODP_GROUPS[group];
  if (orderHex !== undefined && powMod(value, BigInt(`0x${orderHex}`), prime) !== 1n)
    return "public value outside of the subgroup (RFC 6989 §2.2)";
  return undefined;
}

export function keyExchangeFunctions(primitives: Primitives): KeyExchangeFunctions {
  const keyPairFromEntropy = (group: GroupName, entropy: Uint8Array): KeyPair => {
    const privateKey = privateKeyFromEntropy(group, entropy);
    return { group, publicValue: primitives.publicValue(group, privateKey), privateKey };
  };
  return {
    keyPairFromEntropy,
    generateKeyPair: (group, random) => keyPairFromEntropy(group, random.bytes(keyPairEntropyLength(group))),
    sharedSecret(group, privateKey, peerPublic) {
      if (peerPublic.length !== publicValueLength(group))
        return {
          error: `${group} public value has ${peerPublic.length} bytes instead of ${publicValueLength(group)}`,
        };
      const refused = refuseModp(group, peerPublic);
      if (refused !== undefined) return { error: refused };
      const secret = primitives.agree(group, privateKey, peerPublic);
      if (secret === undefined)
        return {
          error:
            group === "x25519"
              ? "shared secret is all zero (RFC 8031 §3.2)"
              : "public value is not a point of the curve (RFC 6989 §2.3)",
        };
      return secretBytes(secret);
    },
  };
}
