/**
 * Tandem and strongSwan, established in both roles with each suite, as seen from both ends; traffic through each.
 * In CI each IKE suite meets one ESP suite, in both roles; TANDEM_FULL=1 runs all pairs and every ping size.
 */
import type { IpsecPolicy, LabFileInput } from "@tandem/contract";
import { afterEach, describe, expect, it } from "vitest";
import { FULL, iperf3, SITE_HOST, siteToSite, UserLab, until, VNET_HOST } from "./user-lab.ts";

type IkeWords = Pick<IpsecPolicy, "ikeEncryption" | "ikeIntegrity" | "dhGroup">;
type EspWords = Pick<IpsecPolicy, "ipsecEncryption" | "ipsecIntegrity">;

/** strongSwan's name of a proposal, the cloud's words for it, and what both ends call it once it is chosen. */
const IKE: readonly (readonly [string, IkeWords, string])[] = [
  [
    "aes256gcm16-prfsha256-ecp256",
    { ikeEncryption: "GCMAES256", ikeIntegrity: "SHA256", dhGroup: "ECP256" },
    "AES_GCM_16-256/PRF_HMAC_SHA2_256/ECP_256",
  ],
  [
    "aes128-sha1-modp1024",
    { ikeEncryption: "AES128", ikeIntegrity: "SHA1", dhGroup: "DHGroup2" },
    "AES_CBC-128/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024",
  ],
  [
    "aes256-sha256-modp2048",
    { ikeEncryption: "AES256", ikeIntegrity: "SHA256", dhGroup: "DHGroup14" },
    "AES_CBC-256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048",
  ],
  [
    "aes256gcm16-prfsha384-ecp384",
    { ikeEncryption: "GCMAES256", ikeIntegrity: "SHA384", dhGroup: "ECP384" },
    "AES_GCM_16-256/PRF_HMAC_SHA2_384/ECP_384",
  ],
  [
    "chacha20poly1305-prfsha256-x25519",
    { ikeEncryption: "ChaCha20Poly1305", ikeIntegrity: "SHA256", dhGroup: "X25519" },
    "CHACHA20_POLY1305/PRF_HMAC_SHA2_256/CURVE_25519",
  ],
];
const ESP: readonly (readonly [string, EspWords, string])[] = [
  ["GCM-128", { ipsecEncryption: "GCMAES128", ipsecIntegrity: "GCMAES128" }, "AES_GCM_16-128"],
  ["GCM-256", { ipsecEncryption: "GCMAES256", ipsecIntegrity: "GCMAES256" }, "AES_GCM_16-256"],
  ["AES256-SHA1", { ipsecEncryption: "AES256", ipsecIntegrity: "SHA1" }, "AES_CBC-256/HMAC_SHA1_96"],
  ["AES256-SHA256", { ipsecEncryption: "AES256", ipsecIntegrity: "SHA256" }, "AES_CBC-256/HMAC_SHA2_256_128"],
  ["ChaCha20", { ipsecEncryption: "ChaCha20Poly1305", ipsecIntegrity: "SHA256" }, "CHACHA20_POLY1305"],
];
const SUITES = FULL
  ? IKE.flatMap((ike) => ESP.map((esp) => ({ ike, esp })))
  : IKE.map((ike, i) => ({ ike, esp: ESP[i]! }));

/** Around the block and padding boundaries of every cipher, and both ends of the range. */
const SIZES = FULL
  ? Array.from({ length: 1372 }, (_, i) => i + 1)
  : [1, 2, 7, 8, 15, 16, 17, 63, 64, 65, 511, 512, 1023, 1357, 1370, 1371, 1372];

let lab: UserLab;
afterEach(async () => {
  await lab?.down();
});

function labFile(ike: IkeWords, esp: EspWords, initiator: "gateway" | "device"): LabFileInput {
  return siteToSite((file) => {
    const connection = file.connections![0]!.properties as Record<string, unknown>;
    connection.ipsecPolicies = [
      { ...ike, ...esp, pfsGroup: "None", saLifeTimeSeconds: 27_000, saDataSizeKilobytes: 102_400_000 },
    ];
    connection.connectionMode = initiator === "gateway" ? "InitiatorOnly" : "ResponderOnly";
    const device = file.tandem!.devices![0]! as Record<string, unknown>;
    device.connectionMode = initiator === "gateway" ? "ResponderOnly" : "InitiatorOnly";
  });
}

