import { describe, expect, it } from "vitest";
import { hexToBytes, keyPairEntropyLength } from "../../src/index.ts";
import { nobleBackend } from "../../src/noble-backend.ts";
import { nodeBackend } from "../../src/node-backend.ts";
import { backendSuite, GROUPS } from "./backend-suite.ts";

describe("noble backend", () => backendSuite(nobleBackend, { des: false }));

describe("both backends", () => {
  it.each(GROUPS)("give the same key pairs and secrets in %s", (group) => {
    const entropy = Uint8Array.from({ length: keyPairEntropyLength(group) }, (_, i) => (i * 37 + 11) & 0xff);
    const [a, b] = [nodeBackend, nobleBackend].map((backend) => backend.keyPairFromEntropy(group, entropy));
    expect(a!.publicValue).toEqual(b!.publicValue);
    expect(a!.privateKey).toEqual(b!.privateKey);
    const peer = nodeBackend.keyPairFromEntropy(group, entropy.toReversed()).publicValue;
    expect(nodeBackend.sharedSecret(group, a!.privateKey, peer)).toEqual(
      nobleBackend.sharedSecret(group, b!.privateKey, peer),
    );
  });

  it("the noble one says that it has no DES", () => {
    const [key, block] = [hexToBytes("0123456789abcdef"), new Uint8Array(8)];
    expect(() => nobleBackend.cbcEncrypt("des-cbc", key, block, block)).toThrow(
      "the noble backend has no des-cbc",
    );
  });
});
