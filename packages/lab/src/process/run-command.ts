/** Runs a system command to its end and returns what it said. */
import { spawn } from "node:child_process";
import { LabError } from "../lab-error.ts";

export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly timeoutMilliseconds?: number;
}

/** Rejects only when the program cannot be started. */
export function tryCommand(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [program, ...args] = argv;
  if (program === undefined) throw new TypeError("an empty command");
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: withSystemPath(options.env ?? process.env),
      ...(options.timeoutMilliseconds === undefined ? {} : { timeout: options.timeoutMilliseconds }),
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.stdin.on("error", () => {}); // the program ended without reading all of it; its status tells
    child.on("error", (error: NodeJS.ErrnoException) => {
      const missing = error.code === "ENOENT";
      reject(
        new LabError(
          missing ? `the program "${program}" is not installed` : `cannot run ${program}: ${error.message}`,
          missing ? cureForMissing(program) : undefined,
        ),
      );
    });
    child.on("close", (code) => resolve({ status: code ?? -1, stdout, stderr }));
    child.stdin.end(options.input ?? "");
  });
}

/** As `tryCommand`, and a non-zero status is an error that quotes what the program said. */
export async function runCommand(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const result = await tryCommand(argv, options);
  if (result.status !== 0) {
    throw new LabError(`${argv.join(" ")} failed (status ${result.status}): ${result.stderr.trim()}`);
  }
  return result.stdout;
}

/** System tools live in sbin, which an ordinary user's PATH often lacks. */
export function withSystemPath(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const path = env.PATH ?? "/usr/local/bin:/usr/bin:/bin";
  const missing = ["/usr/sbin", "/sbin"].filter((folder) => !path.split(":").includes(folder));
  return { ...env, PATH: [path, ...missing].join(":") };
}

const PACKAGE_OF: Readonly<Record<string, string>> = {
  ip: "iproute2",
  unshare: "util-linux",
  nsenter: "util-linux",
  swanctl: "strongswan-swanctl",
  bird: "bird2",
  birdc: "bird2",
  iperf3: "iperf3",
  tshark: "tshark",
  iptables: "iptables",
};

function cureForMissing(program: string): string {
  const name = PACKAGE_OF[program] ?? program;
  return `install it, for example: sudo apt-get install ${name}`;
}
