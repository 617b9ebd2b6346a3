/**
 * The AEAD seam: how the packet loop encrypts without knowing who does the mathematics.
 * Backends: OpenSSL EVP by FFI and Intel's ipsec-mb for AES-GCM (in `linux`, injected), `node:crypto` and `@noble` (in
 * `crypto`, plain bytes).
 *
 * All packets live in one arena. `bytes` views it for JavaScript, `base` is its address for FFI calls
 * (0 in a twin without FFI). Offsets are offsets into `bytes`.
 */
import type { EncryptionChoice } from "@tandem/crypto";

export interface Arena {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly base: number;
}

/** One direction of one SA. Made when the SA is installed, destroyed with it; nothing is allocated per packet. */
export interface PacketCipher {
  readonly ivLength: number;
  readonly icvLength: number;
  readonly blockLength: number;
  /**
   * Encrypts and authenticates one ESP packet whose header (SPI, sequence) stands at `header` in the arena.
   * The explicit IV is written at header+8, the ciphertext of `length` bytes read from `plain` to header+8+ivLength,
   * the ICV after it. `plain` may be the place of the ciphertext itself. `sequence` (hi, lo) feeds the IV and the ESN.
   * Returns the length of the whole ESP packet, or -1 when the backend failed.
   */
  seal(header: number, plain: number, length: number, sequenceHigh: number, sequenceLow: number): number;
  /**
   * Verifies and decrypts in place the ESP packet of `length` bytes at `header`; the plaintext then stands at header+8+ivLength.
   * Returns the length of the plaintext (payload + padding + 2), or -1 when the ICV is wrong.
   */
  open(header: number, length: number, sequenceHigh: number): number;
  destroy(): void;
  /**
   * Queued forms, where the backend has them: many packets by one entry into the backend. Both work in place and are
   * carried out by `queue.run()`, in order; the job's number is `queue.count` before the call. Results as above, but for
   * `enqueueOpen` only the length: whether the packet is authentic `queue.ok(job)` tells after the run. A queue is shared
   * by ciphers of one direction, not by all of them, and must not be full when a job is added.
   */
  readonly queue?: CipherQueue;
  enqueueSeal?(header: number, length: number, sequenceHigh: number, sequenceLow: number): number;
  enqueueOpen?(header: number, length: number, sequenceHigh: number): number;
}

export interface CipherQueue {
  readonly capacity: number;
  readonly count: number;
  /** Carries out what is queued and empties the queue; results stay readable until the next job is added. */
  run(): void;
  /** Whether a job of the last run succeeded. */
  ok(job: number): boolean;
  /** Whether all of them did. */
  allOk(): boolean;
}

export interface PacketCipherBackend {
  readonly name: "ipsec-mb" | "evp" | "node" | "noble";
  create(
    direction: "seal" | "open",
    suite: EncryptionChoice,
    esn: boolean,
    keys: { readonly encryption: Uint8Array; readonly salt: Uint8Array; readonly integrity: Uint8Array },
    arena: Arena,
  ): PacketCipher;
}
