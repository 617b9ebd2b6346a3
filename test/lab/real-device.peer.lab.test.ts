/**
 * docs/real-device.md as a test: strongSwan and BIRD in a namespace that knows nothing of the lab, joined to it by one
 * Ethernet cable, and configured with nothing but the files that `tandem device-config` prints.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { LabStatus } from "@tandem/contract";
import { afterAll, beforeAll, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const ID = `rd${process.pid % 10_000}`;
const DEVICE = `${ID}-device`;
const PUBLIC_IP = "192.0.2.10";
const SITE_HOST = "10.51.0.1";
const folder = mkdtempSync("/tmp/tandem-real-");
const children: ChildProcess[] = [];

const run = (argv: readonly string[], env: NodeJS.ProcessEnv = process.env) =>
  spawnSync(argv[0] ?? "", argv.slice(1), {
    encoding: "utf8",
    env: { ...env, TANDEM_STATE: join(folder, "state") },
  });

function must(argv: readonly string[], env?: NodeJS.ProcessEnv): string {
  const result = run(argv, env);
  if (result.status !== 0) throw new Error(`${argv.join(" ")}: ${result.stdout}${result.stderr}`);
  return result.stdout;
}

const tandem = (...words: string[]): string => must([join(root, "tandem"), ...words]);
const inDevice = (...argv: string[]): string[] => ["ip", "netns", "exec", DEVICE, ...argv];

async function until(what: string, seconds: number, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!holds()) {
    if (performance.now() > deadline) {
      const log = run(["tail", "-25", join(folder, "charon.log")]).stdout;
      throw new Error(
        `${what}: not within ${seconds} s\n${run([join(root, "tandem"), "status", "--name", ID]).stdout}\n${log}`,
      );
    }
    await delay(200);
  }
}

const status = (): LabStatus =>
  JSON.parse(run([join(root, "tandem"), "status", "--name", ID, "--json"]).stdout) as LabStatus;

const strongswanEnv = {
  ...process.env,
  STRONGSWAN_CONF: join(folder, "strongswan.conf"),
  SWANCTL_DIR: join(folder, "swanctl"),
};

beforeAll(() => {
  must(["ip", "netns", "add", DEVICE]);
  must(["ip", "link", "add", `${ID}a`, "type", "veth", "peer", "name", "eth0", "netns", DEVICE]);
  must(["ip", "link", "set", `${ID}a`, "up"]);
  for (const words of [
    "link set lo up",
    "link set eth0 up",
    "address add 192.0.2.99/24 dev eth0",
    "address add 10.52.0.1/32 dev lo",
    `address add ${SITE_HOST}/32 dev lo`,
  ]) {
    must(["ip", "-n", DEVICE, ...words.split(" ")]);
  }
});

afterAll(async () => {
  run([join(root, "tandem"), "lab", "down", "--name", ID]);
  for (const child of children) child.kill("SIGTERM");
  await delay(300);
  for (const child of children) child.kill("SIGKILL");
  run(["ip", "netns", "del", DEVICE]);
  run(["ip", "link", "del", `${ID}a`]);
  rmSync(folder, { recursive: true, force: true });
});

it("answers on a real interface for its public IP", async () => {
  tandem(
    ...["gateway", "up", "--name", ID, "--outside", `${ID}a`, "--public-ip", PUBLIC_IP],
    ...["--device", "office=192.0.2.99,asn=65050,bgp=10.52.0.1,prefix=10.51.0.0/16"],
  );
  await until(
    "the public IP answers",
    10,
    () => run(inDevice("ping", "-c", "1", "-W", "1", PUBLIC_IP)).status === 0,
  );
});

it("comes up with strongSwan and BIRD from the printed files alone", async () => {
  mkdirSync(join(folder, "swanctl"), { recursive: true });
  for (const sub of "conf.d x509 x509ca x509ocsp x509aa x509ac x509crl pubkey private rsa ecdsa bliss pkcs8 pkcs12".split(
    " ",
  )) {
    mkdirSync(join(folder, "swanctl", sub));
  }
  writeFileSync(
    join(folder, "swanctl/swanctl.conf"),
    tandem("device-config", "to-office", "--name", ID, "--format", "swanctl"),
    { mode: 0o600 },
  );
  writeFileSync(
    join(folder, "bird.conf"),
    tandem("device-config", "office", "--name", ID, "--format", "bird", "--tunnel-interface", "ipsec0"),
  );
  // The daemon's own set-up, which has nothing of the gateway in it: which plugins, where its socket and log are.
  writeFileSync(
    join(folder, "strongswan.conf"),
    `charon {
      load = random nonce openssl kdf hmac sha1 sha2 pem pkcs1 x509 pubkey kernel-libipsec kernel-netlink socket-default vici updown
      routing_table_prio = 32800
      plugins { vici { socket = unix://${folder}/vici } kernel-libipsec { allow_peer_ts = yes } }
      filelog { f { path = ${folder}/charon.log
        default = 1
        flush_line = yes } }
    }
    swanctl { load = pem pkcs1 x509 openssl random nonce }\n`,
  );
  const charon = "mount -t tmpfs tmpfs /run && mkdir -p /run/lock && exec /usr/lib/ipsec/charon";
  const start = (argv: readonly string[]): void => {
    children.push(spawn(argv[0] ?? "", argv.slice(1), { env: strongswanEnv, stdio: "ignore" }));
  };
  start(inDevice("unshare", "-m", "sh", "-c", charon));
  await until(
    "charon takes its configuration",
    15,
    () => run(["swanctl", "--load-all", "--uri", `unix://${folder}/vici`], strongswanEnv).status === 0,
  );
  start(inDevice("bird", "-f", "-c", join(folder, "bird.conf"), "-s", join(folder, "bird.ctl")));
  await until("tunnel and BGP session", 45, () => {
    const { tunnels, bgpPeers } = status();
    return (
      tunnels.every((t) => t.ike === "ESTABLISHED" && t.children.length > 0) &&
      bgpPeers.some((p) => p.neighbor === "10.52.0.1" && p.state === "Established" && p.routesReceived > 0)
    );
  });
}, 90_000);

it("is seen alike from strongSwan and from BIRD, and carries traffic both ways", async () => {
  const child = status().tunnels[0]?.children[0];
  const sas = must(["swanctl", "--list-sas", "--uri", `unix://${folder}/vici`], strongswanEnv);
  expect(sas).toContain(`in  ${child?.spiOut}`);
  expect(sas).toContain(`out ${child?.spiIn}`);
  const protocols = must(["birdc", "-s", join(folder, "bird.ctl"), "show", "protocols"]);
  expect(protocols).toMatch(/tunnel0\s+BGP.*Established/);
  await until(
    "site to VNet",
    20,
    () => run(inDevice("ping", "-c", "1", "-W", "1", "-I", SITE_HOST, "10.11.0.4")).status === 0,
  );
  tandem("lab", "exec", "--name", ID, "vnet-host", "ping", "-c", "3", "-i", "0.2", SITE_HOST);
  expect(readFileSync(join(folder, "charon.log"), "utf8")).not.toMatch(/no proposal|AUTH_FAILED/);
});

it("leaves nothing behind", () => {
  tandem("lab", "down", "--name", ID);
  expect(must(["ip", "netns", "list"])).not.toContain(`${ID}.`);
});
