/**
 * strongSwan and BIRD in a namespace that knows nothing of any lab: cables, addresses, and the files that
 * `tandem device-config` prints are all it gets.
 */
import { type ChildProcess, type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { LabStatus } from "@tandem/contract";
import { REPOSITORY } from "./user-lab.ts";

const SWANCTL_FOLDERS =
  "conf.d x509 x509ca x509ocsp x509aa x509ac x509crl pubkey private rsa ecdsa bliss pkcs8 pkcs12".split(" ");
/** charon's own socket and lock are fixed below /run: it gets one of its own. */
const CHARON = "mount -t tmpfs tmpfs /run && mkdir -p /run/lock && exec /usr/lib/ipsec/charon";

export class OutsideDevice {
  /** Unique to the run, and short enough to begin an interface's name. */
  readonly id: string;
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly #namespaces: string[] = [];
  readonly #links: string[] = [];
  readonly #children: ChildProcess[] = [];

  constructor(prefix: string) {
    this.id = `${prefix}${process.pid % 10_000}`;
    this.folder = mkdtempSync(`/tmp/tandem-${prefix}-`);
    this.env = {
      ...process.env,
      TANDEM_STATE: join(this.folder, "state"),
      STRONGSWAN_CONF: join(this.folder, "strongswan.conf"),
      SWANCTL_DIR: join(this.folder, "swanctl"),
    };
  }

  run(argv: readonly string[], input?: string): SpawnSyncReturns<string> {
    const options = { encoding: "utf8", env: this.env, ...(input === undefined ? {} : { input }) } as const;
    return spawnSync(argv[0] ?? "", argv.slice(1), options);
  }

  must(argv: readonly string[], input?: string): string {
    const result = this.run(argv, input);
    if (result.status !== 0) throw new Error(`${argv.join(" ")}: ${result.stdout}${result.stderr}`);
    return result.stdout;
  }

  tandem(...words: string[]): string {
    return this.must([join(REPOSITORY, "tandem"), ...words]);
  }

  /** What `tandem status` says of a lab, ready or not. */
  status(lab: string): LabStatus {
    const said = this.run([join(REPOSITORY, "tandem"), "status", "--name", lab, "--json"]);
    return JSON.parse(said.stdout) as LabStatus;
  }

  /** A namespace that goes when this goes; its name. The first is the device's. */
  addNamespace(name: string): string {
    const netns = `${this.id}-${name}`;
    this.must(["ip", "netns", "add", netns]);
    this.#namespaces.push(netns);
    this.ip(netns, "link set lo up");
    return netns;
  }

  /** A cable from an interface of this machine, whose name is the answer, to one of a namespace. */
  addCable(name: string, netns: string, far: string): string {
    const near = `${this.id}${name}`;
    this.must(["ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", netns]);
    this.#links.push(near);
    this.must(["ip", "link", "set", near, "up"]);
    this.ip(netns, `link set ${far} up`);
    return near;
  }

  ip(netns: string, ...lines: string[]): void {
    for (const line of lines) this.must(["ip", "-n", netns, ...line.split(" ")]);
  }

  inside(...argv: string[]): string[] {
    return ["ip", "netns", "exec", this.#namespaces[0] ?? "", ...argv];
  }

  /** One ping answered. */
  pings(destination: string, from?: string): boolean {
    const source = from === undefined ? [] : ["-I", from];
    return this.run(this.inside("ping", "-c", "1", "-W", "1", ...source, destination)).status === 0;
  }

  async until(what: string, seconds: number, holds: () => boolean): Promise<void> {
    const deadline = performance.now() + seconds * 1000;
    while (!holds()) {
      if (performance.now() > deadline) {
        const log = this.run(["tail", "-25", join(this.folder, "charon.log")]).stdout;
        throw new Error(`${what}: not within ${seconds} s\n${log}`);
      }
      await delay(200);
    }
  }

  /** charon and BIRD, from the texts that were printed for them. */
  async start(printed: { readonly swanctl: string; readonly bird: string }): Promise<void> {
    const { folder } = this;
    for (const sub of SWANCTL_FOLDERS) mkdirSync(join(folder, "swanctl", sub), { recursive: true });
    writeFileSync(join(folder, "swanctl/swanctl.conf"), printed.swanctl, { mode: 0o600 });
    writeFileSync(join(folder, "bird.conf"), printed.bird);
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
    this.#spawn(this.inside("unshare", "-m", "sh", "-c", CHARON));
    await this.until(
      "charon takes its configuration",
      20,
      () => this.run(["swanctl", "--load-all", "--uri", `unix://${folder}/vici`]).status === 0,
    );
    const bird = ["bird", "-f", "-c", join(folder, "bird.conf"), "-s", join(folder, "bird.ctl")];
    this.#spawn(this.inside(...bird));
  }

  /** The power fails: charon and BIRD end without a word to anybody. */
  async cutPower(): Promise<void> {
    const running = this.#children.splice(0);
    const ended = running.map((child) => new Promise((resolve) => child.once("exit", resolve)));
    this.run([
      "kill",
      "-9",
      ...this.must(["ip", "netns", "pids", this.#namespaces[0] ?? ""])
        .trim()
        .split("\n"),
    ]);
    await Promise.all(ended);
  }

  /** As `swanctl --list-sas` and `birdc show protocols` print it, and charon's log so far. */
  sas(): string {
    return this.must(["swanctl", "--list-sas", "--uri", `unix://${this.folder}/vici`]);
  }

  protocols(): string {
    return this.must(["birdc", "-s", join(this.folder, "bird.ctl"), "show", "protocols"]);
  }

  log(): string {
    return readFileSync(join(this.folder, "charon.log"), "utf8");
  }

  async stop(): Promise<void> {
    for (const child of this.#children) child.kill("SIGTERM");
    await delay(300);
    for (const child of this.#children) child.kill("SIGKILL");
    for (const netns of this.#namespaces) this.run(["ip", "netns", "del", netns]);
    for (const link of this.#links) this.run(["ip", "link", "del", link]);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #spawn(argv: readonly string[]): void {
    this.#children.push(spawn(argv[0] ?? "", argv.slice(1), { env: this.env, stdio: "ignore" }));
  }
}
