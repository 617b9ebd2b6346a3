/**
 * `docker compose --profile bench up`: iperf3 from one host's network to the other side, both ways, with a ping every 20 ms
 * beside it. Kill an instance half-way (`docker kill`) and the longest silence is the outage.
 *
 *     bench-main.ts DESTINATION
 */
import { spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { tryCommand } from "../process/run-command.ts";
import { labStatus } from "../status/lab-status.ts";
import { readEnvironment } from "./preflight.ts";
import { labFolder } from "./shared-plan.ts";

const READY_MILLISECONDS = 90_000;
const PING_MILLISECONDS = 20;
const RUNS = [
  { name: "to the other side, 1 flow", words: ["-P", "1"] },
  { name: "to the other side, 8 flows", words: ["-P", "8"] },
  { name: "back, 8 flows", words: ["-P", "8", "-R"] },
];

interface Iperf {
  readonly end?: { readonly sum_received?: { readonly bits_per_second?: number } };
  readonly error?: string;
}

const destination = process.argv[2];
if (destination === undefined) {
  process.stderr.write("usage: container-bench DESTINATION\n");
  process.exit(2);
}
const folder = labFolder(readEnvironment(process.env));
const seconds = 10;

await untilReady();
for (const { name, words } of RUNS) {
  const silence = watchPings(destination);
  const run = await tryCommand(["iperf3", "-c", destination, "-t", String(seconds), "-J", ...words]);
  const longest = await silence();
  const result = parse(run.stdout);
  const bits = result.end?.sum_received?.bits_per_second;
  const rate =
    bits === undefined ? `failed: ${result.error ?? run.stderr.trim()}` : `${Math.round(bits / 1e6)} Mbit/s`;
  const status = await labStatus(folder);
  const spread = status.tunnels.map((t) => `${t.connection} ${t.seat} ${t.flows}`).join(", ");
  process.stdout.write(
    `${name}: ${rate}; longest silence of a ping every ${PING_MILLISECONDS} ms: ${Math.round(longest)} ms; flows: ${spread}\n`,
  );
}

async function untilReady(): Promise<void> {
  const deadline = performance.now() + READY_MILLISECONDS;
  for (;;) {
    const reasons = await labStatus(folder).then(
      (status) => status.reasons,
      (error: Error) => [error.message],
    );
    if (reasons.length === 0) return;
    if (performance.now() > deadline) {
      process.stderr.write(`the lab is not ready: ${reasons.join("; ")}\n`);
      process.exit(1);
    }
    await delay(500);
  }
}

/** Returns how to stop it and learn the longest time between two answers, milliseconds. */
function watchPings(to: string): () => Promise<number> {
  const ping = spawn("ping", ["-i", String(PING_MILLISECONDS / 1000), "-W", "1", to], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let last = performance.now();
  let longest = 0;
  ping.stdout.setEncoding("utf8").on("data", (text: string) => {
    if (!text.includes("time=")) return;
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  });
  return () =>
    new Promise((resolve) => {
      ping.once("close", () => resolve(Math.max(longest, performance.now() - last)));
      ping.kill("SIGINT");
    });
}

function parse(text: string): Iperf {
  try {
    return JSON.parse(text) as Iperf;
  } catch {
    return {};
  }
}
