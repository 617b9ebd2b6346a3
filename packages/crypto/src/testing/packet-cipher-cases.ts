/**
 * Checks that every ESP packet cipher backend must pass (node, noble, and EVP in `linux`): a list of named functions that
 * throw, so that any test runner can carry them.
 */

import { ENCRYPTION, integKeyLength, isAead, saltLength } from "../algorithm-sizes.ts";
import type { EncryptionChoice, EncryptionName, IntegrityName } from "../algorithms.ts";
import { bytesToHex, concatBytes, hexToBytes } from "../octets.ts";
import type { ArenaPacketCipher, PacketArena, PacketKeys } from "../packet-cipher.ts";

/** Any backend of esp's seam: names do not matter here. */
export interface AnyPacketCipherBackend {
  create(
    direction: "seal" | "open",
    suite: EncryptionChoice,
    esn: boolean,
    keys: PacketKeys,
    arena: PacketArena,
  ): ArenaPacketCipher;
}

export interface PacketCipherCase {
  readonly name: string;
  run(backend: AnyPacketCipherBackend, arena: PacketArena): void;
}

const INTEGRITIES: readonly IntegrityName[] = [
  "hmac-md5-96",
  "hmac-sha1-96",
  "hmac-sha256-128",
  "hmac-sha384-192",
  "hmac-sha512-256",
];

/** Every suite that can be made of the algorithms named. */
export function packetSuites(encryptions: readonly EncryptionName[]): EncryptionChoice[] {
  return encryptions.flatMap((encryption) =>
    ENCRYPTION[encryption].keyBits.flatMap((keyBits) =>
      (isAead(encryption) ? (["none"] as const) : INTEGRITIES).map((integrity) => ({
        encryption,
        keyBits,
        integrity,
      })),
    ),
  );
}

export function packetKeys(suite: EncryptionChoice, seed = 1): PacketKeys {
  const bytes = (length: number, from: number): Uint8Array =>
    Uint8Array.from({ length }, (_, i) => (from + i * 7) & 0xff);
  return {
    encryption: bytes(suite.keyBits / 8, seed),
    salt: bytes(saltLength(suite.encryption), seed + 100),
    integrity: bytes(integKeyLength(suite.integrity), seed + 200),
  };
}

export const suiteText = (suite: EncryptionChoice): string =>
  `${suite.encryption}-${suite.keyBits}${suite.integrity === "none" ? "" : `/${suite.integrity}`}`;

