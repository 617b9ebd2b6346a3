/**
 * A real peer: strongSwan's charon, both as responder and as initiator, with every algorithm the issue names.
 * Needs root and Debian's strongSwan packages; where they are missing this fails and says what is missing.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { IpsecPolicy, LabStatus } from "@tandem/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TandemCommand } from "./tandem-command.ts";

const LIFE = { saLifeTimeSeconds: 27_000, saDataSizeKilobytes: 102_400_000 } as const;

const POLICIES: readonly {
  readonly name: string;
  readonly policy: IpsecPolicy;
  readonly ike: RegExp;
  readonly esp: string;
}[] = [
  {
    name: "aes256gcm16-prfsha256-ecp256, ESP GCM-128",
    policy: {
      ikeEncryption: "GCMAES256",
      ikeIntegrity: "SHA256",
      dhGroup: "ECP256",
      ipsecEncryption: "GCMAES128",
      ipsecIntegrity: "GCMAES128",
      pfsGroup: "None",
      ...LIFE,
    },
    ike: /AES_GCM_16-256\/PRF_HMAC_SHA2_256\/ECP_256/,
    esp: "AES_GCM_16-128",
  },
  {
    name: "aes128-sha1-modp1024, ESP AES256-SHA1",
    policy: {
      ikeEncryption: "AES128",
      ikeIntegrity: "SHA1",
      dhGroup: "DHGroup2",
      ipsecEncryption: "AES256",
      ipsecIntegrity: "SHA1",
      pfsGroup: "None",
      ...LIFE,
    },
    ike: /AES_CBC-128\/HMAC_SHA1_96\/PRF_HMAC_SHA1\/MODP_1024/,
    esp: "AES_CBC-256/HMAC_SHA1_96",
  },
  {
    name: "aes256-sha256-modp2048, ESP AES256-SHA256",
    policy: {
      ikeEncryption: "AES256",
      ikeIntegrity: "SHA256",
      dhGroup: "DHGroup14",
      ipsecEncryption: "AES256",
      ipsecIntegrity: "SHA256",
      pfsGroup: "None",
      ...LIFE,
    },
    ike: /AES_CBC-256\/HMAC_SHA2_256_128\/PRF_HMAC_SHA2_256\/MODP_2048/,
    esp: "AES_CBC-256/HMAC_SHA2_256_128",
  },
  {
    name: "aes256gcm16-prfsha384-ecp384, ESP GCM-256",
    policy: {
      ikeEncryption: "GCMAES256",
      ikeIntegrity: "SHA384",
      dhGroup: "ECP384",
      ipsecEncryption: "GCMAES256",
      ipsecIntegrity: "GCMAES256",
      pfsGroup: "None",
      ...LIFE,
    },
    ike: /AES_GCM_16-256\/PRF_HMAC_SHA2_384\/ECP_384/,
    esp: "AES_GCM_16-256",
  },
  {
    name: "chacha20poly1305-prfsha256-x25519, ESP ChaCha20",
    policy: {
      ikeEncryption: "ChaCha20Poly1305",
      ikeIntegrity: "SHA256",
      dhGroup: "X25519",
      ipsecEncryption: "ChaCha20Poly1305",
      ipsecIntegrity: "SHA256",
      pfsGroup: "None",
      ...LIFE,
    },
    ike: /CHACHA20_POLY1305(-256)?\/PRF_HMAC_SHA2_256\/CURVE_25519/,
    esp: "CHACHA20_POLY1305",
  },
];

let tandem: TandemCommand;

beforeAll(async () => {
  tandem = new TandemCommand();
  await tandem.expect("lab", "up", "site-to-site", "--name", `swan-${process.pid}`, "--device", "strongswan");
});
afterAll(() => tandem.close());

const swanctl = () => tandem.expect("lab", "exec", "device1", "swanctl", "--list-sas");
const tunnel = async () => (await tandem.json<LabStatus>("status")).tunnels[0];

async function apply(policy: IpsecPolicy): Promise<void> {
  const file = join(tandem.state, "policy.json");
  writeFileSync(file, JSON.stringify(policy));
  await tandem.expect("connection", "set", "onprem", "--policy", file);
}

describe.each(["InitiatorOnly", "ResponderOnly"])("the gateway as %s", (mode) => {
  beforeAll(async () => {
    await tandem.expect("connection", "set", "onprem", "--mode", mode);
  });

  it.each(POLICIES)("$name", async ({ policy, ike, esp }) => {
    await apply(policy);
    await expect
      .poll(async () => (await tunnel())?.children[0]?.esp, { timeout: 30_000, interval: 200 })
      .toContain(esp);
    const ours = await tunnel();
    expect(ours?.ike).toBe("ESTABLISHED");
    expect(ours?.initiator).toBe(mode === "InitiatorOnly");
    const theirs = await swanctl();
    expect(theirs).toMatch(ike);
    expect(theirs).toContain(`${ours?.initiatorSpi}_i`);
    expect(theirs).toMatch(new RegExp(`in  ${ours?.children[0]?.spiOut}`));
    expect(theirs).toMatch(new RegExp(`out ${ours?.children[0]?.spiIn}`));
    for (const size of ["1", "56", "1372"]) {
      await tandem.expect(
        "lab",
        "exec",
        "vnet1-host",
        "ping",
        "-c",
        "2",
        "-i",
        "0.2",
        "-W",
        "2",
        "-s",
        size,
        "10.51.0.4",
      );
    }
    // Bytes agree, give or take what is under way between the two looks.
    const [after, listed] = [await tunnel(), await swanctl()];
    const bytesOf = (side: string): number =>
      Number(new RegExp(`${side} +[0-9a-f]{8}, +(\\d+) bytes`).exec(listed)?.[1] ?? -1);
    expect(bytesOf("in ")).toBe(after?.children[0]?.bytesOut);
    expect(bytesOf("out")).toBe(after?.children[0]?.bytesIn);
  });
});
