/**
 * The shape of esp's AEAD seam (packages/esp/src/aead-seam.ts), declared here because linux imports neither esp nor crypto.
 * The gateway hands `createEvpBackend()` or `createIpsecMbBackend()` to esp; the compiler checks there that the shapes agree.
 */
export interface CipherArena {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly base: number;
}

export interface CipherSuite {
  readonly encryption: "aes-gcm-16" | "chacha20-poly1305" | "aes-cbc" | "3des-cbc" | "des-cbc" | "null";
  readonly keyBits: number;
  readonly integrity:
    | "none"
    | "hmac-md5-96"
    | "hmac-sha1-96"
    | "hmac-sha256-128"
    | "hmac-sha384-192"
    | "hmac-sha512-256";
}

export interface CipherKeys {
  readonly encryption: Uint8Array;
  readonly salt: Uint8Array;
  readonly integrity: Uint8Array;
}

export interface PacketCipher {
  readonly ivLength: number;
  readonly icvLength: number;
  readonly blockLength: number;
  /** Length of the whole ESP packet, or -1. */
  seal(header: number, plain: number, length: number, sequenceHigh: number, sequenceLow: number): number;
  /** Length of the plaintext at header+8+ivLength, or -1; then no decrypted byte is left there. */
  open(header: number, length: number, sequenceHigh: number): number;
  destroy(): void;
  /** Queued forms, where this machine has them: see esp's seam. */
  readonly queue?: CipherQueue;
  enqueueSeal?(header: number, length: number, sequenceHigh: number, sequenceLow: number): number;
  enqueueOpen?(header: number, length: number, sequenceHigh: number): number;
}

export interface CipherQueue {
  readonly capacity: number;
  readonly count: number;
  run(): void;
  ok(job: number): boolean;
  allOk(): boolean;
}

export interface PacketCipherBackend {
  readonly name: "evp" | "ipsec-mb";
  create(
    direction: "seal" | "open",
    suite: CipherSuite,
    esn: boolean,
    keys: CipherKeys,
    arena: CipherArena,
  ): PacketCipher;
}
