/**
 * A network namespace of its own with every speaker on its loopback, and the programs in it: Tandem's speaker as a
 * process, BIRD, FRR and GoBGP. Needs root and the Debian packages bird2, frr and gobgpd.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { BgpInput, FibRoute, GatewayRoute, PeerStatus } from "../../src/index.ts";

const SPEAKER_MAIN = fileURLToPath(new URL("../../../gateway/src/bgp/speaker-main.ts", import.meta.url));

export async function until<T>(
  what: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  limit = 30_000,
): Promise<T> {
  const end = Date.now() + limit;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`${what}: not within ${limit} ms`);
    await sleep(100);
  }
}

export class LabNet {
  readonly name: string;
  readonly folder: string;
  readonly #children: Set<ChildProcess> = new Set();

  constructor(label: string, addresses: readonly string[]) {
    this.name = `bgp-${label}-${process.pid}`;
    this.folder = mkdtempSync(join(tmpdir(), `${this.name}-`));
    execFileSync("ip", ["netns", "add", this.name]);
    this.run("ip", "link", "set", "lo", "up");
    for (const address of addresses) {
      const nodad = address.includes(":") ? ["nodad"] : [];
      this.run("ip", "addr", "add", address, "dev", "lo", ...nodad);
    }
  }

  run(command: string, ...args: readonly string[]): string {
    return execFileSync("ip", ["netns", "exec", this.name, command, ...args], {
      encoding: "utf8",
      stdio: "pipe",
    });
  }

  start(command: string, ...args: readonly string[]): ChildProcess {
    const child = spawn("ip", ["netns", "exec", this.name, command, ...args], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    return child;
  }

  /** The same without the namespace, for programs that the test itself talks to over loopback. */
  startOutside(command: string, ...args: readonly string[]): ChildProcess {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    return child;
  }

  runOutside(command: string, ...args: readonly string[]): string {
    return execFileSync(command, args, { encoding: "utf8", stdio: "pipe", maxBuffer: 1 << 28 });
  }

  file(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  async close(): Promise<void> {
    const ends = [...this.#children].map((c) => new Promise((resolve) => c.once("exit", resolve)));
    for (const child of this.#children) child.kill("SIGKILL");
    await Promise.all(ends);
    execFileSync("ip", ["netns", "del", this.name]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export async function kill(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}

/** Tandem's speaker as a process, spoken to over its pipes. */
export class TandemProcess {
  readonly child: ChildProcess;
  readonly #waiting: ((value: { result?: unknown; error?: string }) => void)[] = [];
  log = "";

  constructor(net: LabNet, options: Readonly<Record<string, unknown>>) {
    this.child = net.start(process.execPath, SPEAKER_MAIN, JSON.stringify({ port: 179, ...options }));
    createInterface({ input: this.child.stdout! }).on("line", (line) =>
      this.#waiting.shift()?.(JSON.parse(line)),
    );
    this.child.stderr!.on("data", (data: Buffer) => {
      this.log += data.toString();
    });
  }

  async #ask(request: unknown): Promise<unknown> {
    const answer = await new Promise<{ result?: unknown; error?: string }>((resolve) => {
      this.#waiting.push(resolve);
      this.child.stdin!.write(`${JSON.stringify(request)}\n`);
    });
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.result;
  }

  async input(...inputs: readonly BgpInput[]): Promise<void> {
    for (const input of inputs) await this.#ask({ input });
  }

  async peer(name: string): Promise<PeerStatus> {
    const peers = (await this.#ask({ query: "peers" })) as PeerStatus[];
    const peer = peers.find((p) => p.peer === name);
    if (peer === undefined) throw new Error(`no peer ${name}`);
    return peer;
  }

  async learned(query: Readonly<Record<string, unknown>> = {}): Promise<GatewayRoute[]> {
    return (await this.#ask({ query: "learned", limit: 100_000, ...query })) as GatewayRoute[];
  }

  async advertised(peer: string): Promise<GatewayRoute[]> {
    return (await this.#ask({ query: "advertised", peer })) as GatewayRoute[];
  }

  async fib(): Promise<FibRoute[]> {
    return (await this.#ask({ query: "fib" })) as FibRoute[];
  }

  /** As `adopt` takes it. */
  async state(): Promise<Extract<BgpInput, { kind: "adopt" }>["state"]> {
    return (await this.#ask({ query: "state" })) as Extract<BgpInput, { kind: "adopt" }>["state"];
  }

  async established(...peers: readonly string[]): Promise<void> {
    for (const name of peers) {
      await until(
        `${name} established\n${this.log}`,
        async () => (await this.peer(name)).state === "Established",
      );
    }
  }
}
