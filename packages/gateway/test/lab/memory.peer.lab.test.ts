/**
 * Memory of two real data planes under one TCP flow at full rate (iperf3): nothing is allocated per packet, so neither heap nor
 * resident set grows. 10 minutes with TANDEM_FULL=1, 10 seconds otherwise; the first part is left out, in which the compiler works.
 */
import { expect, it } from "vitest";
import { canMakeNamespaces, sh } from "./namespaces.ts";
import { TwoPlanes } from "./two-planes.ts";

const full = process.env.TANDEM_FULL === "1";
const SECONDS = full ? 600 : 10;
const WARM_UP = full ? 60 : 4;
const SAMPLE_SECONDS = full ? 20 : 1;
/** A leak of one byte per packet would be 100 MB in ten minutes at 2 Gbit/s. */
const RSS_GROWTH = 8 << 20;
const HEAP_GROWTH = 4 << 20;

interface Sample {
  readonly at: number;
  readonly rss: number;
  readonly heapUsed: number;
}

const seconds = (n: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, n * 1000));
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

it.runIf(canMakeNamespaces())(
  `memory is flat over ${SECONDS} seconds at full rate`,
  async () => {
    const pair = await TwoPlanes.build();
    try {
      const { net, g1, g2 } = pair;
      const server = net.spawn("h2", ["iperf3", "-s", "-1"]);
      while (!sh(`ip netns exec ${net.name("h2")} ss -Hltn 'sport = :5201'`)) await seconds(0.05);
      const began = performance.now();
      const client = net.spawn("h1", ["iperf3", "-c", "10.2.0.2", "-t", String(SECONDS + 1)]);
      const ended = new Promise<void>((resolve) => client.once("exit", () => resolve()));
      client.stdout?.resume();
      server.stdout?.resume();
      const samples = { g1: [] as Sample[], g2: [] as Sample[] };
      const at = (): number => (performance.now() - began) / 1000;
      for (;;) {
        await seconds(SAMPLE_SECONDS);
        if (at() > SECONDS) break;
        for (const [name, plane] of [
          ["g1", g1],
          ["g2", g2],
        ] as const) {
          const { rss, heapUsed } = await plane.report();
          samples[name].push({ at: at(), rss, heapUsed });
        }
      }
      await ended;
      const moved = (await g2.report()).counters.udpReceiveBytes!;
      expect(moved).toBeGreaterThan(SECONDS * 1e6); // it was no idle time
      for (const [name, all] of Object.entries(samples)) {
        const list = all.filter((sample) => sample.at > WARM_UP);
        // Medians: a collection of garbage that is due in a moment is no leak.
        const third = Math.max(1, Math.floor(list.length / 3));
        const early = middle(list.slice(0, third));
        const late = middle(list.slice(-third));
        process.stderr.write(
          `${name}: ${megabytes(moved)} MB in ${SECONDS} s; resident ${megabytes(early.rss)} -> ${megabytes(late.rss)} MB, ` +
            `heap ${megabytes(early.heapUsed)} -> ${megabytes(late.heapUsed)} MB\n`,
        );
        expect(late.rss - early.rss).toBeLessThan(RSS_GROWTH);
        expect(late.heapUsed - early.heapUsed).toBeLessThan(HEAP_GROWTH);
      }
    } finally {
      await pair.close();
    }
  },
  (SECONDS + 120) * 1000,
);

function middle(samples: readonly Sample[]): { readonly rss: number; readonly heapUsed: number } {
  const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;
  return { rss: median(samples.map((s) => s.rss)), heapUsed: median(samples.map((s) => s.heapUsed)) };
}
