/** A Docker daemon of the test's own: own data folder, own socket, gone afterwards with all that it held. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

export interface CommandOutput {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class DockerDaemon {
  readonly folder: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #process: ChildProcess;

  private constructor(folder: string, child: ChildProcess) {
    this.folder = folder;
    this.#process = child;
    this.#env = {
      ...process.env,
      DOCKER_HOST: `unix://${folder}/docker.sock`,
      COMPOSE_PROJECT_NAME: "tandemtest",
    };
  }

  static async start(): Promise<DockerDaemon> {
    // Not under /tmp when that is a tmpfs: overlay2 wants a real file system.
    const folder = mkdtempSync("/var/tmp/tandem-docker-");
    const log = openSync(join(folder, "dockerd.log"), "w");
    const child = spawn(
      "dockerd",
      [
        ...[
          "--data-root",
          `${folder}/data`,
          "--exec-root",
          `${folder}/exec`,
          "--pidfile",
          `${folder}/dockerd.pid`,
        ],
        ...["--host", `unix://${folder}/docker.sock`, "--bridge=none"],
      ],
      { stdio: ["ignore", log, log] },
    );
    const daemon = new DockerDaemon(folder, child);
    for (let tries = 0; tries < 150; tries++) {
      if (child.exitCode !== null) break;
      if (daemon.docker(["info"]).status === 0) return daemon;
      await delay(200);
    }
    const words = readFileSync(join(folder, "dockerd.log"), "utf8").split("\n").slice(-8).join("\n");
    await daemon.stop();
    throw new Error(`no Docker daemon can run here:\n${words}`);
  }

  docker(args: readonly string[], options: { input?: string; timeoutSeconds?: number } = {}): CommandOutput {
    return this.run("docker", args, options);
  }

  compose(
    args: readonly string[],
    options: { timeoutSeconds?: number; env?: Readonly<Record<string, string>> } = {},
  ): CommandOutput {
    return this.run("docker-compose", args, options);
  }

  run(
    file: string,
    args: readonly string[],
    {
      input,
      timeoutSeconds = 120,
      env = {},
    }: { input?: string; timeoutSeconds?: number; env?: Readonly<Record<string, string>> } = {},
  ): CommandOutput {
    const result = spawnSync(file, args, {
      env: { ...this.#env, ...env },
      encoding: "utf8",
      timeout: timeoutSeconds * 1000,
      maxBuffer: 1 << 26,
      cwd: join(import.meta.dirname, "../../.."),
      ...(input === undefined ? {} : { input }),
    });
    return {
      status: result.status ?? -1,
      stdout: result.stdout ?? "",
      stderr: result.stderr ?? String(result.error ?? ""),
    };
  }

  /** As `run`, and a failure throws what was said. */
  must(output: CommandOutput): string {
    if (output.status !== 0) throw new Error(`status ${output.status}\n${output.stdout}\n${output.stderr}`);
    return output.stdout;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null) {
      this.#process.kill("SIGTERM");
      for (let tries = 0; tries < 100 && this.#process.exitCode === null; tries++) await delay(100);
      if (this.#process.exitCode === null) this.#process.kill("SIGKILL");
    }
    // What the daemon mounted below its folders, and did not unmount in time.
    const mounts = readFileSync("/proc/self/mounts", "utf8")
      .split("\n")
      .map((line) => line.split(" ")[1] ?? "");
    for (const mount of mounts.filter((m) => m.startsWith(`${this.folder}/`)).toReversed())
      this.run("umount", ["-l", mount]);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }
}
