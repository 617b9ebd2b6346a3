import { describe, expect, it } from "vitest";
import type { EncryptionName } from "../src/index.ts";
import { noblePacketCipher } from "../src/noble-backend.ts";
import { nodePacketCipher } from "../src/node-backend.ts";
import { crossCases, packetCipherCases, packetKeys } from "../src/testing/index.ts";

function arena() {
  const bytes = new Uint8Array(16_384);
  return { bytes, view: new DataView(bytes.buffer), base: 0 };
}

const PORTABLE: EncryptionName[] = ["aes-gcm-16", "chacha20-poly1305", "aes-cbc", "null"];

describe("node packet cipher", () => {
  it.each(packetCipherCases([...PORTABLE, "3des-cbc", "des-cbc"]))("$name", ({ run }) => {
    run(nodePacketCipher, arena());
  });
});

describe("noble packet cipher", () => {
  it.each(packetCipherCases(PORTABLE))("$name", ({ run }) => {
    run(noblePacketCipher, arena());
  });
});

describe("node and noble", () => {
  it.each(crossCases(PORTABLE))("$name", ({ run }) => {
    run(nodePacketCipher, noblePacketCipher, arena());
  });
});

it("refuses suites that do not exist, and keys that do not fit", () => {
  const suite = { encryption: "aes-gcm-16", keyBits: 128, integrity: "none" } as const;
  const keys = packetKeys(suite);
  const create = (choice: Parameters<typeof nodePacketCipher.create>[1]) => () =>
    nodePacketCipher.create("seal", choice, false, keys, arena());
  expect(create(suite)).not.toThrow();
  expect(create({ ...suite, keyBits: 256 })).toThrow(RangeError);
  expect(create({ ...suite, integrity: "hmac-sha1-96" })).toThrow(RangeError);
  expect(create({ encryption: "null", keyBits: 0, integrity: "none" })).toThrow(RangeError);
});
