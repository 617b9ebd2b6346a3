/** What is measured on the path: each subject makes host1 and host2 reach each other through the two gateways. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LabError } from "../lab-error.ts";
import { runCommand, tryCommand } from "../process/run-command.ts";
import { REPOSITORY } from "../repository.ts";
import { ADDRESS, BEHIND, type BenchNetwork } from "./throughput-network.ts";

/** How the tunnel is to be made. */
export interface Variant {
  /** Appended to the names of the works: "", "-v6", ... */
  readonly suffix: string;
  readonly family: 4 | 6;
  readonly cipher: "aes128gcm" | "aes256gcm" | "chacha20" | "aes256cbc";
  readonly encapsulation: "udp" | "esp";
  /** Whether super-packets may cross the outside link. */
  readonly offload: boolean;
}

export interface Running {
  readonly pids: readonly number[];
  /** What a reader of the figures has to know of how they were made. */
  readonly note?: string;
  stop(): Promise<void>;
}

export interface Subject {
  readonly name: string;
  /** Why it cannot be measured in this variant, or undefined. */
  refusal(variant: Variant): string | undefined;
  start(network: BenchNetwork, variant: Variant): Promise<Running>;
}

export const plainRouting: Subject = {
  name: "plain-routing",
  refusal: (variant) =>
    variant.cipher !== "aes128gcm" || variant.encapsulation !== "udp"
      ? "it has no cipher and no encapsulation: its main form is the ceiling of these too"
      : undefined,
  async start(network) {
    await network.routeVia(undefined);
    return { pids: [], stop: () => network.unroute() };
  },
};

const STATIC_MAIN = join(REPOSITORY, "packages", "gateway", "src", "dataplane", "static-main.ts");

const BACKEND_NOTES: Readonly<Record<string, string>> = {
  "ipsec-mb":
    "tandem: AES-GCM and ChaCha20-Poly1305 by Intel's ipsec-mb (TANDEM_ESP_BACKEND=evp: by OpenSSL).",
  evp: "tandem: AES-GCM and ChaCha20-Poly1305 by OpenSSL (with Debian's libipsec-mb1 and a processor with VAES and AVX-512 they are faster).",
};

const SUITE = {
  aes128gcm: { encryption: "aes-gcm-16", keyBits: 128, integrity: "none" },
  aes256gcm: { encryption: "aes-gcm-16", keyBits: 256, integrity: "none" },
  chacha20: { encryption: "chacha20-poly1305", keyBits: 256, integrity: "none" },
  aes256cbc: { encryption: "aes-cbc", keyBits: 256, integrity: "hmac-sha256-128" },
} as const;

export const tandem: Subject = {
  name: "tandem",
  refusal: () => undefined,
  async start(network, variant) {
    const children: ChildProcess[] = [];
    return orStopped(children, async () => {
      const started = (["g1", "g2"] as const).map((place) => {
        const peer = place === "g1" ? "g2" : "g1";
        const config = {
          tun: "tun0",
          local: ADDRESS[place][variant.family],
          remote: ADDRESS[peer][variant.family],
          side: place === "g1" ? "a" : "b",
          routes: [BEHIND[peer][4], BEHIND[peer][6]],
          suite: SUITE[variant.cipher],
          encapsulation: variant.encapsulation,
        };
        const child = launch(network.in(place, [process.execPath, STATIC_MAIN, JSON.stringify(config)]));
        children.push(child);
        return saidUp(child);
      });
      const [up] = await Promise.all(started);
      const backend = /"backend":"([^"]+)"/.exec(up ?? "")?.[1];
      await network.routeVia({ g1: "tun0", g2: "tun0" });
      return {
        ...running(children),
        note: BACKEND_NOTES[backend ?? ""] ?? `tandem: cipher backend ${backend}.`,
      };
    });
  },
};

