import { ConnectionConfig, type IpsecPolicy } from "@tandem/contract";
import { describe, expect, it } from "vitest";
import { espProposals, ikeProposals } from "../../src/device-config/strongswan-proposals.ts";
import { retransmission, swanctlConf } from "../../src/device-config/swanctl.ts";

const policy = (words: Partial<IpsecPolicy>): IpsecPolicy => ({
  ikeEncryption: "AES256",
  ikeIntegrity: "SHA256",
  dhGroup: "DHGroup14",
  ipsecEncryption: "GCMAES256",
  ipsecIntegrity: "GCMAES256",
  pfsGroup: "None",
  saLifeTimeSeconds: 27_000,
  saDataSizeKilobytes: 102_400_000,
  ...words,
});

const connection = (words: object = {}): ConnectionConfig =>
  ConnectionConfig.parse({
    name: "onprem",
    seat: "device1/0",
    tunnel: "onprem|device1/0|gw/0",
    remote: { name: "gw/0", address: "203.0.113.10", id: "203.0.113.10" },
    localId: "198.51.100.10",
    authentication: { method: "psk", secret: 'quo"ted\\' },
    ...words,
  });

describe("proposals", () => {
  it.each<[Partial<IpsecPolicy>, string]>([
    [{}, "aes256-sha256-modp2048"],
    [{ ikeEncryption: "AES128", ikeIntegrity: "SHA1", dhGroup: "DHGroup2" }, "aes128-sha1-modp1024"],
    [
      { ikeEncryption: "GCMAES256", ikeIntegrity: "SHA384", dhGroup: "ECP384" },
      "aes256gcm16-prfsha384-ecp384",
    ],
    [{ ikeEncryption: "ChaCha20Poly1305", dhGroup: "X25519" }, "chacha20poly1305-prfsha256-x25519"],
    [{ dhGroup: "DHGroup24" }, "aes256-sha256-modp2048s256"],
  ])("%o is %s", (words, expected) => {
    expect(ikeProposals(policy(words))).toEqual([expected]);
  });

  it("offers both PRFs when the policy leaves them open", () => {
    expect(
      ikeProposals(policy({ ikeEncryption: "GCMAES256", ikeIntegrity: "GCMAES256", dhGroup: "ECP256" })),
    ).toEqual(["aes256gcm16-prfsha384-ecp256", "aes256gcm16-prfsha256-ecp256"]);
  });

  it.each<[Partial<IpsecPolicy>, string]>([
    [{}, "aes256gcm16"],
    [{ ipsecEncryption: "AES256", ipsecIntegrity: "SHA1", pfsGroup: "PFS2" }, "aes256-sha1-modp1024"],
    [
      { ipsecEncryption: "ChaCha20Poly1305", ipsecIntegrity: "SHA256", pfsGroup: "PFSMM" },
      "chacha20poly1305-modp2048",
    ],
  ])("ESP %o is %s", (words, expected) => {
    expect(espProposals(policy(words))).toEqual([expected]);
  });
});

describe("swanctl.conf", () => {
  it.each([
    ["ResponderOnly", "none", "clear", "none"],
    ["Default", "start", "clear", "none"],
    ["InitiatorOnly", "start", "restart", "start"],
  ] as const)("%s: at its start %s, after silence %s, after a DELETE %s", (mode, start, dpd, close) => {
    const text = swanctlConf([connection({ mode })], { localAddress: "198.51.100.10" });
    expect(text).toContain(`start_action = ${start}`);
    expect(text).toContain(`dpd_action = ${dpd}`);
    expect(text).toContain(`close_action = ${close}`);
  });

  it("leaves the beginning to the gateway where that is known to begin", () => {
    const start = (mode: "Default" | "InitiatorOnly") =>
      swanctlConf([connection({ mode })], { localAddress: "198.51.100.10", waits: true });
    expect(start("Default")).toContain("start_action = none");
    expect(start("InitiatorOnly")).toContain("start_action = start");
  });

  it("quotes secrets and selects any to any by default", () => {
    const text = swanctlConf([connection()], { localAddress: "198.51.100.10" });
    expect(text).toContain('secret = "quo\\"ted\\\\"');
    expect(text).toContain("local_ts = 0.0.0.0/0, ::/0");
  });

  it("gives up a dead peer when the DPD timeout has passed", () => {
    const {
      retransmit_timeout: timeout,
      retransmit_base: base,
      retransmit_tries: tries,
    } = retransmission({
      dpdTimeoutSeconds: 45,
    });
    let total = 15;
    for (let attempt = 0; attempt <= Number(tries); attempt++)
      total += Number(timeout) * Number(base) ** attempt;
    expect(total).toBeCloseTo(45, 0);
  });
});
