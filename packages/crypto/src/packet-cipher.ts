/**
 * ESP packet ciphers over a packet arena, by any backend: the slow twins of the FFI backend. Their shape is that of
 * `PacketCipherBackend` in esp/src/aead-seam.ts (not imported: crypto stands below esp); a test in esp's users holds them together.
 *
 * Reading list: RFC 4303 §2 (packet), §2.2.1 (ESN in the ICV), §3.4.4.1; RFC 4106 §3-5 (AES-GCM), RFC 7634 §2 (ChaCha20),
 * RFC 3602 §3 (CBC's IV), RFC 2410 (NULL).
 *
 *      header               header+8       +ivLength
 *      | SPI (4) | seq (4) | IV           | ciphertext ...             | ICV |
 *      |<--------- ICV covers, then the high half of an ESN --------->|        with HMAC
 *      |<-- AAD: SPI [high] low -->|                                            with an AEAD
 */
import {
  type AeadName,
  blockLength,
  type CbcName,
  icvLength,
  isAead,
  isValidChoice,
  ivLength,
} from "./algorithm-sizes.ts";
import type { EncryptionChoice } from "./algorithms.ts";
import { constantTimeEqual } from "./octets.ts";
import { prfFunctions } from "./prf.ts";
import type { Primitives } from "./primitives.ts";

/** All packets lie in `bytes`; `view` looks at the same memory. `base` is of no use here. */
export interface PacketArena {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly base: number;
}

export interface PacketKeys {
  readonly encryption: Uint8Array;
  readonly salt: Uint8Array;
  readonly integrity: Uint8Array;
}

/** One direction of one SA; the contract of each method stands in esp/src/aead-seam.ts. */
export interface ArenaPacketCipher {
  readonly ivLength: number;
  readonly icvLength: number;
  readonly blockLength: number;
  seal(header: number, plain: number, length: number, sequenceHigh: number, sequenceLow: number): number;
  open(header: number, length: number, sequenceHigh: number): number;
  destroy(): void;
}

export interface ArenaPacketCipherBackend {
  readonly name: "node" | "noble";
  /** Keys are copied. Throws a RangeError when suite and keys do not fit: a programmer's error. */
  create(
    direction: "seal" | "open",
    suite: EncryptionChoice,
    esn: boolean,
    keys: PacketKeys,
    arena: PacketArena,
  ): ArenaPacketCipher;
}

const ESP_HEADER_LENGTH = 8;
const FAILED = -1;

export function packetCipherBackend(
  primitives: Primitives,
  randomBytes: (length: number) => Uint8Array,
): ArenaPacketCipherBackend {
  const { integ } = prfFunctions(primitives);
  return {
    name: primitives.name,
    create(_direction, suite, esn, given, arena) {
      if (!isValidChoice(suite) || given.encryption.length !== suite.keyBits / 8)
        throw new RangeError(`no ESP suite: ${suite.encryption}-${suite.keyBits} with ${suite.integrity}`);
      const keys: PacketKeys = {
        encryption: given.encryption.slice(),
        salt: given.salt.slice(),
        integrity: given.integrity.slice(),
      };
      const operation = isAead(suite.encryption)
        ? aeadOperation(primitives, suite.encryption, esn, keys, arena)
        : encryptThenMac(primitives, integ, suite, esn, keys, arena, randomBytes);
      return {
        ivLength: ivLength(suite.encryption),
        icvLength: icvLength(suite),
        blockLength: blockLength(suite.encryption),
        ...operation,
        destroy() {
          keys.encryption.fill(0);
          keys.salt.fill(0);
          keys.integrity.fill(0);
        },
      };
    },
  };
}

type Operation = Pick<ArenaPacketCipher, "seal" | "open">;

