/**
 * A data plane by itself with fixed keys: no IKE, no BGP. For throughput measurements and for trying the packet path by hand.
 *
 *      node static-main.ts '{"tun":"tun0","mtu":1400,"local":"192.0.2.1","remote":"192.0.2.2","side":"a","routes":["10.2.0.0/16"]}'
 *
 * Both ends must run with opposite sides. It prints one JSON line when it is up and one with its counters when it ends.
 * The keys are public: nothing that must stay secret may go through this.
 */
import { execFileSync } from "node:child_process";
import type { ChildSaParameters, EspKeys, TrafficSelector } from "@tandem/esp";
import type { CipherBackendName } from "./cipher-backend.ts";
import { DataPlane } from "./data-plane.ts";
import type { PlaneSettings } from "./options.ts";

interface StaticConfig {
  readonly tun: string;
  /** MTU of the TUN device. Default 1400, which every suite fits into 1500 bytes. */
  readonly mtu?: number;
  readonly local: string;
  readonly remote: string;
  readonly side: "a" | "b";
  /** Prefixes behind the other end. */
  readonly routes: readonly string[];
  /** First and last address that may be behind the other end, per family; default: any. */
  readonly remoteRanges?: readonly (readonly [string, string])[];
  readonly suite?: ChildSaParameters["suite"];
  readonly encapsulation?: "udp" | "esp";
  readonly esn?: boolean;
  readonly tunOffload?: boolean;
  readonly settings?: Partial<PlaneSettings>;
  readonly backend?: CipherBackendName;
}

const SPI = { a: 0x1000_0001, b: 0x1000_0002 };
const BLOCK = 2 ** 24;
const any = { protocol: 0, startPort: 0, endPort: 65535 };
const ANY: readonly TrafficSelector[] = [
  { ...any, startAddress: "0.0.0.0", endAddress: "255.255.255.255" },
  { ...any, startAddress: "::", endAddress: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
];

const config = JSON.parse(process.argv[2] ?? "{}") as StaticConfig;
const plane = await DataPlane.start({
  tun: config.tun,
  ...(config.tunOffload !== undefined && { tunOffload: config.tunOffload }),
  ...(config.settings && { settings: config.settings }),
  ...(config.backend && { backend: config.backend }),
});
execFileSync("ip", [
  "link",
  "set",
  config.tun,
  "up",
  "mtu",
  String(config.mtu ?? 1400),
  "txqueuelen",
  "1000",
]);

plane.onEvent((event) => {
  if (event.kind !== "need-sequence") return;
  const first = event.reservedUpTo;
  const block = { first, limit: first + BLOCK };
  plane.command({ kind: "reserve-sequence", childSa: event.childSa, block }).catch(() => {});
});

const tunnel = "static";
await plane.command({ kind: "add-seat", seat: "static", epoch: 1, addresses: [config.local] });
await plane.command({
  kind: "add-tunnel",
  tunnel,
  connection: "static",
  seat: "static",
  remote: config.remote,
});
await plane.command({
  kind: "add-child-sa",
  tunnel,
  sa: childSa(config),
  sequence: { first: 1, limit: BLOCK },
});
await plane.command({ kind: "switch-outbound", tunnel, childSa: "static-1" });
const set = config.routes.map((prefix) => ({ prefix, tunnels: [tunnel], source: "static" as const }));
await plane.command({ kind: "fib", set, remove: [] });
process.stdout.write(
  `${JSON.stringify({ up: config.tun, backend: plane.backend, offloads: plane.offloads })}\n`,
);

const report = (): void => {
  const { heapUsed, rss } = process.memoryUsage();
  const line = { counters: plane.counters(), drops: plane.drops(), cpu: process.cpuUsage(), heapUsed, rss };
  process.stdout.write(`${JSON.stringify(line)}\n`);
};
process.on("SIGUSR2", report);
const end = async (): Promise<void> => {
  report();
  await plane.stop();
  process.exit(0);
};
process.once("SIGTERM", () => void end());
process.once("SIGINT", () => void end());
setInterval(() => {}, 1 << 30); // stays until told

function childSa(c: StaticConfig): ChildSaParameters {
  const mine = c.side;
  const other = mine === "a" ? "b" : "a";
  const suite = c.suite ?? { encryption: "aes-gcm-16", keyBits: 128, integrity: "none" };
  const udp = (c.encapsulation ?? "udp") === "udp";
  return {
    id: "static-1",
    connection: "static",
    seat: "static",
    suite,
    esn: c.esn ?? false,
    spiIn: SPI[mine],
    spiOut: SPI[other],
    inbound: fixedKeys(suite, SPI[mine]),
    outbound: fixedKeys(suite, SPI[other]),
    endpoints: {
      local: c.local,
      remote: c.remote,
      ...(udp && { udp: { localPort: 4500, remotePort: 4500 } }),
    },
    localSelectors: ANY,
    remoteSelectors:
      c.remoteRanges?.map(([startAddress, endAddress]) => ({ ...any, startAddress, endAddress })) ?? ANY,
    replayWindow: 1024,
  };
}

function fixedKeys(suite: ChildSaParameters["suite"], seed: number): EspKeys {
  const fill = (length: number) => new Uint8Array(length).map((_, i) => (seed + i * 7) & 0xff);
  const aead = suite.integrity === "none";
  const integrity: Record<string, number> = {
    "hmac-md5-96": 16,
    "hmac-sha1-96": 20,
    "hmac-sha256-128": 32,
    "hmac-sha384-192": 48,
    "hmac-sha512-256": 64,
  };
  return {
    encryption: fill(suite.keyBits / 8),
    salt: aead ? fill(4) : new Uint8Array(0),
    integrity: fill(integrity[suite.integrity] ?? 0),
  };
}
