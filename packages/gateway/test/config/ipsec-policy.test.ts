import { describe, expect, it } from "vitest";
import { selectorOf } from "../../src/config/ike-connection.ts";
import {
  DEFAULT_ESP_ACCEPTS,
  DEFAULT_ESP_OFFERS,
  policyChoices,
  policyProblems,
} from "../../src/config/ipsec-policy.ts";

const policy = {
  ikeEncryption: "GCMAES256",
  ikeIntegrity: "SHA384",
  dhGroup: "ECP384",
  ipsecEncryption: "AES256",
  ipsecIntegrity: "SHA256",
  pfsGroup: "PFSMM",
  saLifeTimeSeconds: 3600,
  saDataSizeKilobytes: 1024,
} as const;

describe("IpsecPolicy", () => {
  it("has the cloud's numbers of defaults: 6 offers without PFS, 26 accepted (azure-vpn-gateway §2.2)", () => {
    expect(DEFAULT_ESP_OFFERS).toHaveLength(6);
    expect(DEFAULT_ESP_OFFERS.every((choice) => choice.pfs === undefined)).toBe(true);
    expect(DEFAULT_ESP_ACCEPTS).toHaveLength(26);
    expect(policyChoices(undefined).ike).toHaveLength(6);
    expect(policyChoices(undefined).ike.every((choice) => choice.group === "modp1024")).toBe(true);
  });

  it("maps a custom policy, PFSMM being the main mode's group", () => {
    const choices = policyChoices(policy);
    expect(choices.ike).toEqual([
      { encryption: "aes-gcm-16", keyBits: 256, integrity: "none", prf: "prf-hmac-sha384", group: "ecp384" },
    ]);
    expect(choices.espOffers).toEqual([
      { encryption: "aes-cbc", keyBits: 256, integrity: "hmac-sha256-128", pfs: "ecp384" },
    ]);
    expect(choices.childBytes).toBe(1024 * 1024);
  });

  it("refuses what has no meaning", () => {
    expect(policyProblems(policy)).toEqual([]);
    expect(policyProblems({ ...policy, dhGroup: "None" })[0]?.field).toBe("dhGroup");
    expect(policyProblems({ ...policy, ikeEncryption: "AES256", ikeIntegrity: "GCMAES256" })[0]?.field).toBe(
      "ikeIntegrity",
    );
  });

  it("makes selectors of prefixes", () => {
    expect(selectorOf("10.0.0.0/9")).toMatchObject({
      startAddress: "10.0.0.0",
      endAddress: "10.127.255.255",
    });
    expect(selectorOf("2001:db8::/33").endAddress).toBe("2001:db8:7fff:ffff:ffff:ffff:ffff:ffff");
    expect(selectorOf("0.0.0.0/0").endAddress).toBe("255.255.255.255");
  });
});
