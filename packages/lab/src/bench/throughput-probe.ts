/** Single measurements between host1 and host2, by iperf3 and ping. */
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { LabError } from "../lab-error.ts";
import { runCommand, tryCommand } from "../process/run-command.ts";
import { ADDRESS, type BenchNetwork } from "./throughput-network.ts";

interface IperfReport {
  readonly error?: string;
  /** Each second of the test, those included that the figures at its end leave out. */
  readonly intervals?: readonly { readonly sum: { readonly bytes: number } }[];
  readonly end?: {
    readonly sum_received?: { readonly bits_per_second: number };
    readonly sum?: {
      readonly bits_per_second: number;
      readonly packets: number;
      readonly seconds: number;
      readonly lost_packets: number;
    };
  };
}

export interface TcpResult {
  readonly megabits: number;
  /** Busy seconds of all processors per gigabit that arrived. */
  readonly secondsPerGigabit: number;
}

export class Prober {
  readonly #network: BenchNetwork;
  readonly #family: 4 | 6;
  readonly #congestion: string;
  #port = 5300;

  /** `congestion`: congestion control of the hosts' TCP. */
  constructor(network: BenchNetwork, family: 4 | 6, congestion: string) {
    this.#network = network;
    this.#family = family;
    this.#congestion = congestion;
  }

  /** Waits until host2 answers; throws when it does not within ten seconds. */
  async reachable(): Promise<void> {
    const target = ADDRESS.h2[this.#family];
    for (let i = 0; i < 20; i++) {
      const { status } = await tryCommand(this.#network.in("h1", ["ping", "-c", "1", "-W", "0.5", target]));
      if (status === 0) return;
    }
    throw new LabError(`${target} does not answer through the tunnel`);
  }

  async tcp(flows: number, seconds: number, reverse: boolean): Promise<TcpResult> {
    const before = await busySeconds();
    // The first second is left out: connections open their windows, and a compiler may still be at work.
    const args = ["-P", String(flows), "-O", "1", "-t", String(seconds), ...(reverse ? ["-R"] : [])];
    const report = await this.#iperf(["-C", this.#congestion, ...args]);
    const after = await busySeconds();
    const received = report.end?.sum_received;
    const bytes = (report.intervals ?? []).reduce((sum, interval) => sum + interval.sum.bytes, 0);
    if (received === undefined || bytes === 0) throw new LabError("iperf3 reports nothing received");
    return {
      megabits: received.bits_per_second / 1e6,
      secondsPerGigabit: (after - before) / ((bytes * 8) / 1e9),
    };
  }

  /**
   * The highest rate of payload, in Mbit/s, of which less than 0.1 % is lost: doubles until too much is lost or the sender
   * gives no more, then halves the interval. `start` is a guess; with `near` it is what an earlier run found, and steps are small.
   */
  async udp(
    size: number,
    seconds: number,
    { start, near }: { readonly start: number; readonly near: boolean },
    progress: (text: string) => void,
  ): Promise<number> {
    const growth = near ? 1.12 : 1.6;
    let good = 0;
    let bad = Infinity;
    let rate = start;
    for (let step = 0; step < 12; step++) {
      const { sent, lost } = await this.#datagrams(size, rate, seconds);
      const passed = lost < 0.001;
      progress(`${rate.toFixed(0)} Mbit/s: ${(lost * 100).toFixed(2)} % lost`);
      if (passed) good = Math.max(good, sent);
      if (passed && sent < rate * 0.93) break; // the sender is at its end
      if (passed) rate = bad === Infinity ? rate * growth : (rate + bad) / 2;
      else {
        bad = rate;
        rate = good === 0 ? rate / (near ? 1.25 : 2) : (good + bad) / 2;
      }
      if (bad !== Infinity && bad - good < 0.06 * bad) break;
      if (rate < 0.5) break;
    }
    return good;
  }

  /** Round-trip times in ms, sorted. */
  async ping(count: number): Promise<number[]> {
    const target = ADDRESS.h2[this.#family];
    const { stdout } = await tryCommand(
      this.#network.in("h1", ["ping", "-n", "-c", String(count), "-i", "0.01", "-W", "1", target]),
    );
    const times = [...stdout.matchAll(/time=([\d.]+) ms/g)].map((m) => Number(m[1]));
    if (times.length < count / 2) throw new LabError(`${times.length} of ${count} pings were answered`);
    return times.sort((a, b) => a - b);
  }

  /** Ping while one TCP flow runs at full rate. */
  async pingUnderLoad(count: number): Promise<number[]> {
    const load = this.#iperf(["-C", this.#congestion, "-t", String(Math.ceil(count * 0.012) + 2)]);
    const [times] = await Promise.all([this.ping(count), load]);
    return times;
  }

  async #datagrams(size: number, rate: number, seconds: number): Promise<{ sent: number; lost: number }> {
    const report = await this.#iperf([
      ...["-u", "-b", `${Math.round(rate * 1000)}K`, "-l", String(size), "-t", String(seconds), "-w", "4M"],
    ]);
    const sum = report.end?.sum;
    if (sum === undefined || sum.packets === 0) throw new LabError("iperf3 reports no datagrams");
    return { sent: (sum.packets * size * 8) / sum.seconds / 1e6, lost: sum.lost_packets / sum.packets };
  }

  async #iperf(args: readonly string[]): Promise<IperfReport> {
    const port = String(this.#port++);
    const server = spawn("ip", this.#network.in("h2", ["iperf3", "-s", "-1", "-p", port]).slice(1), {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
    server.once("error", () => {});
    try {
      await listening(this.#network, port);
      const argv = ["iperf3", "-c", ADDRESS.h2[this.#family], "-p", port, "-J", ...args];
      const { stdout } = await tryCommand(this.#network.in("h1", argv), { timeoutMilliseconds: 90_000 });
      const report = JSON.parse(stdout || '{"error":"iperf3 gives no report"}') as IperfReport;
      if (report.error !== undefined) throw new LabError(`iperf3: ${report.error}`);
      return report;
    } finally {
      server.kill("SIGKILL");
      await ended;
    }
  }
}

async function listening(network: BenchNetwork, port: string): Promise<void> {
  for (let i = 0; i < 100; i++) {
    const out = await runCommand(network.in("h2", ["ss", "-Hltn", `sport = :${port}`]));
    if (out.trim() !== "") return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new LabError("iperf3 does not listen");
}

/** The congestion controls that this machine's TCP has; the one that connections have by default first. */
export async function congestionControls(): Promise<string[]> {
  const read = async (name: string): Promise<string[]> =>
    (await readFile(`/proc/sys/net/ipv4/${name}`, "latin1")).trim().split(/\s+/);
  return [
    ...new Set([
      ...(await read("tcp_congestion_control")),
      ...(await read("tcp_available_congestion_control")),
    ]),
  ];
}

/** Processor time used by everything on this machine since it started. */
async function busySeconds(): Promise<number> {
  const stat = await readFile("/proc/stat", "latin1");
  const fields = stat.split("\n")[0]!.trim().split(/\s+/).slice(1).map(Number);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = fields;
  return (user + nice + system + irq + softirq) / 100;
}

export const median = (sorted: readonly number[]): number =>
  sorted.length % 2 === 1
    ? sorted[(sorted.length - 1) / 2]!
    : (sorted[sorted.length / 2 - 1]! + sorted[sorted.length / 2]!) / 2;
