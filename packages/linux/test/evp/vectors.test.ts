import { formatHex, ipv4ChecksumValid, parseHex } from "@tandem/wire";
import { describe, expect, test } from "vitest";
import { createArena } from "../../src/arena.ts";
import { BACKENDS } from "../backends.ts";

const arena = createArena(65536);
const HEADER = 4096;
const none = new Uint8Array(0);

const vectors = [
  {
    // RFC 7634 Appendix A: an ICMP packet in tunnel mode
    name: "RFC 7634 Appendix A, ChaCha20-Poly1305",
    suite: { encryption: "chacha20-poly1305", keyBits: 256, integrity: "none" },
    esn: false,
    high: 0,
    key: "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
    salt: "a0a1a2a3",
    packet: `01020304 00000005 1011121314151617
      24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c6
      14ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3
      cbec163fac469b502773f6fb94e664da9165b82829f641e0
      76aaa8266b7fb0f7b11b369907e1ad43`,
    plain: "45000054a6f200004001e778c6336405c0000205",
    trailer: "01020204",
  },
  {
    // draft-mcgrew-gcm-test-01 §3: ESP with extended sequence numbers, AAD = SPI, high, low
    name: "draft-mcgrew-gcm-test-01, AES-128-GCM with ESN",
    suite: { encryption: "aes-gcm-16", keyBits: 128, integrity: "none" },
    esn: true,
    high: 0x87654321,
    key: "4c80cdefbb5d10da906ac73c3613a634",
    salt: "2e443b68",
    packet: `00004321 00000000 4956ed7e3b244cfe
      fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34
      cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5ff6247aeabb786b93bce
      61bc17d768fd9732
      459018148f6cbe722fd04796562dfdb4`,
    plain: "45000048699a000080114db7c0a80102c0a80101",
    trailer: "",
  },
] as const;

describe.each(BACKENDS)("%s", (_name, createBackend) => {
  test.each(vectors)("$name", ({ suite, esn, high, key, salt, packet, plain, trailer }) => {
    const keys = { encryption: parseHex(key)!, salt: parseHex(salt)!, integrity: none };
    const open = createBackend().create("open", suite, esn, keys, arena);
    const bytes = parseHex(packet)!;
    arena.bytes.set(bytes, HEADER);
    const length = open.open(HEADER, bytes.length, high);
    expect(length).toBe(bytes.length - 32);
    const inner = arena.bytes.slice(HEADER + 16, HEADER + 16 + length);
    expect(formatHex(inner).startsWith(plain)).toBe(true);
    expect(formatHex(inner).endsWith(trailer)).toBe(true);
    expect(ipv4ChecksumValid(inner)).toBe(true);
  });
});
