/**
 * Stateless cookies (RFC 7296 §2.6): Cookie = version of secret | SHA-256(Ni | IPi | port | SPIi | secret).
 * The secret changes while it is in use; the previous one stays valid for one more period.
 */
import { concatBytes, constantTimeEqual, hash, hexToBytes } from "@tandem/crypto";
import type { Instant, Random } from "@tandem/sansio";
import { parseAddress } from "@tandem/wire";
import { COOKIE_SECRET_LIFETIME } from "./constants.ts";
import { u16 } from "./message/octets.ts";

export interface CookieSubject {
  readonly nonce: Uint8Array;
  readonly remote: string;
  readonly remotePort: number;
  readonly initiatorSpi: string;
}

export class CookieJar {
  readonly #random: Random;
  #secrets: { version: number; secret: Uint8Array }[] = [];
  #changedAt: Instant = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  make(subject: CookieSubject, now: Instant): Uint8Array {
    this.#turn(now);
    return cookie(this.#secrets[0]!, subject);
  }

  check(value: Uint8Array, subject: CookieSubject, now: Instant): boolean {
    this.#turn(now);
    return this.#secrets.some((secret) => constantTimeEqual(cookie(secret, subject), value));
  }

  #turn(now: Instant): void {
    if (this.#secrets.length > 0 && now - this.#changedAt < COOKIE_SECRET_LIFETIME) return;
    const version = ((this.#secrets[0]?.version ?? 0) + 1) & 0xff;
    const keepPrevious = now - this.#changedAt < 2 * COOKIE_SECRET_LIFETIME;
    this.#secrets = [
      { version, secret: this.#random.bytes(32) },
      ...(keepPrevious ? this.#secrets.slice(0, 1) : []),
    ];
    this.#changedAt = now;
  }
}

function cookie(secret: { version: number; secret: Uint8Array }, subject: CookieSubject): Uint8Array {
  return concatBytes(
    Uint8Array.of(secret.version),
    hash(
      "sha256",
      subject.nonce,
      parseAddress(subject.remote) ?? new Uint8Array(0),
      u16(subject.remotePort),
      hexToBytes(subject.initiatorSpi),
      secret.secret,
    ),
  );
}
