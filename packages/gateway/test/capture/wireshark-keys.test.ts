import { describe, expect, it } from "vitest";
import { espSaLines, ikev2DecryptionLine } from "../../src/capture/wireshark-keys.ts";

const bytes = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);
const any = {
  protocol: 0,
  startPort: 0,
  endPort: 65_535,
  startAddress: "0.0.0.0",
  endAddress: "255.255.255.255",
};

describe("Wireshark key lines (clients-and-formats §4.4)", () => {
  it("writes eight fields per direction, key and salt together", () => {
    const keys = { encryption: bytes(32, 0xab), salt: bytes(4, 0xcd), integrity: bytes(0, 0) };
    const lines = espSaLines({
      id: "a",
      connection: "c",
      seat: "s",
      suite: { encryption: "aes-gcm-16", keyBits: 256, integrity: "none" },
      esn: false,
      spiIn: 0xc0ffee01,
      spiOut: 1,
      inbound: keys,
      outbound: keys,
      endpoints: { local: "203.0.113.4", remote: "198.51.100.4" },
      localSelectors: [any],
      remoteSelectors: [any],
      replayWindow: 64,
    });
    expect(lines).toEqual([
      `"IPv4","198.51.100.4","203.0.113.4","0xc0ffee01","AES-GCM with 16 octet ICV [RFC4106]","0x${"ab".repeat(32)}cdcdcdcd","NULL",""`,
      `"IPv4","203.0.113.4","198.51.100.4","0x00000001","AES-GCM with 16 octet ICV [RFC4106]","0x${"ab".repeat(32)}cdcdcdcd","NULL",""`,
    ]);
  });

  it("writes IKE keys without quotes or 0x", () => {
    const keys = {
      d: bytes(32, 0),
      ai: bytes(32, 1),
      ar: bytes(32, 2),
      ei: bytes(32, 3),
      er: bytes(32, 4),
      pi: bytes(32, 0),
      pr: bytes(32, 0),
    };
    const line = ikev2DecryptionLine({
      initiatorSpi: "1122334455667788",
      responderSpi: "99aabbccddeeff00",
      suite: {
        encryption: "aes-cbc",
        keyBits: 256,
        integrity: "hmac-sha256-128",
        prf: "prf-hmac-sha256",
        group: "modp1024",
      },
      keys,
    } as never);
    expect(line).toBe(
      `1122334455667788,99aabbccddeeff00,${"03".repeat(32)},${"04".repeat(32)},"AES-CBC-256 [RFC3602]",${"01".repeat(32)},${"02".repeat(32)},"HMAC_SHA2_256_128 [RFC4868]"`,
    );
  });
});
