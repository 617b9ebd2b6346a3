/** The portable backend: the same functions by @noble. A subpath of its own, so that nobody loads it unasked. */
import { randomBytes } from "@noble/hashes/utils.js";
import { type CryptoBackend, createBackend } from "./backend.ts";
import { noblePrimitives } from "./noble-primitives.ts";
import { type ArenaPacketCipherBackend, packetCipherBackend } from "./packet-cipher.ts";

export const nobleBackend: CryptoBackend = createBackend(noblePrimitives);

/** ESP packet ciphers in plain JavaScript; no 3DES and no DES. */
export const noblePacketCipher: ArenaPacketCipherBackend = packetCipherBackend(noblePrimitives, (length) =>
  randomBytes(length),
);
