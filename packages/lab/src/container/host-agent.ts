/**
 * What runs in a host's container: iperf3's server, and an agent that runs measuring programs there for `tandem bench` and
 * `tandem lab exec` in the supervisor's container, which shares no network with the hosts. Like every process of a lab it
 * listens on a control socket (0600, in the shared volume):
 *
 *      run({ argv, milliseconds })      to its end; answers { status, stdout, stderr }
 *      prober({ config })               a prober, which ends with the connection of whom it measures for
 *
 *     host-agent.ts SOCKET
 */
import { type ChildProcess, spawn } from "node:child_process";
import { serveControl } from "../control/control-server.ts";
import { LabError } from "../lab-error.ts";
import { tryCommand } from "../process/run-command.ts";
import { MAIN_OF } from "../repository.ts";

/** Nothing but what measures: the agent is no shell. */
export const HOST_PROGRAMS = ["iperf3", "ping"] as const;
const RESTART_MILLISECONDS = 500;

export interface HostRun {
  readonly argv: readonly string[];
  readonly milliseconds: number;
}

/** iperf3's server ends itself when a test goes wrong badly enough. */
function keepServing(): void {
  const server = spawn("iperf3", ["--server"], { stdio: ["ignore", "ignore", "inherit"] });
  server.once("error", (error) => say("iperf3 cannot be started", { reason: error.message }));
  server.once("close", () => setTimeout(keepServing, RESTART_MILLISECONDS));
}

async function run(params: unknown): Promise<unknown> {
  const { argv, milliseconds } = params as HostRun;
  const program = HOST_PROGRAMS.find((name) => name === argv[0]);
  if (program === undefined) {
    throw new LabError(`${argv[0]} is not run in a host's container; ${HOST_PROGRAMS.join(" and ")} are`);
  }
  return await tryCommand([program, ...argv.slice(1)], { timeoutMilliseconds: milliseconds });
}

function prober(params: unknown): { pid: number } {
  const { config } = params as { config: string };
  const child: ChildProcess = spawn(process.execPath, [MAIN_OF.prober, "--config", config], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  child.once("error", (error) => say("the prober cannot be started", { reason: error.message }));
  return { pid: child.pid ?? 0 };
}

function say(message: string, more: Record<string, unknown> = {}): void {
  process.stdout.write(`${JSON.stringify({ at: Date.now(), level: "info", message, ...more })}\n`);
}

if (import.meta.main) {
  const [socket = ""] = process.argv.slice(2);
  const end = (): never => process.exit(0);
  process.on("SIGTERM", end).on("SIGINT", end);
  keepServing();
  await serveControl(socket, { run, prober });
  say("the host serves iperf3 and answers its agent's socket");
}
