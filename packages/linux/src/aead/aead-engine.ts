/** Who does the mathematics of an AEAD under the ESP layout of aead-cipher.ts. */
import type { CipherQueue } from "../packet-cipher.ts";

export const TAG_LENGTH = 16;

/** One key in one direction. All of its arguments are addresses and lengths in bytes. */
export interface AeadEngine {
  /** What a queue knows the key by. */
  readonly context: number;
  /** Encrypts `length` bytes at `input` to `out`, the tag behind them. False when that failed. */
  seal(nonce: number, aad: number, aadLength: number, input: number, out: number, length: number): boolean;
  /** Decrypts in place; the tag stands behind the data. False when it is wrong: then the data is not to be looked at. */
  open(nonce: number, aad: number, aadLength: number, data: number, length: number): boolean;
  /** Forgets the key. */
  destroy(): void;
}

/** A queue of the engines of one kind and direction. */
export interface AeadJobs extends CipherQueue {
  /**
   * Adds a job over `length` bytes at the arena offset `data`, the tag after them; the nonce is salt and IV as big-endian
   * words. Returns the job's number; `aad` or `extendedAad` must follow. The queue must not be full.
   */
  add(context: number, salt: number, ivHigh: number, ivLow: number, data: number, length: number): number;
  /** SPI and sequence number as they stand at the arena offset `header`. */
  aad(job: number, header: number): void;
  /** With extended sequence numbers (RFC 4106 §5). */
  extendedAad(job: number, spi: number, high: number, low: number): void;
}
