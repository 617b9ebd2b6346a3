/**
 * Two real data planes with fixed keys in namespaces, without IKE:
 *
 *      h1 10.1.0.2 ── g1 ── 192.0.2.0/24 ── g2 ── 10.2.0.2 h2        (and fd01::2, fd02::2)
 */
import { Net, sh, until } from "./namespaces.ts";
import { StaticPlane } from "./static-plane.ts";

export class TwoPlanes {
  readonly net: Net;
  readonly g1: StaticPlane;
  readonly g2: StaticPlane;

  private constructor(net: Net, g1: StaticPlane, g2: StaticPlane) {
    this.net = net;
    this.g1 = g1;
    this.g2 = g2;
  }

  /** `more` goes into the configuration of both, `first` and `second` into one. */
  static async build(more: object = {}, first: object = {}, second: object = {}): Promise<TwoPlanes> {
    const net = new Net("dp");
    let planes: readonly StaticPlane[] = [];
    try {
      for (const node of ["h1", "g1", "g2", "h2"]) net.node(node);
      net.link("h1:eth0 10.1.0.2/24 fd01::2/64", "g1:in0 10.1.0.1/24 fd01::1/64");
      net.link("g1:out0 192.0.2.1/24", "g2:out0 192.0.2.2/24");
      net.link("h2:eth0 10.2.0.2/24 fd02::2/64", "g2:in0 10.2.0.1/24 fd02::1/64");
      const common = { tun: "tun0", ...more };
      const ends = { g1: "192.0.2.1", g2: "192.0.2.2" };
      const g1 = new StaticPlane(net.name("g1"), {
        ...common,
        ...first,
        local: ends.g1,
        remote: ends.g2,
        side: "a",
        routes: ["10.2.0.0/16", "fd02::/64"],
      });
      const g2 = new StaticPlane(net.name("g2"), {
        ...common,
        ...second,
        local: ends.g2,
        remote: ends.g1,
        side: "b",
        routes: ["10.1.0.0/16", "fd01::/64"],
      });
      planes = [g1, g2];
      await until("the first data plane", g1.up);
      await until("the second data plane", g2.up);
      routesIntoTun(net);
      for (const [host, via] of [
        ["h1", "1"],
        ["h2", "2"],
      ] as const) {
        sh(`ip -n ${net.name(host)} route add default via 10.${via}.0.1`);
        sh(`ip -n ${net.name(host)} -6 route add default via fd0${via}::1`);
      }
      return new TwoPlanes(net, g1, g2);
    } catch (error) {
      await Promise.all(planes.map((plane) => plane.stop()));
      await net.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.g1.stop(), this.g2.stop()]);
    await this.net.close();
  }
}

export function routesIntoTun(net: Net): void {
  for (const [node, far] of [
    ["g1", "2"],
    ["g2", "1"],
  ] as const) {
    sh(`ip -n ${net.name(node)} route replace 10.${far}.0.0/16 dev tun0`);
    sh(`ip -n ${net.name(node)} -6 route replace fd0${far}::/64 dev tun0`);
  }
}

/** Sends each text as one UDP datagram to g2's port 4500 from g1. */
export function inject(made: Net, ...hex: string[]): void {
  const script = `const s=require("dgram").createSocket("udp4");let n=${hex.length};for(const h of ${JSON.stringify(hex)})s.send(Buffer.from(h,"hex"),4500,"192.0.2.2",()=>{if(--n===0)s.close()})`;
  sh(`ip netns exec ${made.name("g1")} ${process.execPath} -e '${script}'`);
}
