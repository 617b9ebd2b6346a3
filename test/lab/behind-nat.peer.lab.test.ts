/**
 * The gateway behind a NAT that forwards UDP 500 and 4500 to its public IP: strongSwan and BIRD on the far side know the
 * NAT's address alone, and are configured with what `device-config --gateway-address` prints.
 *
 *      device 198.51.100.99 ── 198.51.100.1 NAT 192.0.2.1 ── 192.0.2.10 gateway
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { LabStatus } from "@tandem/contract";
import { afterAll, beforeAll, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const ID = `bn${process.pid % 10_000}`;
const DEVICE = `${ID}-device`;
const NAT = `${ID}-nat`;
const PUBLIC_IP = "192.0.2.10";
const NAT_IP = "198.51.100.1";
const SITE_HOST = "10.51.0.1";
const folder = mkdtempSync("/tmp/tandem-nat-");
const children: ChildProcess[] = [];

const env = {
  ...process.env,
  TANDEM_STATE: join(folder, "state"),
  STRONGSWAN_CONF: join(folder, "strongswan.conf"),
  SWANCTL_DIR: join(folder, "swanctl"),
};
const run = (argv: readonly string[], input?: string) =>
  spawnSync(argv[0] ?? "", argv.slice(1), {
    encoding: "utf8",
    env,
    ...(input === undefined ? {} : { input }),
  });

function must(argv: readonly string[], input?: string): string {
  const result = run(argv, input);
  if (result.status !== 0) throw new Error(`${argv.join(" ")}: ${result.stdout}${result.stderr}`);
  return result.stdout;
}

const tandem = (...words: string[]): string => must([join(root, "tandem"), ...words]);
const inDevice = (...argv: string[]): string[] => ["ip", "netns", "exec", DEVICE, ...argv];
const ip = (netns: string, ...lines: string[]): void => {
  for (const line of lines) must(["ip", "-n", netns, ...line.split(" ")]);
};

async function until(what: string, seconds: number, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!holds()) {
    if (performance.now() > deadline) {
      const log = run(["tail", "-25", join(folder, "charon.log")]).stdout;
      throw new Error(`${what}: not within ${seconds} s\n${log}`);
    }
    await delay(200);
  }
}

/** What comes to the NAT's address goes on to the public IP; what goes out has the NAT's address. */
const NAT_RULES = `
table ip forward_ike {
  chain in { type nat hook prerouting priority -100; iifname "outer" udp dport { 500, 4500 } dnat to ${PUBLIC_IP}; }
  chain out { type nat hook postrouting priority 100; oifname "outer" masquerade; }
}
`;

beforeAll(() => {
  must(["ip", "netns", "add", DEVICE]);
  must(["ip", "netns", "add", NAT]);
  must(["ip", "link", "add", `${ID}a`, "type", "veth", "peer", "name", "inner", "netns", NAT]);
  must(["ip", "link", "set", `${ID}a`, "up"]);
  must(["ip", "-n", NAT, "link", "add", "outer", "type", "veth", "peer", "name", "eth0", "netns", DEVICE]);
  ip(NAT, "link set lo up", "link set inner up", "link set outer up");
  ip(NAT, "address add 192.0.2.1/24 dev inner", `address add ${NAT_IP}/24 dev outer`);
  ip(DEVICE, "link set lo up", "link set eth0 up", "address add 198.51.100.99/24 dev eth0");
  ip(DEVICE, "address add 10.52.0.1/32 dev lo", `address add ${SITE_HOST}/32 dev lo`);
  must(["ip", "netns", "exec", NAT, "sysctl", "-qw", "net.ipv4.ip_forward=1"]);
  must(["ip", "netns", "exec", NAT, "nft", "-f", "-"], NAT_RULES);
});

afterAll(async () => {
  run([join(root, "tandem"), "lab", "down", "--name", ID]);
  for (const child of children) child.kill("SIGTERM");
  await delay(300);
  for (const child of children) child.kill("SIGKILL");
  run(["ip", "netns", "del", DEVICE]);
  run(["ip", "netns", "del", NAT]);
  run(["ip", "link", "del", `${ID}a`]);
  rmSync(folder, { recursive: true, force: true });
});

it("comes up with a device that dials the NAT, and carries BGP and traffic both ways in UDP", async () => {
  tandem(
    ...["gateway", "up", "--name", ID, "--outside", `${ID}a`, "--public-ip", PUBLIC_IP],
    ...["--next-hop", "192.0.2.1", "--device", "office=198.51.100.99,asn=65050,bgp=10.52.0.1"],
  );
  for (const sub of "conf.d x509 x509ca x509ocsp x509aa x509ac x509crl pubkey private rsa ecdsa bliss pkcs8 pkcs12".split(
    " ",
  )) {
    mkdirSync(join(folder, "swanctl", sub), { recursive: true });
  }
  const print = (...words: string[]): string => tandem("device-config", "office", "--name", ID, ...words);
  const swanctl = print("--format", "swanctl", "--gateway-address", NAT_IP);
  expect(swanctl).toContain(`remote_addrs = ${NAT_IP}`);
  writeFileSync(join(folder, "swanctl/swanctl.conf"), swanctl, { mode: 0o600 });
  writeFileSync(join(folder, "bird.conf"), print("--format", "bird", "--tunnel-interface", "ipsec0"));
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
  const start = (argv: readonly string[]): void => {
    children.push(spawn(argv[0] ?? "", argv.slice(1), { env, stdio: "ignore" }));
  };
  const charon = "mount -t tmpfs tmpfs /run && mkdir -p /run/lock && exec /usr/lib/ipsec/charon";
  start(inDevice("unshare", "-m", "sh", "-c", charon));
  await until(
    "charon takes its configuration",
    20,
    () => run(["swanctl", "--load-all", "--uri", `unix://${folder}/vici`]).status === 0,
  );
  start(inDevice("bird", "-f", "-c", join(folder, "bird.conf"), "-s", join(folder, "bird.ctl")));
  const status = (): LabStatus =>
    JSON.parse(run([join(root, "tandem"), "status", "--name", ID, "--json"]).stdout);
  await until("the tunnel and the session", 60, () => {
    const { tunnels, bgpPeers } = status();
    return (
      tunnels.every((t) => t.ike === "ESTABLISHED" && t.children.length > 0) &&
      bgpPeers.some((p) => p.neighbor === "10.52.0.1" && p.state === "Established")
    );
  });
  const sas = must(["swanctl", "--list-sas", "--uri", `unix://${folder}/vici`]);
  expect(sas).toMatch(new RegExp(`remote '${PUBLIC_IP}' @ ${NAT_IP}\\[4500\\]`));
  await until(
    "site to VNet",
    30,
    () => run(inDevice("ping", "-c", "1", "-W", "1", "-I", "10.52.0.1", "10.11.0.4")).status === 0,
  );
  tandem("lab", "exec", "--name", ID, "vnet-host", "ping", "-c", "3", "-i", "0.2", "-W", "2", "10.52.0.1");
}, 180_000);