interface ListedSa {
  readonly suite: string;
  readonly esp: string;
  readonly ikeSpis: readonly [string, string];
  readonly initiator: boolean;
  readonly in: { readonly spi: string; readonly bytes: number; readonly packets: number };
  readonly out: { readonly spi: string; readonly bytes: number; readonly packets: number };
}

/** The first IKE SA and Child SA that `swanctl --list-sas` prints; `tandem sas` is read by the same words. */
export function readListedSas(text: string): ListedSa {
  const must = (pattern: RegExp): RegExpExecArray => {
    const match = pattern.exec(text);
    if (match === null) throw new Error(`no ${pattern.source} in\n${text}`);
    return match;
  };
  const ike = must(/ESTABLISHED, IKEv2, ([0-9a-f]{16})_i(\*?) ([0-9a-f]{16})_r/);
  const direction = (name: string) => {
    const found = must(new RegExp(`^ +${name} +([0-9a-f]{8})[^,]*, +(\\d+) bytes, +(\\d+) packets`, "m"));
    return { spi: found[1]!, bytes: Number(found[2]), packets: Number(found[3]) };
  };
  return {
    suite: must(/^ {2}((?:AES|CHACHA|3DES|DES)\S+)$/m)[1]!,
    esp: must(/ESP:(\S+)/)[1]!,
    ikeSpis: [ike[1]!, ike[3]!],
    initiator: ike[2] === "*",
    in: direction("in"),
    out: direction("out"),
  };
}

/** What receives is asked before what sends, so that packets under way count on the side that can only be ahead. */
async function bothEnds(): Promise<{ ours: ListedSa; theirs: ListedSa }> {
  const theirs = readListedSas(await lab.mustExec("device1", ["swanctl", "--list-sas"]));
  const ours = readListedSas(await lab.must(["sas"]));
  return { ours, theirs };
}

describe.each(["gateway", "device"] as const)("the %s initiates", (initiator) => {
  it.each(SUITES)("$ike.0, ESP $esp.0", async ({ ike, esp }) => {
    lab = new UserLab();
    await lab.up(labFile(ike[1], esp[1], initiator), ["--device", "strongswan"]);

    const status = await lab.status();
    expect(status.ready, status.reasons.join("; ")).toBe(true);
    const [tunnel] = status.tunnels;
    expect(tunnel).toMatchObject({
      ike: "ESTABLISHED",
      initiator: initiator === "gateway",
      ikeSuite: ike[2],
    });
    expect(tunnel?.children).toHaveLength(1);
    expect(tunnel?.children[0]?.esp).toBe(esp[2]);

    // One shell loop in the node: a process per size, not two.
    const loop = 'for s in "$@"; do ping -q -c 1 -W 2 -s "$s" "$0" >/dev/null || echo "lost $s"; done';
    for (const [from, to] of [
      ["vnet1-host", SITE_HOST],
      ["onprem-host", VNET_HOST],
    ] as const) {
      expect(await lab.mustExec(from, ["sh", "-c", loop, to, ...SIZES.map(String)], 300)).toBe("");
    }
    // The last packets may be under way while the first end is asked: look until both have counted the same.
    await until("both ends to agree", 10, async () => {
      const { ours, theirs } = await bothEnds();
      expect(theirs.ikeSpis).toEqual(ours.ikeSpis);
      expect(theirs.initiator).toBe(!ours.initiator);
      expect(theirs.suite).toBe(ours.suite);
      expect(theirs.esp).toBe(ours.esp);
      expect(theirs.in).toEqual(ours.out);
      expect(theirs.out).toEqual(ours.in);
      expect(ours.in.packets).toBeGreaterThanOrEqual(2 * SIZES.length);
      return true;
    });

    expect(await iperf3(lab, "vnet1-host", "onprem-host", SITE_HOST)).toBeGreaterThan(1);
    expect(await iperf3(lab, "onprem-host", "vnet1-host", VNET_HOST)).toBeGreaterThan(1);
    // TCP finds out how much the slower end takes by losing packets: nobody can have received more than was sent.
    const { ours, theirs } = await bothEnds();
    expect(theirs.in.bytes).toBeLessThanOrEqual(ours.out.bytes);
    expect(ours.in.bytes).toBeLessThanOrEqual(theirs.out.bytes);
    expect(theirs.in.bytes).toBeGreaterThan(100_000);
    expect(ours.in.bytes).toBeGreaterThan(100_000);
  });
});