function aeadOperation(
  primitives: Primitives,
  name: AeadName,
  esn: boolean,
  keys: PacketKeys,
  arena: PacketArena,
): Operation {
  const { bytes, view } = arena;
  const iv = ivLength(name);
  const icv = 16;
  const nonce = new Uint8Array(keys.salt.length + iv);
  nonce.set(keys.salt);
  const aad = new Uint8Array(esn ? 12 : 8);
  const aadView = new DataView(aad.buffer);

  /** RFC 4106 §5: SPI and the sequence number, with an ESN as 64 bits. */
  const setAad = (header: number, high: number): void => {
    aadView.setUint32(0, view.getUint32(header));
    if (esn) aadView.setUint32(4, high);
    aadView.setUint32(esn ? 8 : 4, view.getUint32(header + 4));
  };

  return {
    seal(header, plain, length, sequenceHigh, sequenceLow) {
      // The sequence number never repeats under one key, so as an IV it never does (RFC 4106 §3.1, RFC 7634 §2).
      view.setUint32(header + ESP_HEADER_LENGTH, sequenceHigh);
      view.setUint32(header + ESP_HEADER_LENGTH + 4, sequenceLow);
      const body = header + ESP_HEADER_LENGTH + iv;
      nonce.set(bytes.subarray(header + ESP_HEADER_LENGTH, body), keys.salt.length);
      setAad(header, sequenceHigh);
      const sealed = primitives.aeadSeal(
        name,
        keys.encryption,
        nonce,
        aad,
        bytes.subarray(plain, plain + length),
      );
      bytes.set(sealed, body);
      return ESP_HEADER_LENGTH + iv + sealed.length;
    },
    open(header, length, sequenceHigh) {
      if (length < ESP_HEADER_LENGTH + iv + icv) return FAILED;
      const body = header + ESP_HEADER_LENGTH + iv;
      nonce.set(bytes.subarray(header + ESP_HEADER_LENGTH, body), keys.salt.length);
      setAad(header, sequenceHigh);
      const opened = primitives.aeadOpen(
        name,
        keys.encryption,
        nonce,
        aad,
        bytes.subarray(body, header + length),
      );
      if (opened === undefined) return FAILED;
      bytes.set(opened, body);
      return opened.length;
    },
  };
}

function encryptThenMac(
  primitives: Primitives,
  integ: ReturnType<typeof prfFunctions>["integ"],
  suite: EncryptionChoice,
  esn: boolean,
  keys: PacketKeys,
  arena: PacketArena,
  randomBytes: (length: number) => Uint8Array,
): Operation {
  const { bytes } = arena;
  const cipher = suite.encryption === "null" ? undefined : (suite.encryption as CbcName);
  const iv = ivLength(suite.encryption);
  const icv = icvLength(suite);
  const block = blockLength(suite.encryption);
  const high = new Uint8Array(esn ? 4 : 0);
  const highView = new DataView(high.buffer);

  const icvOf = (header: number, end: number, sequenceHigh: number): Uint8Array => {
    if (esn) highView.setUint32(0, sequenceHigh);
    return integ(suite.integrity, keys.integrity, bytes.subarray(header, end), high);
  };

  return {
    seal(header, plain, length, sequenceHigh) {
      if (length % block !== 0) return FAILED;
      const body = header + ESP_HEADER_LENGTH + iv;
      if (cipher === undefined) {
        bytes.copyWithin(body, plain, plain + length);
      } else {
        // Unpredictable, as RFC 3602 §3 demands: fresh random bytes, never the last ciphertext block.
        const fresh = randomBytes(iv);
        const sealed = primitives.cbcEncrypt(
          cipher,
          keys.encryption,
          fresh,
          bytes.subarray(plain, plain + length),
        );
        bytes.set(fresh, header + ESP_HEADER_LENGTH);
        bytes.set(sealed, body);
      }
      const end = body + length;
      bytes.set(icvOf(header, end, sequenceHigh), end);
      return end + icv - header;
    },
    open(header, length, sequenceHigh) {
      const body = header + ESP_HEADER_LENGTH + iv;
      const end = header + length - icv;
      if (end < body || (end - body) % block !== 0) return FAILED;
      // The ICV is checked before anything is decrypted (RFC 4303 §3.4.4.1).
      if (!constantTimeEqual(icvOf(header, end, sequenceHigh), bytes.subarray(end, end + icv))) return FAILED;
      if (cipher !== undefined) {
        const vector = bytes.subarray(header + ESP_HEADER_LENGTH, body);
        bytes.set(primitives.cbcDecrypt(cipher, keys.encryption, vector, bytes.subarray(body, end)), body);
      }
      return end - body;
    },
  };
}
