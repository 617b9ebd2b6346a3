import { describe, expect, it } from "vitest";
import {
  bytesToHex,
  decodeSignatureAlgorithm,
  encodeSignatureAlgorithm,
  hexToBytes,
  pssScheme,
  type SignatureScheme,
} from "../src/index.ts";

/** The blobs that RFC 7427 appendix A and RFC 8420 list, derived from their object identifiers (vectors/PROVENANCE.md). */
const BLOBS: [string, SignatureScheme, string][] = [
  ["sha1WithRSAEncryption", { kind: "rsa-pkcs1", hash: "sha1" }, "300d06092a864886f70d0101050500"],
  ["sha256WithRSAEncryption", { kind: "rsa-pkcs1", hash: "sha256" }, "300d06092a864886f70d01010b0500"],
  ["sha384WithRSAEncryption", { kind: "rsa-pkcs1", hash: "sha384" }, "300d06092a864886f70d01010c0500"],
  ["sha512WithRSAEncryption", { kind: "rsa-pkcs1", hash: "sha512" }, "300d06092a864886f70d01010d0500"],
  ["ecdsa-with-sha1", { kind: "ecdsa", hash: "sha1", encoding: "der" }, "300906072a8648ce3d0401"],
  ["ecdsa-with-sha256", { kind: "ecdsa", hash: "sha256", encoding: "der" }, "300a06082a8648ce3d040302"],
  ["ecdsa-with-sha384", { kind: "ecdsa", hash: "sha384", encoding: "der" }, "300a06082a8648ce3d040303"],
  ["ecdsa-with-sha512", { kind: "ecdsa", hash: "sha512", encoding: "der" }, "300a06082a8648ce3d040304"],
  ["RSASSA-PSS with empty parameters", pssScheme("sha1"), "300d06092a864886f70d01010a3000"],
  [
    "RSASSA-PSS with SHA-256",
    pssScheme("sha256"),
    "304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120",
  ],
  ["Ed25519", { kind: "ed25519" }, "300506032b6570"],
];

describe("AlgorithmIdentifier of RFC 7427", () => {
  it.each(BLOBS)("%s, both ways", (_name, scheme, hex) => {
    expect(bytesToHex(encodeSignatureAlgorithm(scheme))).toBe(hex);
    expect(decodeSignatureAlgorithm(hexToBytes(hex))).toEqual(scheme);
  });

  it("accepts PSS without NULLs and with the default trailer field written out", () => {
    const bare =
      "303d06092a864886f70d01010a3030a00d300b0609608648016503040201a11a301806092a864886f70d010108300b0609608648016503040201a203020120";
    expect(decodeSignatureAlgorithm(hexToBytes(bare))).toEqual(pssScheme("sha256"));
    const trailer =
      "304606092a864886f70d01010a3039a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120a303020101";
    expect(decodeSignatureAlgorithm(hexToBytes(trailer))).toEqual(pssScheme("sha256"));
  });

  it("knows no others", () => {
    expect(decodeSignatureAlgorithm(new Uint8Array(0))).toBeUndefined();
    expect(decodeSignatureAlgorithm(hexToBytes("300d06092a864886f70d01010b050000"))).toBeUndefined();
    expect(() => encodeSignatureAlgorithm({ kind: "rsa-pkcs1", hash: "md5" })).toThrow(RangeError);
    expect(() => encodeSignatureAlgorithm({ kind: "ecdsa", hash: "sha256", encoding: "raw" })).toThrow(
      RangeError,
    );
  });
});
