/** A data plane as a process of its own, with fixed keys and without IKE (`dataplane/static-main.ts`), for lab tests. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { until } from "./namespaces.ts";

const MAIN = new URL("../../src/dataplane/static-main.ts", import.meta.url).pathname;

export interface Report {
  readonly counters: Record<string, number>;
  readonly drops: Record<string, number>;
  /** Bytes. */
  readonly heapUsed: number;
  readonly rss: number;
}

export class StaticPlane {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];

  constructor(netns: string, config: object, env: NodeJS.ProcessEnv = {}) {
    this.#child = spawn("ip", ["netns", "exec", netns, process.execPath, MAIN, JSON.stringify(config)], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, ...env },
    });
    createInterface({ input: this.#child.stdout! }).on("line", (line) => this.#lines.push(line));
  }

  up = (): boolean => this.#lines.some((line) => line.includes('"up"'));

  /** What it said when it came up. */
  get facts(): { readonly backend: string; readonly offloads: readonly string[] } {
    return JSON.parse(this.#lines[0]!);
  }

  async report(): Promise<Report> {
    const before = this.#lines.length;
    this.#child.kill("SIGUSR2");
    await until("a report", () => this.#lines.length > before);
    return JSON.parse(this.#lines.at(-1)!) as Report;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGTERM");
    await ended;
  }
}
