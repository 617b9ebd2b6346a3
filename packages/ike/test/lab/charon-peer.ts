/** strongSwan's charon in a namespace, with userspace ESP (kernel-libipsec), its files in a folder of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Vici, type ViciSection } from "./vici.ts";

const PLUGINS =
  "random nonce openssl kdf hmac sha1 sha2 md5 pem pkcs1 pkcs8 x509 pubkey revocation constraints curve25519 chapoly " +
  "kernel-libipsec kernel-netlink socket-default vici updown";

/** strongswan.conf's `charon` section beyond what every test has. */
export type CharonSettings = Readonly<Record<string, string | number>>;

export interface CharonChild {
  readonly name: string;
  readonly spiIn: string;
  readonly spiOut: string;
  readonly state: string;
  readonly encapsulated: boolean;
  readonly encryption: string;
  readonly keyBits: number;
  readonly integrity: string;
  readonly group: string;
  readonly esn: boolean;
  readonly localTs: readonly string[];
  readonly remoteTs: readonly string[];
}

export interface CharonIkeSa {
  readonly name: string;
  readonly uniqueId: string;
  readonly state: string;
  readonly initiator: boolean;
  readonly initiatorSpi: string;
  readonly responderSpi: string;
  /** Encryption, key size, integrity, PRF, group; joined by "/" as charon names them. */
  readonly suite: string;
  /** Charon takes us to be behind a NAT. */
  readonly natRemote: boolean;
  readonly remoteVips: readonly string[];
  readonly localVips: readonly string[];
  readonly children: readonly CharonChild[];
}

export class CharonPeer {
  readonly #process: ChildProcess;
  readonly #folder: string;
  #vici: Vici | undefined;

  private constructor(child: ChildProcess, folder: string) {
    this.#process = child;
    this.#folder = folder;
  }

  static async start(netns: string, settings: CharonSettings = {}): Promise<CharonPeer> {
    const folder = mkdtempSync(join(tmpdir(), "tandem-charon-"));
    const socket = join(folder, "vici");
    writeFileSync(join(folder, "strongswan.conf"), strongswanConf(folder, settings), { mode: 0o600 });
    // charon keeps its pid file in /run: it gets one of its own.
    const script = "mount -t tmpfs tmpfs /run && mkdir -p /run/lock && exec /usr/lib/ipsec/charon";
    const child = spawn("ip", ["netns", "exec", netns, "unshare", "-m", "sh", "-c", script], {
      stdio: "ignore",
      env: { ...process.env, STRONGSWAN_CONF: join(folder, "strongswan.conf") },
    });
    const peer = new CharonPeer(child, folder);
    const end = performance.now() + 10_000;
    for (;;) {
      try {
        peer.#vici = await Vici.open(socket);
        await peer.vici.request("version");
        return peer;
      } catch (error) {
        if (performance.now() > end || child.exitCode !== null)
          throw new Error(`charon did not start: ${String(error)}\n${peer.log}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  get pid(): number {
    return this.#process.pid!;
  }

  get vici(): Vici {
    return this.#vici!;
  }

  get log(): string {
    try {
      return readFileSync(join(this.#folder, "charon.log"), "utf8");
    } catch {
      return "";
    }
  }

  /** Forgets every connection and secret, and ends every IKE SA without a word to the peer. */
  async reset(): Promise<void> {
    // It may be gone by now.
    for (const sa of await this.ikeSas())
      await this.vici
        .request("terminate", { "ike-id": sa.uniqueId, force: "yes", timeout: "-1" })
        .catch(() => {});
    const { conns } = await this.vici.request("get-conns");
    for (const name of (conns as readonly string[] | undefined) ?? [])
      await this.vici.request("unload-conn", { name });
    await this.vici.request("clear-creds");
    for (const name of Object.keys(await this.vici.request("get-pools")))
      await this.vici.request("unload-pool", { name });
  }

  async ikeSas(): Promise<CharonIkeSa[]> {
    const events = await this.vici.stream("list-sas", "list-sa");
    return events.flatMap((event) =>
      Object.entries(event).map(([name, sa]) => ikeSaOf(name, sa as ViciSection)),
    );
  }

  async stop(): Promise<void> {
    this.vici.close();
    const gone = new Promise((resolve) => this.#process.once("exit", resolve));
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill("SIGKILL");
      await gone;
    }
    if (process.env.TANDEM_KEEP_LOGS === undefined) rmSync(this.#folder, { recursive: true });
  }
}

function strongswanConf(folder: string, settings: CharonSettings): string {
  const lines = Object.entries({
    load: PLUGINS,
    // Silence is judged by the tests' clocks, not by minutes.
    retransmit_timeout: "0.5",
    retransmit_base: "1.4",
    retransmit_tries: "3",
    // Rekeyed SAs linger for this many seconds; 5 by default.
    delete_rekeyed_delay: "1",
    ...settings,
  }).map(([key, value]) => `  ${key} = ${value}`);
  return `charon {
${lines.join("\n")}
  plugins {
    vici {
      socket = unix://${folder}/vici
    }
    kernel-libipsec {
      allow_peer_ts = yes
    }
  }
  filelog {
    log {
      path = ${folder}/charon.log
      default = 1
      ike = 2
      flush_line = yes
    }
  }
}
`;
}

const textOf = (section: ViciSection, key: string): string => (section[key] as string | undefined) ?? "";
const listOf = (section: ViciSection, key: string): readonly string[] =>
  (section[key] as readonly string[] | undefined) ?? [];

function ikeSaOf(name: string, sa: ViciSection): CharonIkeSa {
  return {
    name,
    uniqueId: textOf(sa, "uniqueid"),
    state: textOf(sa, "state"),
    initiator: textOf(sa, "initiator") === "yes",
    initiatorSpi: textOf(sa, "initiator-spi"),
    responderSpi: textOf(sa, "responder-spi"),
    suite: ["encr-alg", "encr-keysize", "integ-alg", "prf-alg", "dh-group"]
      .map((key) => textOf(sa, key))
      .filter((word) => word !== "")
      .join("/"),
    natRemote: textOf(sa, "nat-remote") === "yes",
    localVips: listOf(sa, "local-vips"),
    remoteVips: listOf(sa, "remote-vips"),
    children: Object.values((sa["child-sas"] as ViciSection | undefined) ?? {}).map((child) =>
      childOf(child as ViciSection),
    ),
  };
}

function childOf(child: ViciSection): CharonChild {
  return {
    name: textOf(child, "name"),
    spiIn: textOf(child, "spi-in"),
    spiOut: textOf(child, "spi-out"),
    state: textOf(child, "state"),
    encapsulated: textOf(child, "encap") === "yes",
    encryption: textOf(child, "encr-alg"),
    keyBits: Number(textOf(child, "encr-keysize") || "0"),
    integrity: textOf(child, "integ-alg"),
    group: textOf(child, "dh-group"),
    esn: textOf(child, "esn") === "1",
    localTs: listOf(child, "local-ts"),
    remoteTs: listOf(child, "remote-ts"),
  };
}
