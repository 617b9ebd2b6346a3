/**
 * Two real data planes (worker, TUN, sockets, OpenSSL) with fixed keys in namespaces, without IKE: packets of every size and
 * both families, forged and replayed datagrams, the TUN going down and up, and nothing on the outside link in clear.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, it } from "vitest";
import { canMakeNamespaces, Net, sh, until } from "./namespaces.ts";

const MAIN = new URL("../../src/dataplane/static-main.ts", import.meta.url).pathname;

interface Report {
  readonly counters: Record<string, number>;
  readonly drops: Record<string, number>;
}

/** One data plane as a process of its own. */
class Plane {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];

  constructor(netns: string, config: object) {
    this.#child = spawn("ip", ["netns", "exec", netns, process.execPath, MAIN, JSON.stringify(config)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    createInterface({ input: this.#child.stdout! }).on("line", (line) => this.#lines.push(line));
  }

  up = (): boolean => this.#lines.some((line) => line.includes('"up"'));

  async report(): Promise<Report> {
    const before = this.#lines.length;
    this.#child.kill("SIGUSR2");
    await until("a report", () => this.#lines.length > before);
    return JSON.parse(this.#lines.at(-1)!) as Report;
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGTERM");
    await ended;
  }
}

let net: Net | undefined;
let planes: Plane[] = [];
afterEach(async () => {
  await Promise.all(planes.map((plane) => plane.stop()));
  planes = [];
  await net?.close();
  net = undefined;
});

async function build(more: object = {}): Promise<{ net: Net; g1: Plane; g2: Plane }> {
  const made = new Net("dp");
  net = made;
  for (const node of ["h1", "g1", "g2", "h2"]) made.node(node);
  made.link("h1:eth0 10.1.0.2/24 fd01::2/64", "g1:in0 10.1.0.1/24 fd01::1/64");
  made.link("g1:out0 192.0.2.1/24", "g2:out0 192.0.2.2/24");
  made.link("h2:eth0 10.2.0.2/24 fd02::2/64", "g2:in0 10.2.0.1/24 fd02::1/64");
  const common = { tun: "tun0", ...more };
  const g1 = new Plane(made.name("g1"), {
    ...common,
    local: "192.0.2.1",
    remote: "192.0.2.2",
    side: "a",
    routes: ["10.2.0.0/16", "fd02::/64"],
  });
  const g2 = new Plane(made.name("g2"), {
    ...common,
    local: "192.0.2.2",
    remote: "192.0.2.1",
    side: "b",
    routes: ["10.1.0.0/16", "fd01::/64"],
  });
  planes = [g1, g2];
  await until("the first data plane", g1.up);
  await until("the second data plane", g2.up);
  routes(made);
  for (const [host, via] of [
    ["h1", "1"],
    ["h2", "2"],
  ] as const) {
    sh(`ip -n ${made.name(host)} route add default via 10.${via}.0.1`);
    sh(`ip -n ${made.name(host)} -6 route add default via fd0${via}::1`);
  }
  return { net: made, g1, g2 };
}

function routes(made: Net): void {
  for (const [node, far] of [
    ["g1", "2"],
    ["g2", "1"],
  ] as const) {
    sh(`ip -n ${made.name(node)} route replace 10.${far}.0.0/16 dev tun0`);
    sh(`ip -n ${made.name(node)} -6 route replace fd0${far}::/64 dev tun0`);
  }
}

const ping = (made: Net, options: string): string =>
  sh(`ip netns exec ${made.name("h1")} ping -q -i 0.01 -W 2 ${options}`);

/** Sends text as one UDP datagram to g2's port 4500 from g1. */
function inject(made: Net, hex: string): void {
  const script = `const s=require("dgram").createSocket("udp4");s.send(Buffer.from("${hex}","hex"),4500,"192.0.2.2",()=>s.close())`;
  sh(`ip netns exec ${made.name("g1")} ${process.execPath} -e '${script}'`);
}

describe.runIf(canMakeNamespaces())("two real data planes", () => {
  it.each([
    ["UDP", {}],
    ["protocol 50", { encapsulation: "esp" }],
    ["UDP, no offloads anywhere", { tunOffload: false, settings: { outerOffload: false } }],
    [
      "ChaCha20-Poly1305 with ESN",
      { suite: { encryption: "chacha20-poly1305", keyBits: 256, integrity: "none" }, esn: true },
    ],
    ["AES-CBC with HMAC", { suite: { encryption: "aes-cbc", keyBits: 256, integrity: "hmac-sha256-128" } }],
  ])("carry pings of every size: %s", async (_name, more) => {
    const { net: made, g1, g2 } = await build(more);
    for (const size of [0, 1, 2, 3, 56, 1371, 1372]) {
      expect(ping(made, `-c 3 -s ${size} 10.2.0.2`)).toContain(" 0% packet loss");
    }
    expect(ping(made, "-c 3 -s 8000 10.2.0.2")).toContain(" 0% packet loss"); // in fragments
    expect(ping(made, "-c 3 -s 1000 fd02::2")).toContain(" 0% packet loss");
    for (const plane of [g1, g2]) {
      const { drops } = await plane.report();
      const bad = Object.keys(drops).filter((name) => name !== "no-route"); // router solicitations have none
      expect(bad).toEqual([]);
    }
  });

  it("count forged datagrams by name and go on; the TUN may go down and come back", async () => {
    const { net: made, g2 } = await build();
    const spi = "10000002";
    inject(made, `${spi}00000001${"00".repeat(40)}`);
    inject(made, `deadbeef00000001${"00".repeat(40)}`);
    inject(made, spi);
    inject(made, "0102");
    inject(made, "ff");
    await until("all five are counted", async () => Object.keys((await g2.report()).drops).length >= 5);
    expect((await g2.report()).drops).toMatchObject({
      "bad-icv": 1,
      "unknown-spi": 1,
      "esp-truncated": 1,
      "outer-not-esp": 1,
      keepalive: 1,
    });
    expect(ping(made, "-c 3 10.2.0.2")).toContain(" 0% packet loss");

    sh(`ip -n ${made.name("g2")} link set tun0 down`);
    expect(() => ping(made, "-c 3 10.2.0.2")).toThrow();
    expect((await g2.report()).drops["tun-error"]).toBeGreaterThan(0);
    sh(`ip -n ${made.name("g2")} link set tun0 up`);
    routes(made);
    expect(ping(made, "-c 3 10.2.0.2")).toContain(" 0% packet loss");

    sh(`ip -n ${made.name("g1")} link set out0 down`);
    expect(() => ping(made, "-c 3 10.2.0.2")).toThrow();
    sh(`ip -n ${made.name("g1")} link set out0 up`);
    await until("packets pass again", () => {
      try {
        return ping(made, "-c 1 10.2.0.2").includes(" 0% packet loss");
      } catch {
        return false;
      }
    });
  });
});