/** `path` is the binary to measure. */
export function wireguardGo(path: string): Subject {
  return {
    name: "wireguard-go",
    refusal: (variant) =>
      variant.cipher === "chacha20" ||
      variant.suffix === "-v6" ||
      variant.suffix === "-nogso" ||
      variant.suffix === ""
        ? variant.encapsulation === "esp"
          ? "WireGuard has an encapsulation of its own"
          : undefined
        : "WireGuard has one cipher, ChaCha20-Poly1305",
    async start(network, variant) {
      const folder = await mkdtemp(join(tmpdir(), "tandem-bench-wg-"));
      const children: ChildProcess[] = [];
      // The control socket's name is the device's, in a folder that namespaces share.
      const devices = { g1: `tb${process.pid}a`, g2: `tb${process.pid}b` };
      const keys = { g1: await keyPair(), g2: await keyPair() };
      return orStopped(children, async () => {
        for (const place of ["g1", "g2"] as const) {
          const child = launch(network.in(place, [path, "-f", devices[place]]));
          children.push(child);
          await until(async () => {
            const { status } = await tryCommand(network.in(place, ["wg", "show", devices[place]]));
            return status === 0;
          }, `${path} does not bring its device up`);
        }
        for (const place of ["g1", "g2"] as const) {
          const peer = place === "g1" ? "g2" : "g1";
          const file = join(folder, place);
          await writeFile(file, keys[place].secret, { mode: 0o600 });
          const remote = ADDRESS[peer][variant.family];
          const endpoint = variant.family === 4 ? `${remote}:51820` : `[${remote}]:51820`;
          await runCommand(
            network.in(place, [
              ...["wg", "set", devices[place], "listen-port", "51820", "private-key", file],
              ...["peer", keys[peer].public, "allowed-ips", `${BEHIND[peer][4]},${BEHIND[peer][6]}`],
              ...["endpoint", endpoint],
            ]),
          );
          await runCommand(network.in(place, ["ip", "link", "set", devices[place], "up", "mtu", "1420"]));
        }
        await network.routeVia(devices);
        return removing(folder, running(children));
      });
    },
  };
}

async function keyPair(): Promise<{ secret: string; public: string }> {
  const secret = (await runCommand(["wg", "genkey"])).trim();
  return { secret, public: (await runCommand(["wg", "pubkey"], { input: `${secret}\n` })).trim() };
}

const CHARON = "/usr/lib/ipsec/charon";

/** strongSwan with userspace ESP (its plugin kernel-libipsec), as Debian packages it. */
export const kernelLibipsec: Subject = {
  name: "kernel-libipsec",
  refusal(variant) {
    if (!existsSync(CHARON))
      return "strongSwan is not installed (strongswan-charon, libcharon-extra-plugins)";
    if (variant.suffix !== "" && variant.suffix !== "-nogso") return "measured in its main form only";
    return undefined;
  },
  async start(network) {
    const folder = await mkdtemp(join(tmpdir(), "tandem-bench-charon-"));
    const children: ChildProcess[] = [];
    return orStopped(children, async () => {
      for (const place of ["g1", "g2"] as const) {
        const own = join(folder, place);
        await writeCharonConfig(own, place);
        const setup = "mount -t tmpfs tmpfs /run && exec";
        const argv = network.in(place, ["unshare", "-m", "sh", "-c", `${setup} ${CHARON}`]);
        children.push(launch(argv, { STRONGSWAN_CONF: join(own, "strongswan.conf") }));
      }
      const swanctl = (place: "g1" | "g2", ...args: string[]) =>
        tryCommand(["swanctl", ...args, "--uri", `unix://${join(folder, place, "vici")}`], {
          env: {
            ...process.env,
            SWANCTL_DIR: join(folder, place, "swanctl"),
            STRONGSWAN_CONF: join(folder, place, "strongswan.conf"),
          },
        });
      for (const place of ["g1", "g2"] as const) {
        await until(
          async () => (await swanctl(place, "--load-all")).status === 0,
          "charon does not take its configuration",
        );
      }
      const up = await swanctl("g1", "--initiate", "--child", "net");
      if (up.status !== 0)
        throw new LabError(`charon establishes no tunnel: ${up.stdout.split("\n").at(-2) ?? ""}`);
      return removing(folder, running(children));
    });
  },
};

