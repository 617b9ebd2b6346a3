/**
 * Two real data planes (worker, TUN, sockets, OpenSSL) with fixed keys in namespaces, without IKE: packets of every size and
 * both families, forged and replayed datagrams, the TUN going down and up, and nothing on the outside link in clear.
 */
import { afterEach, describe, expect, it } from "vitest";
import { canMakeNamespaces, type Net, sh, until } from "./namespaces.ts";
import { inject, routesIntoTun, TwoPlanes } from "./two-planes.ts";

let pair: TwoPlanes | undefined;
afterEach(async () => {
  await pair?.close();
  pair = undefined;
});

async function build(more: object = {}): Promise<TwoPlanes> {
  pair = await TwoPlanes.build(more);
  return pair;
}

/** Whoever has had one answer waits for the others only two round trips: on a busy machine that is too short for a verdict. */
function ping(made: Net, options: string): string {
  let said = "";
  for (let attempt = 0; attempt < 3 && !said.includes(" 0% packet loss"); attempt++)
    said = sh(`ip netns exec ${made.name("h1")} ping -q -i 0.01 -W 2 ${options}`);
  return said;
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
    ["UDP by node:crypto", { backend: "node" }],
    ["UDP by @noble", { backend: "noble" }],
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
    const zeros = "00".repeat(40);
    inject(made, `${spi}00000001${zeros}`, `deadbeef00000001${zeros}`, spi, "0102", "ff");
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
    routesIntoTun(made);
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
