/** The Debian packages that the lab ring's real peers come from. Nothing is installed unasked: only with --yes or in CI, as root. */
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";

interface Package {
  readonly name: string;
  /** That shows that it is installed. */
  readonly file: string;
}

/** What the lab ring needs without any peer. */
const BASE: readonly Package[] = [
  { name: "iproute2", file: "/usr/sbin/ip" },
  { name: "iputils-ping", file: "/usr/bin/ping" },
  { name: "procps", file: "/usr/sbin/sysctl" },
  { name: "nftables", file: "/usr/sbin/nft" },
  { name: "iperf3", file: "/usr/bin/iperf3" },
];

const PEERS: readonly Package[] = [
  { name: "iptables", file: "/usr/sbin/iptables" },
  { name: "tshark", file: "/usr/bin/tshark" },
  { name: "strongswan-charon", file: "/usr/lib/ipsec/charon" },
  { name: "strongswan-swanctl", file: "/usr/sbin/swanctl" },
  { name: "libcharon-extra-plugins", file: "/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so" },
  { name: "libstrongswan-standard-plugins", file: "/usr/lib/ipsec/plugins/libstrongswan-openssl.so" },
  { name: "libstrongswan-extra-plugins", file: "/usr/lib/ipsec/plugins/libstrongswan-chapoly.so" },
  { name: "bird2", file: "/usr/sbin/bird" },
  { name: "frr", file: "/usr/lib/frr/bgpd" },
  { name: "gobgpd", file: "/usr/bin/gobgpd" },
  { name: "docker.io", file: "/usr/sbin/dockerd" },
  { name: "docker-compose", file: "/usr/bin/docker-compose" },
  { name: "debootstrap", file: "/usr/sbin/debootstrap" },
  // The faster AES-GCM of the data plane, where Debian has it.
  ...(process.arch === "x64"
    ? [{ name: "libipsec-mb1", file: "/usr/lib/x86_64-linux-gnu/libIPSec_MB.so.1" }]
    : []),
];

const missing = (packages: readonly Package[]): string[] =>
  packages.filter(({ file }) => !existsSync(file)).map(({ name }) => name);

export const missingBase = (): string[] => missing(BASE);
export const missingPackages = (): string[] => missing([...BASE, ...PEERS]);

/** Installs without starting any service. Returns what is still missing. */
export function installPackages(names: readonly string[]): string[] {
  // policy-rc.d answers 101, "action forbidden", to every maintainer script that wants to start a daemon.
  const policy = "/usr/sbin/policy-rc.d";
  const made = !existsSync(policy);
  if (made) writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  try {
    const options = ["-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=3"];
    spawnSync("apt-get", [...options, "-qq", "update"], { env, stdio: ["ignore", "ignore", "inherit"] });
    const install = spawnSync(
      "apt-get",
      [...options, "-qq", "-y", "--no-install-recommends", "install", ...names],
      {
        env,
        encoding: "utf8",
        maxBuffer: 1 << 26,
      },
    );
    if (install.status !== 0) process.stderr.write(`${install.stdout}\n${install.stderr}\n`);
  } finally {
    if (made) rmSync(policy, { force: true });
  }
  return missingPackages();
}
