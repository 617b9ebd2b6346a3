/**
 * A lab as a user has it: everything through `./tandem`, in a state folder of its own, and nothing left behind.
 * Every name is unique to the run, so a developer's own labs and other test files are never touched.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { LabFileInput, LabStatus, TunnelStatus } from "@tandem/contract";

export const REPOSITORY: string = resolve(import.meta.dirname, "../..");
export const FULL: boolean = process.env.TANDEM_FULL === "1";

export interface Said {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly timeoutSeconds?: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/** Runs a program to its end. It is killed, and its status is -1, when the time is over. */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<Said> {
  const [program = "", ...args] = argv;
  return new Promise((fulfil, reject) => {
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: options.env ?? process.env,
      cwd: options.cwd ?? REPOSITORY,
      timeout: (options.timeoutSeconds ?? 90) * 1000,
      killSignal: "SIGKILL",
    });
    const text = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text.stdout += chunk;
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      text.stderr += chunk;
    });
    child.once("error", reject);
    child.once("close", (code) => fulfil({ status: code ?? -1, ...text }));
  });
}

let serial = 0;

export class UserLab {
  readonly name: string;
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** Put in front of `./tandem`: another user, for example. */
  readonly #prefix: readonly string[];

  constructor(options: { readonly prefix?: readonly string[]; readonly folder?: string } = {}) {
    this.name = `t${process.pid.toString(36)}-${serial++}`;
    this.folder = options.folder ?? mkdtempSync(join(tmpdir(), "tandem-e2e-"));
    this.#prefix = options.prefix ?? [];
    this.env = { ...process.env, TANDEM_STATE: join(this.folder, "state") };
  }

  /** `./tandem` with these words and nothing added. */
  bare(words: readonly string[], options: RunOptions = {}): Promise<Said> {
    const env = { ...this.env, ...options.env };
    return run([...this.#prefix, join(REPOSITORY, "tandem"), ...words], {
      cwd: this.folder,
      ...options,
      env,
    });
  }

  /** A verb on this lab: `--name` is added behind the verb's own words (one, or two for `lab x` and `connection x`). */
  tandem(words: readonly string[], options: RunOptions = {}): Promise<Said> {
    const verb = /^(lab|connection|bgp)$/.test(words[0] ?? "") ? 2 : 1;
    return this.bare([...words.slice(0, verb), "--name", this.name, ...words.slice(verb)], options);
  }

  async must(words: readonly string[], options: RunOptions = {}): Promise<string> {
    const said = await this.tandem(words, options);
    if (said.status !== 0)
      throw new Error(`tandem ${words.join(" ")}: exit ${said.status}\n${said.stdout}\n${said.stderr}`);
    return said.stdout;
  }

  async json<T>(words: readonly string[]): Promise<T> {
    return JSON.parse(await this.must([...words, "--json"])) as T;
  }

  up(file: LabFileInput | string, words: readonly string[] = []): Promise<string> {
    const path = typeof file === "string" ? file : this.write("lab.json", file);
    return this.must(["lab", "up", path, "--detach", ...words]);
  }

  write(name: string, content: unknown): string {
    const path = join(this.folder, name);
    mkdirSync(this.folder, { recursive: true });
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content, null, 2), {
      mode: 0o644,
    });
    return path;
  }

  exec(node: string, argv: readonly string[], timeoutSeconds = 60): Promise<Said> {
    return this.tandem(["lab", "exec", node, ...argv], { timeoutSeconds });
  }

  async mustExec(node: string, argv: readonly string[], timeoutSeconds = 60): Promise<string> {
    return await this.must(["lab", "exec", node, ...argv], { timeoutSeconds });
  }

  /** A command that goes on in a node until `stop` (or its own end). */
  background(node: string, argv: readonly string[]): ChildProcess {
    const words = [
      ...this.#prefix,
      join(REPOSITORY, "tandem"),
      "lab",
      "exec",
      "--name",
      this.name,
      node,
      ...argv,
    ];
    const [program = "", ...args] = words;
    return spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], env: this.env, cwd: this.folder });
  }

  status(): Promise<LabStatus> {
    return statusOf(this);
  }

  /** The only tunnel of the lab. */
  async tunnel(): Promise<TunnelStatus> {
    const { tunnels } = await this.status();
    const [tunnel] = tunnels;
    if (tunnel === undefined || tunnels.length !== 1) throw new Error(`${tunnels.length} tunnels`);
    return tunnel;
  }

  async down(): Promise<void> {
    await this.tandem(["lab", "down"]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** `status` gives 1 when the lab is not ready; its JSON counts all the same. */
async function statusOf(lab: UserLab): Promise<LabStatus> {
  const said = await lab.tandem(["status", "--json"]);
  if (said.stdout === "") throw new Error(`status: exit ${said.status}\n${said.stderr}`);
  return JSON.parse(said.stdout) as LabStatus;
}

export async function until<T>(
  what: string,
  seconds: number,
  look: () => Promise<T | undefined | false>,
): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  let last: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) throw new Error(`${what}: not within ${seconds} s`, { cause: last });
    await delay(50);
  }
}

/** The topology `site-to-site` as it is in the repository, ready to be changed. */
export function siteToSite(change: (file: LabFileInput) => void = () => {}): LabFileInput {
  const file = JSON.parse(readFileSync(join(REPOSITORY, "lab/site-to-site.json"), "utf8")) as LabFileInput;
  delete file.$schema;
  change(file);
  return file;
}

export const VNET_HOST = "10.11.0.4";
export const SITE_HOST = "10.51.0.4";

/** Living processes that carry the lab's mark (its state folder is in their environment). */
export function processesOf(folder: string): number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, "utf8").includes(`TANDEM_LAB=${folder}`);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Megabits per second that arrived, over `seconds` of TCP `flows` from `from` to the host at `address` named `to`. */
export async function iperf3(
  lab: UserLab,
  from: string,
  to: string,
  address: string,
  seconds = 1,
  flows = 1,
): Promise<number> {
  const server = lab.background(to, ["iperf3", "-s", "-1", "--forceflush"]);
  try {
    await new Promise<void>((fulfil, reject) => {
      let heard = "";
      server.stdout?.setEncoding("utf8").on("data", (text: string) => {
        heard += text;
        if (heard.includes("listening")) fulfil();
      });
      server.once("close", (code) => reject(new Error(`iperf3 -s ended with ${code}: ${heard}`)));
    });
    const text = await lab.mustExec(from, [
      "iperf3",
      "-c",
      address,
      "-t",
      String(seconds),
      "-P",
      String(flows),
      "-J",
    ]);
    const report = JSON.parse(text) as { end: { sum_received: { bits_per_second: number } } };
    return report.end.sum_received.bits_per_second / 1e6;
  } finally {
    server.kill("SIGKILL");
  }
}
