/** iperf3 between two hosts of the lab that runs, with a ping beside it, and what each tunnel carried meanwhile. */
import type { LabStatus } from "@tandem/contract";
import { LabError } from "../lab-error.ts";
import type { StateFolder } from "../state-folder.ts";
import { labStatus } from "../status/lab-status.ts";
import { runInHost } from "./host-client.ts";

const PING_SECONDS = 0.02;

export interface ThroughputRun {
  readonly megabits: number;
  readonly perSecond: readonly number[];
  /** Longest time between two answers to a ping every 20 ms, milliseconds. */
  readonly silenceMilliseconds: number;
  /** Share of the bytes by tunnel, both directions, 0 to 1. */
  readonly spread: readonly { readonly tunnel: string; readonly share: number }[];
}

interface Iperf {
  readonly intervals?: readonly { readonly sum?: { readonly bits_per_second?: number } }[];
  readonly end?: { readonly sum_received?: { readonly bits_per_second?: number } };
  readonly error?: string;
}

/** `flows` TCP flows for `seconds`, from the host to `destination`, or back. */
export async function measureThroughput(
  folder: StateFolder,
  host: string,
  destination: string,
  { flows, seconds, back }: { flows: number; seconds: number; back: boolean },
): Promise<ThroughputRun> {
  const before = await labStatus(folder);
  const milliseconds = (seconds + 20) * 1000;
  const words = [
    "-c",
    destination,
    "-t",
    String(seconds),
    "-P",
    String(flows),
    "-J",
    ...(back ? ["-R"] : []),
  ];
  const pings = ["-D", "-i", String(PING_SECONDS), "-w", String(seconds), destination];
  const [run, ping] = await Promise.all([
    runInHost(folder, host, ["iperf3", ...words], milliseconds),
    runInHost(folder, host, ["ping", ...pings], milliseconds),
  ]);
  const result = JSON.parse(run.stdout === "" ? "{}" : run.stdout) as Iperf;
  const bits = result.end?.sum_received?.bits_per_second;
  if (bits === undefined) throw new LabError(`iperf3: ${result.error ?? run.stderr.trim()}`);
  return {
    megabits: bits / 1e6,
    perSecond: (result.intervals ?? []).map(({ sum }) => (sum?.bits_per_second ?? 0) / 1e6),
    silenceMilliseconds: longestSilence(ping.stdout, seconds),
    spread: spreadOf(before, await labStatus(folder)),
  };
}

/** Of `ping -D`: "[1690000000.123456] 64 bytes from ...: ... time=0.5 ms". Without any answer: all of the time. */
export function longestSilence(text: string, seconds: number): number {
  const times = [...text.matchAll(/^\[(\d+\.\d+)\].*time=/gm)].map(([, at]) => Number(at) * 1000);
  if (times.length === 0) return seconds * 1000;
  const gaps = times.slice(1).map((at, index) => at - (times[index] ?? at));
  return Math.max(0, ...gaps);
}

/** What each Child SA has carried since `before`; one that is new since then counts from zero. */
export function spreadOf(before: LabStatus, after: LabStatus): ThroughputRun["spread"] {
  const earlier = new Map(
    before.tunnels.flatMap(({ children }) =>
      children.map((child) => [`${child.spiIn}/${child.spiOut}`, child.bytesIn + child.bytesOut]),
    ),
  );
  const carried = after.tunnels.map(({ connection, seat, children }) => ({
    tunnel: `${connection} ${seat}`,
    bytes: children.reduce(
      (sum, { spiIn, spiOut, bytesIn, bytesOut }) =>
        sum + bytesIn + bytesOut - (earlier.get(`${spiIn}/${spiOut}`) ?? 0),
      0,
    ),
  }));
  const total = carried.reduce((sum, { bytes }) => sum + bytes, 0);
  return carried.map(({ tunnel, bytes }) => ({ tunnel, share: total === 0 ? 0 : bytes / total }));
}

export const spreadText = (spread: ThroughputRun["spread"]): string =>
  spread.map(({ tunnel, share }) => `${tunnel} ${Math.round(share * 100)} %`).join(", ");