async function writeCharonConfig(folder: string, place: "g1" | "g2"): Promise<void> {
  const peer = place === "g1" ? "g2" : "g1";
  for (const name of [
    "x509",
    "x509ca",
    "x509ocsp",
    "x509aa",
    "x509ac",
    "x509crl",
    "pubkey",
    "private",
    "rsa",
  ]) {
    await mkdir(join(folder, "swanctl", name), { recursive: true });
  }
  for (const name of ["ecdsa", "bliss", "pkcs8", "pkcs12", "conf.d"]) {
    await mkdir(join(folder, "swanctl", name), { recursive: true });
  }
  await writeFile(
    join(folder, "strongswan.conf"),
    `charon {
  load = random nonce openssl kdf hmac sha1 sha2 pem pkcs1 pkcs8 x509 pubkey revocation constraints kernel-libipsec kernel-netlink socket-default vici updown
  plugins {
    vici {
      socket = unix://${folder}/vici
    }
    kernel-libipsec {
      allow_peer_ts = yes
    }
  }
}
swanctl {
  load = pem pkcs1 pkcs8 x509 openssl random nonce
}
`,
  );
  await writeFile(
    join(folder, "swanctl", "swanctl.conf"),
    `connections {
  gw {
    version = 2
    local_addrs = ${ADDRESS[place][4]}
    remote_addrs = ${ADDRESS[peer][4]}
    encap = yes
    proposals = aes128-sha256-ecp256
    local {
      auth = psk
      id = ${ADDRESS[place][4]}
    }
    remote {
      auth = psk
      id = ${ADDRESS[peer][4]}
    }
    children {
      net {
        local_ts = ${BEHIND[place][4]}
        remote_ts = ${BEHIND[peer][4]}
        esp_proposals = aes128gcm16
      }
    }
  }
}
secrets {
  ike-1 {
    secret = "benchmark"
  }
}
`,
    { mode: 0o600 },
  );
}

function launch(argv: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const child = spawn(argv[0]!, argv.slice(1), {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  child.stderr?.resume();
  return child;
}

/** What it said. */
async function saidUp(child: ChildProcess): Promise<string> {
  return new Promise<string>((resolve, reject) => {
    child.stdout?.on("data", (text: Buffer) => {
      if (text.includes('"up"')) resolve(text.toString());
    });
    child.once("exit", (code) => reject(new LabError(`the data plane ended with status ${code}`)));
  });
}

function running(children: readonly ChildProcess[]): Running {
  for (const child of children) child.stdout?.resume();
  return {
    pids: children.map((child) => child.pid!),
    async stop() {
      await Promise.all(
        children.map(async (child) => {
          if (child.exitCode !== null || child.signalCode !== null) return;
          const ended = new Promise((resolve) => child.once("exit", resolve));
          child.kill("SIGTERM");
          await Promise.race([ended, sleep(3000)]);
          child.kill("SIGKILL");
          await ended;
        }),
      );
    },
  };
}

/** What was started before a failure does not outlive it. */
async function orStopped(children: readonly ChildProcess[], start: () => Promise<Running>): Promise<Running> {
  try {
    return await start();
  } catch (error) {
    await running(children).stop();
    throw error;
  }
}

const removing = (folder: string, { pids, stop }: Running): Running => ({
  pids,
  async stop() {
    await stop();
    await rm(folder, { recursive: true, force: true });
  },
});

async function until(condition: () => Promise<boolean>, failure: string): Promise<void> {
  for (let waited = 0; waited < 10_000; waited += 100) {
    if (await condition()) return;
    await sleep(100);
  }
  throw new LabError(failure);
}
