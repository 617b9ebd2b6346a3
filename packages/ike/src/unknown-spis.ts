/**
 * ESP packets with SPIs that nobody owns: when the peer deserves an INVALID_SPI (RFC 7296 §1.5, §2.21.4).
 *
 * Not at the first one. The peer may use a Child SA before its answer has made it here, and what a rekey has just taken
 * out may still be under way; a peer that believes the hint gives the Child SA up. So an SPI has to go on being used.
 */
import type { Instant } from "@tandem/sansio";

/** Milliseconds between the first packet and the one that is answered: more than an exchange on any path takes. */
const PERSISTS = 2_000;
/** Remembered at once; the oldest goes. A forger with random SPIs gains nothing: none of them comes twice. */
const REMEMBERED = 64;

export class UnknownSpis {
  /** Address and SPI -> when it was first seen. */
  readonly #seen: Map<string, Instant> = new Map();

  /** True when the peer is to be told now. */
  persists(remote: string, spi: number, now: Instant): boolean {
    const key = `${remote} ${spi}`;
    const first = this.#seen.get(key);
    if (first === undefined) {
      const oldest = this.#seen.keys().next().value;
      if (this.#seen.size >= REMEMBERED && oldest !== undefined) this.#seen.delete(oldest);
      this.#seen.set(key, now);
      return false;
    }
    if (now - first < PERSISTS) return false;
    this.#seen.delete(key);
    // Long silent: packets of another time.
    return now - first < 10 * PERSISTS;
  }
}
