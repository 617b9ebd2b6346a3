/** Who does the mathematics of an AEAD under the ESP layout of aead-cipher.ts. */
import type { CipherQueue } from "../packet-cipher.ts";

export const TAG_LENGTH = 16;
export const ESP_HEADER_LENGTH = 8;
export const IV_LENGTH = 8;

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
  /** Makes a key known before its first job: its salt as a big-endian word, and whether its sequence numbers are extended. */
  register(context: number, salt: number, extended: boolean): void;
  /** The key is gone: what stands at its address next is another one. */
  forget(context: number): void;
  /**
   * Adds a job over the `length` bytes behind the IV of the packet at the arena offset `header`, the tag after them; the IV as
   * big-endian words. SPI and sequence number are authenticated as they stand in the packet, with `sequenceHigh` between them
   * where the key's are extended (RFC 4106 §5). The queue must not be full.
   */
  add(
    context: number,
    header: number,
    ivHigh: number,
    ivLow: number,
    sequenceHigh: number,
    length: number,
  ): void;
}
