/**
 * Both SAs rekeyed every few seconds under a TCP flow and pings, with either end as the initiator: no ping is lost, TCP sees
 * no reset, and in the end there is one pair of SPIs again. With TANDEM_FULL=1 for two minutes with an IKE lifetime of 20 s.
 */
import { afterEach, describe, expect, it } from "vitest";
import { canMakeNamespaces, control, type Running, status, until } from "./namespaces.ts";
import { type SiteToSite, siteToSite } from "./site-to-site.ts";

const FULL = process.env.TANDEM_FULL === "1";
const SECONDS = FULL ? 120 : 25;
const IKE_SECONDS = FULL ? 20 : 12;
const CHILD_SECONDS = 5;
const PING_INTERVAL = 0.01;
/** Bit/s: what a loaded machine carries without filling a queue, so that only rekeying can lose a ping. */
const TCP_RATE = "50M";

let lab: SiteToSite | undefined;
afterEach(async () => {
  await lab?.net.close();
  lab = undefined;
});

interface Seen {
  readonly spis: Set<string>;
  readonly ikeSas: Set<string>;
}

describe.runIf(canMakeNamespaces())("rekeys of both SAs, every few seconds", () => {
  it.each([
    ["the gateway", {}, { mode: "ResponderOnly" }],
    ["the device", { mode: "ResponderOnly" }, {}],
  ] as const)(
    "lose no packet when %s initiates",
    async (who, gatewayMode, deviceMode) => {
      const short = { childLifetimeSeconds: CHILD_SECONDS, ikeLifetimeSeconds: IKE_SECONDS };
      lab = siteToSite("r1", { gateway: { ...short, ...gatewayMode }, device: { ...short, ...deviceMode } });
      const { net } = lab;
      const device = net.start("dev", lab.device);
      const gateway = net.start("gw", lab.gateway);
      const logs = (): string => `gateway:\n${gateway.log()}\ndevice:\n${device.log()}`;
      await until("a ping", () => net.tries("h0", "ping -c1 -W1 192.168.0.10"), 40_000, logs);
      const server = net.spawn("h1", ["iperf3", "-s", "-1"]);
      await until("iperf3's server", () => net.exec("h1", "ss -Hltn sport = :5201").includes("5201"));
      const before = resets(net);

      const seen: Seen = { spis: new Set(), ikeSas: new Set() };
      const watching = new AbortController();
      const watch = watchSas(gateway, seen, watching.signal);
      const pings = Math.round(SECONDS / PING_INTERVAL);
      const [pinged, carried] = await Promise.all([
        output(net.spawn("h0", ["ping", "-q", "-i", `${PING_INTERVAL}`, "-c", `${pings}`, "192.168.0.10"])),
        output(
          net.spawn("h0", ["iperf3", "-c", "192.168.0.10", "-t", `${SECONDS}`, "-b", TCP_RATE, "--json"]),
        ),
      ]);
      watching.abort();
      await watch;
      server.kill();

      expect(pinged, logs()).toContain(`${pings} received`);
      const { error, end } = JSON.parse(carried) as IperfReport;
      expect(error, logs()).toBeUndefined();
      expect(end.sum_received.seconds).toBeGreaterThan(SECONDS * 0.95);
      expect(resets(net)).toBe(before);
      expect(seen.spis.size).toBeGreaterThan(SECONDS / CHILD_SECONDS - 2);
      expect(seen.ikeSas.size).toBeGreaterThan(Math.floor(SECONDS / IKE_SECONDS) - 1);
      await until(
        "one pair of SPIs at each end",
        async () => (await Promise.all([spis(gateway), spis(device)])).every((own) => own.length === 2),
        10_000,
        logs,
      );
      const { dataPlane } = (await control(gateway.socket, "status")) as { dataPlane: { drops: object } };
      expect(dataPlane.drops).not.toHaveProperty("no-sequence");
      const mbps = (end.sum_received.bits_per_second / 1e6).toFixed(0);
      console.log(
        `${who} initiates: ${pings} of ${pings} pings in ${SECONDS} s, TCP at ${mbps} Mbit/s with ${end.sum_sent.retransmits} ` +
          `retransmits and no reset; ${seen.spis.size} Child SAs, ${seen.ikeSas.size} IKE SAs`,
      );
    },
    (SECONDS + 90) * 1000,
  );
});

interface IperfReport {
  readonly error?: string;
  readonly end: {
    readonly sum_sent: { readonly retransmits: number };
    readonly sum_received: { readonly seconds: number; readonly bits_per_second: number };
  };
}

/** RST segments sent, and connections reset, at both hosts. */
function resets(net: SiteToSite["net"]): number {
  return ["h0", "h1"]
    .flatMap((host) => net.exec(host, "nstat -asz TcpOutRsts TcpEstabResets").split("\n"))
    .map((line) => /^Tcp\S+\s+(\d+)/.exec(line)?.[1] ?? "0")
    .reduce((sum, count) => sum + Number(count), 0);
}

async function spis(node: Running): Promise<string[]> {
  return (await status(node)).tunnels[0]!.children.flatMap(({ spiIn, spiOut }) => [spiIn, spiOut]);
}

async function watchSas(node: Running, seen: Seen, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const tunnel = (await status(node)).tunnels[0]!;
    if (tunnel.initiatorSpi !== undefined) seen.ikeSas.add(tunnel.initiatorSpi);
    for (const child of tunnel.children) seen.spis.add(child.spiIn);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** What a process printed until its end. */
function output(child: ReturnType<SiteToSite["net"]["spawn"]>): Promise<string> {
  let text = "";
  child.stdout?.on("data", (chunk) => {
    text += chunk;
  });
  return new Promise((resolve) => child.once("close", () => resolve(text)));
}