function must(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

const HEADER = 64;
const SPI = 0xc0ffee01;

function writeHeader(arena: PacketArena, header: number, low: number): void {
  arena.view.setUint32(header, SPI);
  arena.view.setUint32(header + 4, low);
}

/** Round trip, in place and from another place, and refusal of every changed byte and of a wrong high half. */
function roundTrip(suite: EncryptionChoice, esn: boolean): PacketCipherCase {
  return {
    name: `${suiteText(suite)}${esn ? " with ESN" : ""}: round trip, and any change is refused`,
    run(backend, arena) {
      const keys = packetKeys(suite);
      const seal = backend.create("seal", suite, esn, keys, arena);
      const open = backend.create("open", suite, esn, keys, arena);
      const high = esn ? 3 : 0;
      const { bytes } = arena;
      for (const [length, inPlace] of [
        [48, true],
        [48, false],
        [1424, false],
      ] as const) {
        const body = HEADER + 8 + seal.ivLength;
        const plain = inPlace ? body : 8192;
        const text = Uint8Array.from({ length }, (_, i) => (i * 13 + length) & 0xff);
        bytes.set(text, plain);
        writeHeader(arena, HEADER, 0xfffffffe);
        const total = seal.seal(HEADER, plain, length, high, 0xfffffffe);
        must(total === 8 + seal.ivLength + length + seal.icvLength, `sealed length is ${total}`);
        const packet = bytes.slice(HEADER, HEADER + total);
        must(open.open(HEADER, total, high) === length, "an untouched packet is refused");
        must(bytesToHex(bytes.subarray(body, body + length)) === bytesToHex(text), "the plaintext differs");
        for (let at = 0; at < total; at += at < 64 ? 1 : 97) {
          bytes.set(packet, HEADER);
          bytes[HEADER + at]! ^= 0x10;
          must(open.open(HEADER, total, high) === -1, `a change of byte ${at} is accepted`);
        }
        for (const cut of [total - 1, total - 16, 8 + seal.ivLength + seal.icvLength - 1, 8, 0]) {
          bytes.set(packet, HEADER);
          must(open.open(HEADER, cut, high) === -1, `a packet cut to ${cut} bytes is accepted`);
        }
        bytes.set(packet, HEADER);
        if (esn) must(open.open(HEADER, total, high + 1) === -1, "a wrong high half is accepted");
      }
      seal.destroy();
      open.destroy();
    },
  };
}

function vector(
  name: string,
  suite: EncryptionChoice,
  keys: PacketKeys,
  packet: string,
  plaintext: string,
): PacketCipherCase {
  return {
    name,
    run(backend, arena) {
      const whole = hexToBytes(packet);
      const text = hexToBytes(plaintext);
      arena.bytes.set(whole, HEADER);
      const open = backend.create("open", suite, false, keys, arena);
      must(open.open(HEADER, whole.length, 0) === text.length, "the packet is refused");
      const body = HEADER + 8 + open.ivLength;
      must(bytesToHex(arena.bytes.subarray(body, body + text.length)) === plaintext, "the plaintext differs");
    },
  };
}

/** RFC 7634 appendix A: a whole ESP packet. */
const RFC_7634_A = vector(
  "RFC 7634 appendix A",
  { encryption: "chacha20-poly1305", keyBits: 256, integrity: "none" },
  {
    encryption: hexToBytes("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"),
    salt: hexToBytes("a0a1a2a3"),
    integrity: new Uint8Array(0),
  },
  "01020304000000051011121314151617" +
    "24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c614ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3cbec163fac469b502773f6fb94e664da9165b82829f641e0" +
    "76aaa8266b7fb0f7b11b369907e1ad43",
  "45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec100007362708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363701020204",
);

/** The IV of an AEAD is the 64-bit sequence number; that of CBC does not repeat and does not follow from the sequence. */
const IVS: PacketCipherCase = {
  name: "IVs: the sequence number for an AEAD, unpredictable for CBC",
  run(backend, arena) {
    const gcm: EncryptionChoice = { encryption: "aes-gcm-16", keyBits: 128, integrity: "none" };
    const aead = backend.create("seal", gcm, true, packetKeys(gcm), arena);
    writeHeader(arena, HEADER, 0x01020304);
    aead.seal(HEADER, 8192, 16, 0x0a0b0c0d, 0x01020304);
    must(
      bytesToHex(arena.bytes.subarray(HEADER + 8, HEADER + 16)) === "0a0b0c0d01020304",
      "the IV is another",
    );
    const cbc: EncryptionChoice = { encryption: "aes-cbc", keyBits: 128, integrity: "hmac-sha256-128" };
    const cipher = backend.create("seal", cbc, false, packetKeys(cbc), arena);
    const seen = new Set<string>();
    for (let i = 0; i < 2000; i++) {
      cipher.seal(HEADER, 8192, 16, 0, 1);
      seen.add(bytesToHex(arena.bytes.subarray(HEADER + 8, HEADER + 24)));
    }
    must(seen.size === 2000, "an IV came twice");
  },
};

export function packetCipherCases(encryptions: readonly EncryptionName[]): PacketCipherCase[] {
  const cases = packetSuites(encryptions).flatMap((suite) => [
    roundTrip(suite, false),
    roundTrip(suite, true),
  ]);
  if (encryptions.includes("chacha20-poly1305")) cases.push(RFC_7634_A);
  cases.push(IVS);
  return cases;
}

/** Two backends make the same packet (AEAD only: CBC's IVs are random), and open each other's. */
export function crossCases(encryptions: readonly EncryptionName[]): {
  readonly name: string;
  run(one: AnyPacketCipherBackend, other: AnyPacketCipherBackend, arena: PacketArena): void;
}[] {
  return packetSuites(encryptions).map((suite) => ({
    name: `${suiteText(suite)}: packets of one are opened by the other`,
    run(one, other, arena) {
      for (const esn of [false, true]) {
        const keys = packetKeys(suite, 9);
        const high = esn ? 1 : 0;
        const sealed = [one, other].map((backend) => {
          const cipher = backend.create("seal", suite, esn, keys, arena);
          arena.bytes.fill(0x5a, 8192, 8192 + 160);
          writeHeader(arena, HEADER, 77);
          const total = cipher.seal(HEADER, 8192, 160, high, 77);
          return arena.bytes.slice(HEADER, HEADER + total);
        });
        if (isAead(suite.encryption))
          must(bytesToHex(concatBytes(sealed[0]!)) === bytesToHex(sealed[1]!), "the packets differ");
        for (const [backend, packet] of [
          [one, sealed[1]!],
          [other, sealed[0]!],
        ] as const) {
          const cipher = backend.create("open", suite, esn, keys, arena);
          arena.bytes.set(packet, HEADER);
          must(cipher.open(HEADER, packet.length, high) === 160, "the other's packet is refused");
        }
      }
    },
  }));
}
