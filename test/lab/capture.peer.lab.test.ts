/**
 * A capture of traffic with strongSwan, read by tshark with the written profile and nothing else: IKE and ESP are
 * decrypted and every integrity check value is good.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import type { CaptureResult } from "@tandem/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { run, SITE_HOST, UserLab, until } from "./user-lab.ts";

const lab = new UserLab();
beforeAll(async () => {
  await lab.up("site-to-site", ["--device", "strongswan"]);
});
afterAll(() => lab.down());

const file = join(lab.folder, "captured.pcapng");

/** tshark as the verb's output tells a person to run it. */
async function tshark(capture: CaptureResult, words: readonly string[]): Promise<string> {
  const said = await run(["tshark", "-C", capture.profile, "-r", capture.file, ...words], {
    env: { ...process.env, XDG_CONFIG_HOME: capture.config },
  });
  expect(said.status, said.stderr).toBe(0);
  return said.stdout;
}

async function renewed(words: readonly string[]): Promise<void> {
  const before = (await lab.tunnel()).initiatorSpi;
  await lab.must(words);
  await until("a new IKE SA", 30, async () => {
    const tunnel = await lab.tunnel();
    return tunnel.ike === "ESTABLISHED" && tunnel.children.length === 1 && tunnel.initiatorSpi !== before;
  });
  expect((await lab.exec("vnet1-host", ["ping", "-c", "3", "-i", "0.2", SITE_HOST])).status).toBe(0);
}

it("is decrypted by tshark with the written files, integrity good, whichever suite", async () => {
  expect((await lab.exec("vnet1-host", ["ping", "-c", "1", SITE_HOST])).status).toBe(0);
  await lab.json(["capture", "gw/IN_0", "--out", file, "--start"]);
  await renewed(["reset", "onprem"]);
  const policy = lab.write("policy.json", {
    ikeEncryption: "GCMAES256",
    ikeIntegrity: "SHA256",
    dhGroup: "ECP256",
    ipsecEncryption: "AES256",
    ipsecIntegrity: "SHA256",
    pfsGroup: "None",
    saLifeTimeSeconds: 27_000,
    saDataSizeKilobytes: 102_400_000,
  });
  await renewed(["connection", "set", "onprem", "--policy", policy]);
  const capture = await lab.json<CaptureResult>(["capture", "gw/IN_0", "--stop"]);
  expect(capture.packets).toBeGreaterThan(20);
  for (const path of [capture.file, join(capture.config, "wireshark/profiles", capture.profile, "esp_sa")])
    expect(statSync(path).mode & 0o777, path).toBe(0o600);

  // Echoes inside (as they are), and outside (inside ESP).
  const inEsp = await tshark(capture, ["-Y", "esp && icmp", "-T", "fields", "-e", "icmp.type"]);
  expect(
    inEsp
      .trim()
      .split("\n")
      .filter((type) => type === "8").length,
  ).toBeGreaterThanOrEqual(6);
  expect(
    inEsp
      .trim()
      .split("\n")
      .filter((type) => type === "0").length,
  ).toBeGreaterThanOrEqual(6);
  const all = await tshark(capture, ["-V"]);
  const icv = all.match(/ESP ICV: .*/g) ?? [];
  expect(icv.length).toBeGreaterThanOrEqual(12);
  expect(icv.filter((line) => !line.includes("[correct]"))).toEqual([]);
  expect(icv.some((line) => line.includes("AES-GCM")) && icv.some((line) => line.includes("SHA-256"))).toBe(
    true,
  );

  // Both IKE_AUTH exchanges: identities are readable only when decrypted.
  const auth = await tshark(capture, [
    "-Y",
    "isakmp.exchangetype == 35",
    "-T",
    "fields",
    "-e",
    "isakmp.id.data.ipv4_addr",
  ]);
  const messages = auth.trim().split("\n");
  expect(messages.length).toBeGreaterThanOrEqual(4);
  for (const identities of messages) expect(identities).toMatch(/203\.0\.113\.10|198\.51\.100\.10/);
  const checksums = all.match(/Integrity Checksum Data: .*/g) ?? [];
  expect(checksums.length).toBeGreaterThanOrEqual(4);
  expect(checksums.filter((line) => !line.includes("[correct]"))).toEqual([]);
});

it("without the files nothing is readable", async () => {
  const said = await run(["tshark", "-r", file, "-Y", "esp && icmp"], {
    env: { ...process.env, XDG_CONFIG_HOME: join(lab.folder, "empty") },
  });
  expect(said.stdout).toBe("");
});
