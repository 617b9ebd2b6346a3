/**
 * Small networks for the gateway's lab tests, made of namespaces and veth pairs and gone after each test.
 *
 *      h0 ─── in [gw] out ─── fabric ─── out [dev] in ─── h1
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ControlResponse, InstanceConfigInput, ProcessStatus } from "@tandem/contract";

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;

export const canMakeNamespaces = (): boolean => process.getuid?.() === 0;

/** Runs a command; throws with its output when it fails. */
export function sh(command: string): string {
  return execFileSync("sh", ["-c", command], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

export interface Running {
  readonly process: ChildProcess;
  readonly socket: string;
  log(): string;
}

export class Net {
  readonly folder: string = mkdtempSync(join(tmpdir(), "tandem-lab-"));
  readonly #prefix: string;
  readonly #namespaces: string[] = [];
  readonly #running: Running[] = [];

  constructor(prefix: string) {
    this.#prefix = `${prefix}${process.pid}`;
  }

  name(node: string): string {
    return `${this.#prefix}-${node}`;
  }

  node(node: string): void {
    const name = this.name(node);
    sh(`ip netns add ${name} && ip -n ${name} link set lo up`);
    this.#namespaces.push(name);
    this.exec(
      node,
      "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0 " +
        "net.ipv4.conf.default.rp_filter=0 net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0",
    );
  }

  /** `a` and `b` are "node:interface address/len ...". */
  link(a: string, b: string): void {
    const ends = [a, b].map((text) => {
      const [place, ...addresses] = text.split(" ");
      const [node, dev] = place!.split(":");
      return { netns: this.name(node!), dev: dev!, addresses };
    });
    const [x, y] = ends as [(typeof ends)[0], (typeof ends)[0]];
    sh(`ip link add ${x.dev} netns ${x.netns} type veth peer name ${y.dev} netns ${y.netns}`);
    for (const { netns, dev, addresses } of ends) {
      sh(`ip -n ${netns} link set ${dev} up`);
      for (const address of addresses) {
        sh(`ip -n ${netns} address add ${address} dev ${dev}${address.includes(":") ? " nodad" : ""}`);
      }
    }
  }

  route(node: string, route: string): void {
    sh(`ip -n ${this.name(node)} ${route.includes(":") ? "-6" : "-4"} route add ${route}`);
  }

  exec(node: string, command: string): string {
    return execFileSync("ip", ["netns", "exec", this.name(node), "sh", "-c", command], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  /** True when the command succeeds. */
  tries(node: string, command: string): boolean {
    try {
      this.exec(node, command);
      return true;
    } catch {
      return false;
    }
  }

  spawn(node: string, command: readonly string[]): ChildProcess {
    return spawn("ip", ["netns", "exec", this.name(node), ...command], { stdio: ["ignore", "pipe", "pipe"] });
  }

  /** Starts a gateway process in a node. */
  start(node: string, config: InstanceConfigInput): Running {
    const file = join(this.folder, `${node}.json`);
    const logFile = join(this.folder, `${node}.log`);
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
    const child = spawn(
      "ip",
      [
        "netns",
        "exec",
        this.name(node),
        "sh",
        "-c",
        `exec "$0" "$@" >>${logFile} 2>&1`,
        process.execPath,
        MAIN,
        "--config",
        file,
      ],
      { stdio: "ignore" },
    );
    const running: Running = {
      process: child,
      socket: config.controlSocket,
      log: () => {
        try {
          return readFileSync(logFile, "utf8");
        } catch {
          return "";
        }
      },
    };
    this.#running.push(running);
    return running;
  }

  /** Kills what runs, and removes every namespace. */
  async close(): Promise<void> {
    await Promise.all(
      this.#running.map(
        ({ process: child }) =>
          new Promise<void>((resolve) => {
            if (child.exitCode !== null || child.signalCode !== null) {
              resolve();
              return;
            }
            child.once("exit", () => resolve());
            child.kill("SIGKILL");
          }),
      ),
    );
    for (const name of this.#namespaces) sh(`ip netns del ${name}`);
    if (process.env.TANDEM_KEEP_LOGS === undefined) rmSync(this.folder, { recursive: true });
  }
}

/** One request over a control socket; rejects with the refusal's text. */
export function control(socket: string, method: string, params?: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const client = connect(socket);
    let text = "";
    client.setEncoding("utf8");
    client.on("error", reject);
    client.on("data", (chunk: string) => {
      text += chunk;
      const end = text.indexOf("\n");
      if (end < 0) return;
      client.destroy();
      const response = JSON.parse(text.slice(0, end)) as ControlResponse;
      if (response.ok) resolve(response.result);
      else reject(new Error(response.error.message));
    });
    client.write(`${JSON.stringify({ id: 1, method, params })}\n`);
  });
}

export const status = (running: Running): Promise<ProcessStatus> =>
  control(running.socket, "status") as Promise<ProcessStatus>;

/** Asks again and again until the answer is good; rejects with the last state of things after `limit` ms. */
export async function until(
  what: string,
  check: () => Promise<boolean> | boolean,
  limit = 15_000,
  explain: () => string = () => "",
): Promise<void> {
  const end = performance.now() + limit;
  for (;;) {
    let good = false;
    try {
      good = await check();
    } catch {
      // Not there yet.
    }
    if (good) return;
    if (performance.now() > end) throw new Error(`not within ${limit} ms: ${what}\n${explain()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
