/** A fabric between one VNet host, two instances and one device, in namespaces of this test. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { FabricConfigInput } from "@tandem/contract";
import { ControlClient } from "../../src/control/control-client.ts";

const prefix = `sup${process.pid}`;
export const ns = (name: string): string => `${prefix}-${name}`;

export function ip(...args: string[]): string {
  return execFileSync("ip", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

const inNs = (name: string, line: string): string => ip("-n", ns(name), ...line.split(" "));

function cable(a: string, ia: string, aa: string, b: string, ib: string, ab: string): void {
  ip("link", "add", "name", ia, "netns", ns(a), "type", "veth", "peer", "name", ib, "netns", ns(b));
  for (const [n, i, address] of [
    [a, ia, aa],
    [b, ib, ab],
  ] as const) {
    inNs(n, `addr add ${address} dev ${i}`);
    inNs(n, `link set dev ${i} up`);
  }
}

const NODES = ["host", "fabric", "i0", "i1", "device"];
export const SITE_HOST = "10.51.0.4";
export const DEVICE = "198.51.100.10";
export const PUBLIC = ["203.0.113.10", "203.0.113.11"] as const;

export class TestFabric {
  readonly folder = mkdtempSync(join(tmpdir(), "tandem-fabric-"));
  readonly #children: ChildProcess[] = [];
  readonly #clients: ControlClient[] = [];

  constructor() {
    for (const n of NODES) {
      ip("netns", "add", ns(n));
      inNs(n, "link set dev lo up");
    }
    for (const n of ["fabric", "i0", "i1"]) {
      execFileSync("ip", ["netns", "exec", ns(n), "sh", "-c", SYSCTLS]);
    }
    cable("host", "eth0", "10.11.0.4/32", "fabric", "vnet0h0", "10.11.0.1/32");
    inNs("host", "route add 10.11.0.1/32 dev eth0");
    inNs("host", "route add default via 10.11.0.1");
    inNs("fabric", "route add 10.11.0.4/32 dev vnet0h0");
    inNs("fabric", "route add 10.11.0.4/32 dev vnet0h0 table 101");
    inNs("fabric", "route add unreachable default table 101 metric 4294967295");
    inNs("fabric", "rule add priority 200 iif vnet0h0 lookup 101");
    cable("device", "out", "100.64.0.9/31", "fabric", "dev0", "100.64.0.8/31");
    inNs("device", `addr add ${DEVICE}/32 dev lo`);
    inNs("device", "route add default via 100.64.0.8");
    inNs("fabric", `route add ${DEVICE}/32 via 100.64.0.9`);
    for (const i of [0, 1]) {
      cable(`i${i}`, "out", `100.64.1.${2 * i}/31`, "fabric", `g0out${i}`, `100.64.1.${2 * i + 1}/31`);
      cable(`i${i}`, "in", `100.64.2.${2 * i}/31`, "fabric", `g0in${i}`, `100.64.2.${2 * i + 1}/31`);
      inNs(`i${i}`, `route add default via 100.64.1.${2 * i + 1}`);
      inNs(`i${i}`, `route add 10.11.0.0/16 via 100.64.2.${2 * i + 1}`);
      inNs(`i${i}`, `addr add ${SITE_HOST}/32 dev lo`);
      // Both claim both public IPs: whether packets pass is the fabric's decision, not theirs.
      for (const address of PUBLIC) inNs(`i${i}`, `addr add ${address}/32 dev lo`);
    }
    writeFileSync(this.file("fabric.json"), JSON.stringify(this.#config()));
  }

  file(name: string): string {
    return join(this.folder, name);
  }

  #config(): FabricConfigInput {
    return {
      name: "fabric",
      controlSocket: this.file("fabric.sock"),
      stateFile: this.file("fabric.state.json"),
      gateways: [
        {
          name: "gw",
          table: 101,
          vnetInterfaces: ["vnet0h0"],
          vnetPrefixes: ["10.11.0.0/16"],
          ports: [0, 1].map((i) => ({
            instance: `gw/IN_${i}`,
            outside: { interface: `g0out${i}`, via: [`100.64.1.${2 * i}`] },
            inside: { interface: `g0in${i}`, via: [`100.64.2.${2 * i}`] },
          })),
          seats: [0, 1].map((i) => ({
            name: `gw/${i}`,
            publicIps: [PUBLIC[i]!],
            bgpIp: `10.12.255.${4 + i}`,
            owner: `gw/IN_${i}`,
            epoch: 1,
          })),
        },
      ],
      edgeInterfaces: ["dev0"],
    };
  }

  /** Starts the agent and waits until it answers. `wrapper`: a command that runs it. */
  async agent(wrapper: readonly string[] = []): Promise<{ child: ChildProcess; client: ControlClient }> {
    const main = new URL("../../src/fabric-main.ts", import.meta.url).pathname;
    const argv = [...wrapper, process.execPath, main, "--config", this.file("fabric.json")];
    const child = this.#spawn("fabric", argv);
    const client = await new Promise<ControlClient>((resolve) => {
      const c: ControlClient = new ControlClient(this.file("fabric.sock"), {
        onUp: () => resolve(c),
        onDown() {},
      });
    });
    this.#clients.push(client);
    return { child, client };
  }

  /** Runs a Node script in a namespace; each line that it prints is given to `onLine`. */
  script(node: string, source: string, onLine: (line: string) => void): ChildProcess {
    const child = this.#spawn(node, [process.execPath, "-e", source]);
    createInterface({ input: child.stdout! }).on("line", onLine);
    return child;
  }

  links(node: string, line: string): string {
    return inNs(node, line);
  }

  #spawn(node: string, argv: string[]): ChildProcess {
    const child = spawn("ip", ["netns", "exec", ns(node), ...argv], { stdio: ["ignore", "pipe", "inherit"] });
    this.#children.push(child);
    return child;
  }

  close(): void {
    for (const client of this.#clients) client.close();
    for (const child of this.#children) child.kill("SIGKILL");
    for (const n of NODES) ip("netns", "del", ns(n));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const SYSCTLS = `
echo 1 > /proc/sys/net/ipv4/ip_forward
echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter
for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $f; done
echo 1 > /proc/sys/net/ipv4/fib_multipath_hash_policy`;

/** Counts datagrams by source port, printing `port` of every one. */
export const SINK = (port: number, address: string): string => `
const s = require("node:dgram").createSocket("udp4");
s.bind(${port}, "${address}", () => console.log("listening"));
s.on("message", (_m, from) => console.log(from.address + " " + from.port));`;

/** Sends on \`flows\` sockets, each every \`milliseconds\`. */
export const FLOWS = (flows: number, milliseconds: number): string => `
const dgram = require("node:dgram");
for (let i = 0; i < ${flows}; i++) {
  const s = dgram.createSocket("udp4");
  s.on("error", () => {});
  s.bind(20000 + i, "10.11.0.4", () => setInterval(() => s.send("x", 9999, "${SITE_HOST}"), ${milliseconds}));
}`;

export const SEND_AS = (from: string, to: string, port: number): string => `
const s = require("node:dgram").createSocket("udp4");
s.bind(0, "${from}", () => setInterval(() => s.send("x", ${port}, "${to}"), 20));`;
