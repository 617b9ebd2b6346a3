/**
 * Who answers the load of `bench ike`: Tandem's whole instance process, or strongSwan's charon with userspace ESP. Each has one
 * connection that takes any client with the shared secret; half-open limits that would throttle one address are out of the way.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { InstanceConfigInput } from "@tandem/contract";
import { LabError } from "../lab-error.ts";
import { tryCommand } from "../process/run-command.ts";
import { GATEWAY_NODE_FLAGS, MAIN_OF } from "../repository.ts";
import { type IkeNetwork, INSIDE, RESPONDER } from "./ike-network.ts";

export type LoadGroup = "ecp256" | "modp2048";

export const SECRET = "benchmark";
export const RESPONDER_ID = "bench.test";

export interface Responder {
  readonly pid: number;
  stop(): Promise<void>;
}

export interface IkeSubject {
  readonly name: "tandem" | "charon";
  /** `pfs`: Child SAs are rekeyed with a key exchange of the same group. */
  start(network: IkeNetwork, group: LoadGroup, pfs: boolean): Promise<Responder>;
}

/** Milliseconds of processor time, all threads, since the process began. */
export function processorTime(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  return ticks * 10;
}

/** KiB of memory that is the process's own at this moment. */
export function residentMemory(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "0");
}

export const tandemResponder: IkeSubject = {
  name: "tandem",
  async start(network, group, pfs) {
    const folder = await mkdtemp(join(tmpdir(), "tandem-bench-ike-"));
    const config = instanceConfig(join(folder, "control"), group, pfs);
    await writeFile(join(folder, "config.json"), JSON.stringify(config), { mode: 0o600 });
    const quiet = "--disable-warning=ExperimentalWarning";
    const node = [process.execPath, quiet, ...GATEWAY_NODE_FLAGS, MAIN_OF.gateway];
    const logFile = join(folder, "log");
    const log = await open(logFile, "w");
    const child = launch(network.responder([...node, "--config", join(folder, "config.json")]), {}, log.fd);
    await log.close();
    // The control socket is there before the seats are.
    return await ready(child, folder, async () => readFileSync(logFile, "utf8").includes('"started"'));
  },
};

function instanceConfig(controlSocket: string, group: LoadGroup, pfs: boolean): InstanceConfigInput {
  return {
    name: "bench",
    kind: "instance",
    gateway: "bench",
    profile: "fast",
    asn: 65515,
    controlSocket,
    outside: { interface: "out0" },
    inside: { interface: "in0" },
    tun: {},
    localPrefixes: [INSIDE.network],
    seats: [{ name: "bench/0", publicIps: [RESPONDER], bgpIp: "10.255.255.1", epoch: 1 }],
    connections: [
      {
        name: "load",
        seat: "bench/0",
        tunnel: "load|bench/0|any",
        remote: { name: "any", address: null, id: "%any" },
        localId: RESPONDER_ID,
        mode: "ResponderOnly",
        authentication: { method: "psk", secret: SECRET },
        dpdTimeoutSeconds: 3600,
        ipsecPolicy: {
          ikeEncryption: "GCMAES128",
          ikeIntegrity: "SHA256",
          dhGroup: group === "ecp256" ? "ECP256" : "DHGroup14",
          ipsecEncryption: "GCMAES128",
          ipsecIntegrity: "GCMAES128",
          pfsGroup: pfs ? (group === "ecp256" ? "ECP256" : "PFS2048") : "None",
          saLifeTimeSeconds: 27_000,
          saDataSizeKilobytes: 102_400_000,
        },
      },
    ],
  };
}

const CHARON = "/usr/lib/ipsec/charon";

export const charonResponder: IkeSubject = {
  name: "charon",
  async start(network, group, pfs) {
    if (!existsSync(CHARON)) {
      throw new LabError(
        "strongSwan is not installed",
        "apt-get install strongswan-charon strongswan-swanctl",
      );
    }
    const folder = await mkdtemp(join(tmpdir(), "tandem-bench-charon-"));
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
    ])
      await mkdir(join(folder, "swanctl", name), { recursive: true });
    for (const name of ["ecdsa", "bliss", "pkcs8", "pkcs12", "conf.d"])
      await mkdir(join(folder, "swanctl", name), { recursive: true });
    await writeFile(join(folder, "strongswan.conf"), strongswanConf(folder));
    await writeFile(join(folder, "swanctl", "swanctl.conf"), swanctlConf(group, pfs), { mode: 0o600 });
    const env = { STRONGSWAN_CONF: join(folder, "strongswan.conf"), SWANCTL_DIR: join(folder, "swanctl") };
    const script = `mount -t tmpfs tmpfs /run && mkdir -p /run/lock && exec ${CHARON}`;
    const child = launch(network.responder(["unshare", "-m", "sh", "-c", script]), env);
    return await ready(child, folder, async () => {
      const loaded = await tryCommand(["swanctl", "--load-all"], { env: { ...process.env, ...env } });
      return loaded.status === 0;
    });
  },
};

function strongswanConf(folder: string): string {
  return `charon {
  load = random nonce openssl kdf hmac sha1 sha2 pem pkcs1 x509 pubkey constraints kernel-libipsec kernel-netlink socket-default vici updown
  dos_protection = no
  cookie_threshold = 0
  cookie_threshold_ip = 0
  block_threshold = 0
  init_limit_half_open = 0
  ikesa_table_size = 4096
  ikesa_table_segments = 16
  install_routes = no
  plugins {
    vici {
      socket = unix://${folder}/vici
    }
    kernel-libipsec {
      allow_peer_ts = yes
    }
  }
  syslog {
    daemon {
      default = -1
    }
    auth {
      default = -1
    }
  }
}
swanctl {
  load = pem pkcs1 x509 openssl random nonce
  socket = unix://${folder}/vici
}
`;
}

function swanctlConf(group: LoadGroup, pfs: boolean): string {
  return `connections {
  load {
    version = 2
    local_addrs = ${RESPONDER}
    remote_addrs = %any
    proposals = aes128gcm16-prfsha256-${group}
    unique = never
    mobike = no
    rekey_time = 0
    local {
      auth = psk
      id = ${RESPONDER_ID}
    }
    remote {
      auth = psk
      id = %any
    }
    children {
      net {
        local_ts = ${INSIDE.network}
        remote_ts = 10.0.0.0/8
        esp_proposals = aes128gcm16${pfs ? `-${group}` : ""}
        rekey_time = 0
      }
    }
  }
}
secrets {
  ike-1 {
    secret = "${SECRET}"
  }
}
`;
}

function launch(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  output: number | "ignore" = "ignore",
): ChildProcess {
  return spawn(argv[0]!, argv.slice(1), {
    stdio: ["ignore", output, "ignore"],
    env: { ...process.env, ...env },
  });
}

/** Milliseconds that a responder may take to start. */
const START_MILLISECONDS = 15_000;

async function ready(child: ChildProcess, folder: string, isUp: () => Promise<boolean>): Promise<Responder> {
  const responder: Responder = {
    pid: child.pid!,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = new Promise((resolve) => child.once("exit", resolve));
        child.kill("SIGKILL");
        await ended;
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
  const end = performance.now() + START_MILLISECONDS;
  while (!(await isUp())) {
    if (child.exitCode !== null || performance.now() > end) {
      await responder.stop();
      throw new LabError("the responder did not start");
    }
    await sleep(50);
  }
  return responder;
}
