/**
 * IKE fragmentation (RFC 7383): splitting the octets inside SK into SKF messages and joining them again.
 * Every fragment is authenticated before it is kept (§2.6), so the buffer is bounded by the peer that has the keys.
 */
import { concatBytes } from "@tandem/crypto";
import type { Instant } from "@tandem/sansio";
import { FRAGMENTS_MAX, REASSEMBLY_TIMEOUT } from "./constants.ts";
import type { Fragment } from "./message/encrypted.ts";

/** Pieces of at most `size` octets. */
export function splitOctets(inner: Uint8Array, size: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < inner.length || pieces.length === 0; at += size)
    pieces.push(inner.subarray(at, at + size));
  return pieces;
}

interface Assembly {
  readonly total: number;
  readonly pieces: Map<number, Uint8Array>;
  first: number;
  readonly expires: Instant;
}

/** The fragments of the one message that is awaited in one direction. */
export class Reassembly {
  #messageId = -1;
  #assembly: Assembly | undefined;

  /** Which fragments are missing, for the transcript; empty when nothing is being put together. */
  missing(): number[] {
    const a = this.#assembly;
    if (a === undefined) return [];
    return Array.from({ length: a.total }, (_, i) => i + 1).filter((n) => !a.pieces.has(n));
  }

  get total(): number {
    return this.#assembly?.total ?? 0;
  }

  clear(): void {
    this.#assembly = undefined;
    this.#messageId = -1;
  }

  expire(now: Instant): boolean {
    if (this.#assembly === undefined || now < this.#assembly.expires) return false;
    this.clear();
    return true;
  }

  nextTimeout(): Instant | undefined {
    return this.#assembly?.expires;
  }

  /** The whole message once the last piece is there; undefined while some are missing; a reason when the fragment is refused. */
  add(
    messageId: number,
    fragment: Fragment,
    first: number,
    inner: Uint8Array,
    now: Instant,
  ): { readonly first: number; readonly inner: Uint8Array } | undefined | { readonly refused: string } {
    const { number, total } = fragment;
    if (number < 1 || number > total) return { refused: `fragment ${number} of ${total}` };
    if (total > FRAGMENTS_MAX) return { refused: `${total} fragments` };
    if (this.#messageId !== messageId || (this.#assembly?.total ?? total) < total) {
      // A larger total replaces what was collected: the sender has found a smaller path MTU (RFC 7383 §2.6).
      this.#messageId = messageId;
      this.#assembly = { total, pieces: new Map(), first: 0, expires: now + REASSEMBLY_TIMEOUT };
    }
    const assembly = this.#assembly;
    if (assembly === undefined || total < assembly.total)
      return { refused: "an older division of the message" };
    if (assembly.pieces.has(number)) return undefined;
    assembly.pieces.set(number, inner.slice());
    if (number === 1) assembly.first = first;
    if (assembly.pieces.size < total) return undefined;
    const pieces = Array.from({ length: total }, (_, i) => assembly.pieces.get(i + 1)!);
    const whole = { first: assembly.first, inner: concatBytes(...pieces) };
    this.clear();
    return whole;
  }
}
