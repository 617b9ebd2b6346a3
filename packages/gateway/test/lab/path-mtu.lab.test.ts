/**
 * Two real data planes with a router between them whose second link is narrower than both ends know:
 *
 *      h1 ── g1 ── 1500 ── router ── 1300 ── g2 ── h2
 *
 * The router says so about an ESP packet; from then on senders behind g1 are told what fits inside the tunnel.
 */
import { afterEach, describe, expect, it } from "vitest";
import { canMakeNamespaces, Net, sh, until } from "./namespaces.ts";
import { StaticPlane } from "./static-plane.ts";

const NARROW = 1300;

let net: Net | undefined;
let planes: StaticPlane[] = [];
afterEach(async () => {
  await Promise.all(planes.map((plane) => plane.stop()));
  planes = [];
  await net?.close();
  net = undefined;
});

const ENDS = {
  4: { g1: "192.0.2.1", g2: "198.51.100.2" },
  6: { g1: "2001:db8:1::1", g2: "2001:db8:2::2" },
} as const;

async function build(family: 4 | 6, more: object): Promise<{ net: Net; g1: StaticPlane }> {
  const made = new Net("pm");
  net = made;
  for (const node of ["h1", "g1", "r", "g2", "h2"]) made.node(node);
  made.link("h1:eth0 10.1.0.2/24", "g1:in0 10.1.0.1/24");
  made.link("g1:out0 192.0.2.1/24 2001:db8:1::1/64", "r:a0 192.0.2.254/24 2001:db8:1::fe/64");
  made.link("r:b0 198.51.100.254/24 2001:db8:2::fe/64", "g2:out0 198.51.100.2/24 2001:db8:2::2/64");
  made.link("h2:eth0 10.2.0.2/24", "g2:in0 10.2.0.1/24");
  sh(`ip -n ${made.name("r")} link set b0 mtu ${NARROW}`);
  sh(`ip -n ${made.name("g2")} link set out0 mtu ${NARROW}`);
  made.route("g1", "default via 192.0.2.254");
  made.route("g1", "default via 2001:db8:1::fe");
  made.route("g2", "default via 198.51.100.254");
  made.route("g2", "default via 2001:db8:2::fe");
  made.route("h1", "default via 10.1.0.1");
  made.route("h2", "default via 10.2.0.1");
  const ends = ENDS[family];
  const plane = (place: "g1" | "g2"): StaticPlane => {
    const first = place === "g1";
    return new StaticPlane(made.name(place), {
      tun: "tun0",
      local: ends[place],
      remote: ends[first ? "g2" : "g1"],
      side: first ? "a" : "b",
      routes: [first ? "10.2.0.0/16" : "10.1.0.0/16"],
      ...more,
      settings: { outerDontFragment: true, routerAddresses: [first ? "10.1.0.1" : "10.2.0.1"] },
    });
  };
  const g1 = plane("g1");
  const g2 = plane("g2");
  planes = [g1, g2];
  await until("the first data plane", g1.up);
  await until("the second data plane", g2.up);
  sh(`ip -n ${made.name("g1")} route replace 10.2.0.0/16 dev tun0`);
  sh(`ip -n ${made.name("g2")} route replace 10.1.0.0/16 dev tun0`);
  return { net: made, g1 };
}

/** One ping of so many bytes as a whole IP packet with DF; what ping said. */
const ping = (made: Net, length: number): string =>
  sh(`ip netns exec ${made.name("h1")} ping -n -M do -c 1 -W 2 -s ${length - 28} 10.2.0.2 2>&1 || true`);

describe.runIf(canMakeNamespaces())("a narrow link between two real data planes", () => {
  it.each([
    ["in UDP over IPv4", 4, {}, 1238],
    ["as protocol 50 over IPv4", 4, { encapsulation: "esp" }, 1246],
    ["in UDP over IPv6", 6, {}, 1218],
  ] as const)("is learned from the router, %s", async (_name, family, more, inner) => {
    const { net: made, g1 } = await build(family, more);
    await until("small packets pass", () => ping(made, 84).includes(" 0% packet loss"));
    expect((await g1.report()).counters.pathMtuLowered).toBe(0);
    ping(made, 1358); // the packet that the router complains about
    await until("the router is heard", async () => (await g1.report()).counters.pathMtuLowered === 1);
    await until("the host is told", () => {
      const said = ping(made, 1358);
      return said.includes(`mtu = ${inner}`) || said.includes(`mtu=${inner}`);
    });
    await until("what fits passes", () => ping(made, inner).includes(" 0% packet loss"));
    const { drops } = await g1.report();
    expect(drops["too-big"]).toBeGreaterThan(0);
    expect(drops["icmp-untrusted"]).toBeUndefined();
  });
});
